"""The result of a run of `cni-guard check`: one frozen value that each format renders."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from webhook.documents import Unread
from webhook.inputs import Build
from webhook.model import Change, Finding, Level, Path, Position, RuleError, Skipped, Verdict, together
from webhook.printable import dotted

Mode = Literal["enforce", "observe"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files and objects were read."""

    files: int = 0
    objects: int = 0
    """Objects of any kind."""
    guarded: int = 0
    """Objects that the guard has rules for."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding or a rule error, as the formats show it: message, level, object and position."""

    rule: str
    level: Level
    enforced: Level
    """The level in ``mode: enforce``."""
    certain: bool
    """Whether aws-node or every new pod is certain to fail."""
    introduced: bool
    message: str
    file: str
    position: Position
    path: str
    object: str
    finding: Finding | None
    """None for a rule error."""

    @property
    def is_spared(self) -> bool:
        """Whether it is a warning only because of mode observe."""
        return self.level != self.enforced


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run."""

    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[Unread, ...] = ()
    errors: tuple[RuleError, ...] = ()
    counts: Counts = Counts()
    builds: tuple[Build, ...] = ()
    """Kustomizations with patches; these are evaluated only in the output of kustomize."""
    mode: Mode = "enforce"

    @classmethod
    def of(
        cls,
        verdicts: Iterable[Verdict],
        unread: tuple[Unread, ...],
        counts: Counts,
        builds: tuple[Build, ...] = (),
        mode: Mode = "enforce",
    ) -> "Report":
        """Create the report from the verdicts of a run."""
        verdicts = tuple(verdicts)
        return cls(
            findings=tuple(finding for verdict in verdicts for finding in _by_place(verdict.findings)),
            skipped=tuple(skipped for verdict in verdicts for skipped in verdict.skipped),
            unread=unread,
            errors=tuple(error for verdict in verdicts for error in verdict.errors),
            counts=counts,
            builds=builds,
            mode=mode,
        )

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Findings and rule errors, by file (in reading order) and line; denials first within a line."""
        diagnostics = [*map(_of_finding, self.findings), *map(_of_error, self.errors)]
        files = {diagnostic.file: index for index, diagnostic in reversed(list(enumerate(diagnostics)))}
        diagnostics.sort(key=lambda one: (files[one.file], one.position.line, one.level, one.position.column))
        return tuple(diagnostics)

    def count(self, level: Level) -> int:
        """The number of findings and rule errors with this level."""
        return sum(diagnostic.level == level for diagnostic in self.diagnostics)

    def failing(self, fail_on: Level | None) -> tuple[Diagnostic, ...]:
        """The findings and rule errors that make the run fail.

        Args:
            fail_on: ``warn`` for all of them, ``deny`` for those that ``mode: enforce`` would deny, None for denials.
        """
        if fail_on == "warn":
            return self.diagnostics
        return self.enforced if fail_on == "deny" else tuple(one for one in self.diagnostics if one.level == "deny")

    @property
    def enforced(self) -> tuple[Diagnostic, ...]:
        """The findings and rule errors that ``mode: enforce`` would deny."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.enforced == "deny")

    @property
    def certain(self) -> tuple[Diagnostic, ...]:
        """Those of `enforced` that are certain to fail."""
        return tuple(diagnostic for diagnostic in self.enforced if diagnostic.certain)

    @property
    def fatal(self) -> tuple[Unread, ...]:
        """Unread files and documents that had to be evaluated."""
        return tuple(unread for unread in self.unread if unread.fatal)


def _by_place(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, of which those with one fault at one place are one, as they are one message of the webhook."""
    places: dict[Path, list[Finding]] = {}
    for finding in findings:
        places.setdefault(finding.problem.path, []).append(finding)
    for listed in places.values():
        yield from together(listed)


def place(change: Change, path: Path = ()) -> tuple[str, Position]:
    """The file of an object, and the position of one of its fields; by default of the object itself."""
    source = change.source
    return (source.file, source.position(path)) if source else ("", Position(1, 1))


def _of_finding(finding: Finding) -> Diagnostic:
    file, position = place(finding.change, finding.problem.path)
    return Diagnostic(
        rule=finding.rule,
        level=finding.level,
        enforced=finding.enforced,
        certain=finding.problem.certain and finding.enforced == "deny",
        introduced=finding.introduced,
        message=finding.message,
        file=file,
        position=position,
        path=dotted(finding.problem.path),
        object=str(finding.change),
        finding=finding,
    )


def _of_error(error: RuleError) -> Diagnostic:
    file, position = place(error.change)
    return Diagnostic(
        rule=error.rule,
        level=error.level,
        enforced=error.enforced,
        certain=False,
        introduced=True,
        message=error.message,
        file=file,
        position=position,
        path="",
        object=str(error.change),
        finding=None,
    )
