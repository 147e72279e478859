"""The decision on a review: a frozen value, from which `response`, `record` and `webhook.metrics` are rendered."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from webhook.engine.defaults import Completed
from webhook.model import Finding, RuleError, Skipped, Verdict, together
from webhook.review.request import Request

Endpoint = Literal["validate", "mutate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The IDs of the rules that found something or were not evaluated, each once for each outcome."""

    denied: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    """Those of `warned` that ``mode: enforce`` would deny."""
    excused: tuple[str, ...] = ()
    """Those that an exception or an acknowledgment turned into a warning."""
    skipped: tuple[str, ...] = ()
    rule_errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision on one review."""

    endpoint: Endpoint
    uid: str
    request: Request | None = None
    """None if the object could not be read."""
    denials: tuple[str, ...] = ()
    """The messages that deny the change; empty if it is allowed."""
    notices: tuple[str, ...] = ()
    """Warnings about the guard itself; they come first."""
    verdict: Verdict | None = None
    """The verdict at /validate; None at /mutate."""
    filled: Completed | None = None
    """The result at /mutate; None at /validate."""
    break_glass: bool = False
    """Whether the user is in the break-glass group, so that nothing was evaluated."""

    @property
    def allowed(self) -> bool:
        """Whether the change is allowed."""
        return not self.denials

    @property
    def over_budget(self) -> bool:
        """Whether the evaluation exceeded its CPU time budget."""
        late = self.verdict is not None and self.verdict.overrun is not None
        return late or (self.filled is not None and self.filled.over_budget)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings: first about the guard, then about the change, then about the evaluation."""
        if self.filled is not None:
            return self.notices + _messages(self.filled.findings)
        if self.verdict is not None:
            return self.notices + _messages(self.verdict.findings) + self.verdict.failures + _skipped(self.verdict)
        return self.notices

    @property
    def outcomes(self) -> Outcomes:
        """The rules by outcome; none at /mutate."""
        return _outcomes(self.verdict) if self.verdict is not None else Outcomes()

    @property
    def added(self) -> tuple[str, ...]:
        """The defaults that were added, as text."""
        return tuple(edit.says for edit in self.filled.edits) if self.filled is not None else ()


def _outcomes(verdict: Verdict) -> Outcomes:
    said = verdict.said
    return Outcomes(
        denied=_ids(one for one in said if one.level == "deny"),
        warned=_ids(one for one in said if one.level == "warn"),
        observed=_ids(one for one in said if one.level == "warn" and one.enforced == "deny"),
        excused=_ids(finding for finding in verdict.findings if finding.excuse),
        skipped=_ids(verdict.skipped),
        rule_errors=_ids(verdict.errors),
    )


def _ids(results: Iterable[Finding | RuleError | Skipped]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(result.rule for result in results))


def _messages(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The warnings, introduced problems first: the last ones are cut when they exceed the limit."""
    warned = [finding for finding in together(findings) if finding.level == "warn"]
    warned.sort(key=lambda finding: (not finding.introduced, finding.enforced))
    return tuple(finding.message for finding in warned)


def _skipped(verdict: Verdict) -> tuple[str, ...]:
    """One warning that lists all skipped rules: a rule is never skipped silently."""
    if not verdict.skipped:
        return ()
    rules = ", ".join(dict.fromkeys(skipped.rule for skipped in verdict.skipped))
    return (f"{rules} skipped: {'; '.join(dict.fromkeys(skipped.reason for skipped in verdict.skipped))}",)
