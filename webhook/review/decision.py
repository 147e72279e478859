"""The decision on a review: the source of the response, the log line, the audit annotations and the metrics."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from webhook.engine.defaults import Completed
from webhook.model import Finding, Verdict, together
from webhook.printable import shorten
from webhook.review.request import Request

Endpoint = Literal["validate", "mutate"]

_NAME_LENGTH = 256


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
    def rules(self) -> dict[str, list[str]]:
        """The IDs of rules by outcome; outcomes without a rule are left out."""
        if self.verdict is None:
            return {}
        said = self.verdict.said
        found = {
            "denied": [one.rule for one in said if one.level == "deny"],
            "warned": [one.rule for one in said if one.level == "warn"],
            "observed": [one.rule for one in said if one.level == "warn" and one.enforced == "deny"],
            "excused": [finding.rule for finding in self.verdict.findings if finding.excuse],
            "skipped": [skipped.rule for skipped in self.verdict.skipped],
            "rule_errors": [error.rule for error in self.verdict.errors],
        }
        return {key: list(dict.fromkeys(rules)) for key, rules in found.items() if rules}

    @property
    def added(self) -> list[str]:
        """The defaults that were added, as text."""
        return [edit.says for edit in self.filled.edits] if self.filled is not None else []

    def log_fields(self) -> dict[str, Any]:
        """The fields of the log line: never the object itself, and text from the request is truncated."""
        return {
            "uid": self.uid,
            "endpoint": self.endpoint,
            "allowed": self.allowed,
            **(_of_request(self.request) if self.request is not None else {}),
            **self.rules,
            **({"added": self.added} if self.filled is not None else {}),
            **({"over_budget": True} if self.over_budget else {}),
            **({"break_glass": True} if self.break_glass else {}),
        }

    def audit_annotations(self) -> dict[str, str]:
        """The annotations for the audit log; the API server prefixes each key with the name of the webhook."""
        lists = self.rules | {"added": self.added}
        kept = {
            key: ",".join(lists[key])
            for key in ("denied", "warned", "observed", "added", "excused", "skipped")
            if lists.get(key)
        }
        return kept | ({"break-glass": "true"} if self.break_glass else {})


def _of_request(request: Request) -> dict[str, Any]:
    change = request.change
    return {
        "operation": change.operation,
        "kind": shorten(change.kind, _NAME_LENGTH),
        "namespace": shorten(request.namespace or change.namespace, _NAME_LENGTH),
        "name": shorten(request.name or change.name, _NAME_LENGTH),
        "user": shorten(change.user.name if change.user else "", _NAME_LENGTH),
        "dry_run": request.dry_run,
    }


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
