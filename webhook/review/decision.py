"""What is decided about a review: the response, the log line, the audit annotations and the metrics are made of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from webhook.model import Finding, Verdict, together
from webhook.mutate import Filled
from webhook.printable import shorten
from webhook.review.request import Request

Endpoint = Literal["validate", "mutate"]

_NAME_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision about one review."""

    endpoint: Endpoint
    uid: str
    request: Request | None = None
    """None where the object could not be read."""
    denials: tuple[str, ...] = ()
    """Why the change is denied, a message each; it is allowed where there is none."""
    notices: tuple[str, ...] = ()
    """Warnings about the guard itself, which come first."""
    verdict: Verdict | None = None
    """What the rules found at /validate."""
    filled: Filled | None = None
    """What was added at /mutate."""
    break_glass: bool = False
    """Whether the group that passes everything asked."""

    @property
    def allowed(self) -> bool:
        """Whether the change may go on."""
        return not self.denials

    @property
    def over_budget(self) -> bool:
        """Whether the evaluation took more CPU time than it may."""
        late = self.verdict is not None and self.verdict.overrun is not None
        return late or (self.filled is not None and self.filled.over_budget)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings: about the guard, about the change, and then the rest."""
        if self.filled is not None:
            return self.notices + _messages(self.filled.findings)
        if self.verdict is not None:
            return self.notices + _messages(self.verdict.findings) + self.verdict.failures + _skipped(self.verdict)
        return self.notices

    @property
    def rules(self) -> dict[str, list[str]]:
        """The rules by what came of them; nothing for what came of none."""
        if self.verdict is None:
            return {}
        said = self.verdict.said
        found = {
            "denied": [one.rule for one in said if one.level == "deny"],
            "warned": [one.rule for one in said if one.level == "warn"],
            "observed": [one.rule for one in said if one.level == "warn" and one.enforced == "deny"],
            "excused": [finding.rule for finding in self.verdict.findings if finding.excuse],
            "skipped": [skipped.rule for skipped in self.verdict.skipped],
            "crashed": [crash.rule for crash in self.verdict.crashes],
        }
        return {key: list(dict.fromkeys(rules)) for key, rules in found.items() if rules}

    @property
    def added(self) -> list[str]:
        """The defaults that were added."""
        return [edit.says for edit in self.filled.edits] if self.filled is not None else []

    def log_fields(self) -> dict[str, Any]:
        """The fields of the decision's log line: never the object itself, and texts that others chose are cut."""
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
        """What the audit log keeps beside the request; the API server puts the webhook's name before each key."""
        lists = self.rules | {"added": self.added}
        kept = {
            key: ",".join(lists[key])
            for key in ("denied", "warned", "observed", "added", "excused", "skipped")
            if lists.get(key)
        }
        return kept | ({"break-glass": "true"} if self.break_glass else {})


def _of_request(request: Request) -> dict[str, Any]:
    change = request.resource
    return {
        "operation": change.operation,
        "kind": shorten(change.kind, _NAME_LENGTH),
        "namespace": shorten(request.namespace or change.namespace, _NAME_LENGTH),
        "name": shorten(request.name or change.name, _NAME_LENGTH),
        "user": shorten(change.user.name if change.user else "", _NAME_LENGTH),
        "dry_run": request.dry_run,
    }


def _messages(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Warnings, those that this change brings first: where room is short, the others give way."""
    warned = [finding for finding in together(findings) if finding.level == "warn"]
    warned.sort(key=lambda finding: (not finding.introduced, finding.enforced))
    return tuple(finding.message for finding in warned)


def _skipped(verdict: Verdict) -> tuple[str, ...]:
    """One warning for all rules that were skipped: never silently a pass."""
    if not verdict.skipped:
        return ()
    rules = ", ".join(dict.fromkeys(skipped.rule for skipped in verdict.skipped))
    return (f"{rules} could not be checked: {'; '.join(dict.fromkeys(skipped.reason for skipped in verdict.skipped))}",)
