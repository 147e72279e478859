"""Renders a decision as an AdmissionReview response, within the limits of kube-apiserver."""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from webhook.limits import DENIAL_LENGTH, DENIALS_LENGTH
from webhook.printable import clean, shorten
from webhook.review import record
from webhook.review.decision import Decision
from webhook.review.request import API_VERSION

_FORBIDDEN = 403

WARNING_LENGTH = 256
WARNINGS_LENGTH = 3800
"""Characters of one warning, and of all warnings together.

kube-apiserver passes on 4,096 characters per request, and truncates each warning to 256 beyond that
(apiserver/pkg/endpoints/filters/warning.go). Other webhooks need part of the total.
"""

_MOST_DENIALS = 100


def render(decision: Decision) -> bytes:
    """Render the body of the HTTP response."""
    response: dict[str, Any] = {"uid": decision.uid, "allowed": decision.allowed}
    if decision.denials:
        message = "\n".join(_bounded(decision.denials))
        response["status"] = {"status": "Failure", "code": _FORBIDDEN, "reason": "Forbidden", "message": message}
    if decision.filled is not None and decision.filled.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(msgspec.json.encode(decision.filled.json_patch)).decode()
    if warnings := list(_within_limits(decision.warnings)):
        response["warnings"] = warnings
    if notes := record.audit_annotations(decision):
        response["auditAnnotations"] = notes
    return msgspec.json.encode({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response})


def _bounded(lines: tuple[str, ...]) -> Iterator[str]:
    """As many denials as fit the limits, each truncated; the last line counts the omitted ones."""
    room = DENIALS_LENGTH
    for index, line in enumerate(lines):
        said = shorten(line, DENIAL_LENGTH)
        room -= len(said)
        if index >= _MOST_DENIALS or room < 0:
            yield f"... and {len(lines) - index} more"
            return
        yield said


def _within_limits(warnings: tuple[str, ...]) -> Iterator[str]:
    """The warnings, one line each: in full if all of them fit, otherwise truncated as kube-apiserver would."""
    said = [clean(warning) for warning in warnings]
    if sum(map(len, said)) <= WARNINGS_LENGTH:
        yield from said
        return
    room = WARNINGS_LENGTH
    for index, warning in enumerate(said):
        cut = shorten(warning, WARNING_LENGTH)
        room -= len(cut)
        if room < 0:
            yield f"{len(said) - index} more warnings: run `cni-guard check` to see all of them"
            return
        yield cut
