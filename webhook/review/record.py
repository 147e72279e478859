"""Renders a decision for the log and for the audit annotations of the API server."""

from dataclasses import fields
from typing import Any

from webhook.printable import shorten
from webhook.review.decision import Decision, Outcomes
from webhook.review.request import Request

_NAME_LENGTH = 256
"""Characters of a name in the log line."""

_AUDITED = ("denied", "warned", "observed", "added", "excused", "skipped")


def log_fields(decision: Decision) -> dict[str, Any]:
    """The fields of the log line: never the object itself, and text from the request is truncated."""
    return {
        "uid": decision.uid,
        "endpoint": decision.endpoint,
        "allowed": decision.allowed,
        **(_of_request(decision.request) if decision.request is not None else {}),
        **_outcomes(decision),
        **({"added": list(decision.added)} if decision.filled is not None else {}),
        **({"over_budget": True} if decision.over_budget else {}),
        **({"break_glass": True} if decision.break_glass else {}),
    }


def audit_annotations(decision: Decision) -> dict[str, str]:
    """The annotations for the audit log; the API server prefixes each key with the name of the webhook."""
    lists = _outcomes(decision) | {"added": list(decision.added)}
    kept = {key: ",".join(lists[key]) for key in _AUDITED if lists.get(key)}
    return kept | ({"break-glass": "true"} if decision.break_glass else {})


def _outcomes(decision: Decision) -> dict[str, list[str]]:
    """The IDs of rules by outcome; outcomes without a rule are left out."""
    outcomes = decision.outcomes
    return {field.name: list(rules) for field in fields(Outcomes) if (rules := getattr(outcomes, field.name))}


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
