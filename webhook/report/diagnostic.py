"""A diagnostic: one entry of a report, with everything that a format shows of it."""

from dataclasses import dataclass

from webhook.model import Change, Finding, Level, Path, Position, RuleError
from webhook.printable import clean, dotted


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A finding, or a rule that failed on an object.

    The message and its clauses are printable. The file, the path and the object are as in the input: a format escapes
    them as its syntax requires.
    """

    rule: str
    level: Level
    enforced: Level
    """The level in ``mode: enforce``."""
    certain: bool = False
    """Whether aws-node or every new pod is certain to fail."""
    introduced: bool = True
    failed: bool = False
    """Whether the rule failed, so that the object is neither good nor bad."""
    message: str
    """The full message in one line, as the webhook sends it."""
    wrong: str
    """The first clause of the message: what is wrong."""
    effect: str = ""
    """What happens because of it; empty if the rule failed."""
    remedy: str
    """What to do."""
    excuse: str = ""
    """Why a denial became a warning: an exception or an acknowledgment; empty for any other diagnostic."""
    link: str = ""
    """A page about the fault; empty if the rule failed."""
    file: str
    position: Position
    path: str = ""
    """The field; empty for the object itself."""
    object: str

    @property
    def is_spared(self) -> bool:
        """Whether it is a warning only because of mode observe."""
        return self.level != self.enforced

    @property
    def fault(self) -> str:
        """What is wrong and what happens because of it, without a full stop."""
        return f"{self.wrong}: {self.effect}" if self.effect else self.wrong


def of_finding(finding: Finding) -> Diagnostic:
    """The diagnostic of a finding."""
    problem = finding.problem
    file, position = place(finding.change, problem.path)
    return Diagnostic(
        rule=finding.rule,
        level=finding.level,
        enforced=finding.enforced,
        certain=problem.certain and finding.enforced == "deny",
        introduced=finding.introduced,
        message=finding.message,
        wrong=clean(problem.wrong),
        effect=clean(problem.effect),
        remedy=clean(problem.remedy),
        excuse=clean(finding.excuse),
        link=clean(finding.link),
        file=file,
        position=position,
        path=dotted(problem.path),
        object=str(finding.change),
    )


def of_error(error: RuleError) -> Diagnostic:
    """The diagnostic of a rule that failed."""
    file, position = place(error.change)
    return Diagnostic(
        rule=error.rule,
        level=error.level,
        enforced=error.enforced,
        failed=True,
        message=error.message,
        wrong=clean(error.wrong),
        remedy=clean(error.remedy),
        file=file,
        position=position,
        object=str(error.change),
    )


def place(change: Change, path: Path = ()) -> tuple[str, Position]:
    """The file of an object, and the position of one of its fields; by default of the object itself."""
    source = change.source
    return (source.file, source.position(path)) if source else ("", Position(1, 1))
