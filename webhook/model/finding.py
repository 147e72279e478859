"""What the engine makes of the rules: findings, skipped rules and errors, with their messages."""

from dataclasses import dataclass

from webhook.model.change import Change
from webhook.model.problem import Level, Problem
from webhook.printable import clean, shorten

CLAUSE = 1000
"""Characters of a clause in a message, since it may quote long values."""

NAMED = 20
"""Items listed in one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem with its rule, its final level, and whether this change introduced it."""

    rule: str
    level: Level
    enforced: Level
    """The level in ``mode: enforce``."""
    introduced: bool
    change: Change
    problem: Problem
    link: str
    excuse: str = ""
    """Why a denial became a warning: an exception, an acknowledgment or a rollback; for the response and the log."""

    @property
    def message(self) -> str:
        """The full message: rule, what is wrong, what happens because of it, what to do, link."""
        problem = self.problem
        wrong, effect, remedy = (shorten(clause, CLAUSE) for clause in (problem.wrong, problem.effect, problem.remedy))
        whole = f"{self.rule}: {wrong}: {effect}. {remedy}. {self.link}"
        return clean(f"{whole} ({self.excuse})" if self.excuse else whole)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that was not evaluated for lack of facts; it is reported, since it did not pass."""

    rule: str
    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that raised an exception on this object, so it neither passed nor found anything."""

    rule: str
    level: Level
    enforced: Level
    change: Change
    error: str

    @property
    def wrong(self) -> str:
        """What failed."""
        return f"the rule failed on this object ({self.error}), so it was not evaluated"

    @property
    def remedy(self) -> str:
        """What to do."""
        return (
            "Report this as a bug in cni-guard, with the object. To get warnings instead of denials, set onCrash: warn "
            "in the policy"
        )

    @property
    def message(self) -> str:
        """The message: what failed and what to do."""
        return clean(f"{self.rule}: {self.wrong}. {self.remedy}")


@dataclass(frozen=True, slots=True)
class Overrun:
    """An evaluation that exceeded its CPU time, so the remaining rules did not run."""

    level: Level
    enforced: Level
    seconds: float
    """The limit on CPU time, in seconds."""
    unrun: tuple[str, ...]
    """The rules that did not run."""

    @property
    def message(self) -> str:
        """The message: which rules did not run and what to do."""
        listed = ", ".join(self.unrun[:NAMED]) + (f" and {len(self.unrun) - NAMED} more" * (len(self.unrun) > NAMED))
        return clean(
            f"evaluating this object takes more than {self.seconds} s of CPU time, so these rules were not evaluated: "
            f"{listed}. Remove whatever the CNI does not need: variables, containers, volumes, annotations"
        )
