"""The results of all rules for one change."""

from dataclasses import dataclass

from webhook.model.change import Change
from webhook.model.finding import Finding, Overrun, RuleError, Skipped
from webhook.model.merging import together
from webhook.model.problem import Level


@dataclass(frozen=True, slots=True)
class Verdict:
    """The results of all rules for one change."""

    change: Change
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    errors: tuple[RuleError, ...] = ()
    overrun: Overrun | None = None
    """Set if the evaluation ended before its last rule."""

    @property
    def said(self) -> tuple[Finding | RuleError, ...]:
        """Everything with a level: findings and rule errors."""
        return (*self.findings, *self.errors)

    @property
    def denials(self) -> tuple[str, ...]:
        """The messages that deny the change."""
        return self._messages("deny")

    @property
    def warnings(self) -> tuple[str, ...]:
        """The messages that only warn."""
        return self._messages("warn")

    def _messages(self, level: Level) -> tuple[str, ...]:
        said: tuple[Finding | RuleError, ...] = (*together(self.findings), *self.errors)
        return (*(one.message for one in said if one.level == level), *self._unfinished(level))

    def _unfinished(self, level: Level) -> tuple[str, ...]:
        return (self.overrun.message,) if self.overrun and self.overrun.level == level else ()

    @property
    def failures(self) -> tuple[str, ...]:
        """The warnings about the evaluation itself: rules that failed, and exceeded CPU time."""
        return (*(error.message for error in self.errors if error.level == "warn"), *self._unfinished("warn"))
