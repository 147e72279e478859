"""AdmissionReview → answer. Every response that there is, is made here.

Two kinds of error, never mixed: what the caller gets wrong is an HTTP error for the API server; what the author of an
object gets wrong is a refusal (HTTP 200, ``allowed: false``) for a person.
"""

import base64
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from webhook import pipeline, policy, review
from webhook.budget import Spend
from webhook.cni.identity import is_guarded
from webhook.limits import BODY_LIMIT, DENIAL_LENGTH, DENIALS_LENGTH
from webhook.model import BREAK_GLASS, Finding, Verdict, at, text, together
from webhook.mutate import Filled
from webhook.pipeline import Guard
from webhook.policy import PolicyError
from webhook.printable import clean, shorten
from webhook.review import NoReviewError, Request, UnreadableObjectError

LOG = logging.getLogger("cni_guard")

Door = Literal["validate", "mutate"]

TOO_LARGE = f"the body is larger than {BODY_LIMIT // 2**20} MiB: no review of objects that an API server takes is"

CONFIG_MAP = ("", "ConfigMap")
POLICY_NAME = "cni-guard-policy"
POLICY_KEY = "policy.yaml"
"""The guard's own policy in the cluster: it is loaded once before it is stored."""

CANARY = "cni-guard.dev/canary"
"""An annotation that each door answers with a warning, so that an installation can see both doors work."""

_FORBIDDEN = 403
_NONCE_LENGTH = 64
_POLICY_LIMIT = 2**16
_OK = 200

WARNING_LENGTH = 256
WARNINGS_LENGTH = 3800
"""kube-apiserver keeps 4,096 characters of warnings for a request, and beyond cuts each at 256; others want some."""

_MOST_DENIALS = 100
_NAME_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and what is to be noted of it."""

    status: int
    """The HTTP status."""
    body: bytes
    record: dict[str, Any]
    """The fields of the decision's log line: never the object itself."""
    verdict: Verdict | None = None


def answer(door: Door, body: bytes, guard: Guard, now: datetime) -> Answer:
    """Answer one review. Never raises: what can not be judged is refused, what is no review is an HTTP error."""
    if len(body) > BODY_LIMIT:
        return refuse(413, TOO_LARGE)
    spend = guard.spend()  # reading counts too
    try:
        request = review.read(body)
    except NoReviewError as error:
        return refuse(400, str(error))
    except UnreadableObjectError as error:
        return _respond(error.uid, {"door": door}, denied=(error.reason,), notices=guard.notices)
    record = _record(door, request)
    try:
        return _decide(door, request, guard, now, record, spend)
    except Exception:
        LOG.exception("a review could not be judged", extra={"uid": request.uid})
        # The validating door is the one that refuses; without a judgement the mutating one only changes nothing.
        reason = "cni-guard failed to judge this object: report it, and see its log for the reason"
        if door == "mutate":
            return _respond(request.uid, record, notices=(*guard.notices, f"no default was added: {reason}"))
        return _respond(request.uid, record, denied=(reason,), notices=guard.notices)


def refuse(status: int, reason: str) -> Answer:
    """The answer to what is no review, for the API server: an HTTP error with its reason."""
    said = clean(reason)
    return Answer(status, msgspec.json.encode({"error": said}), {"status": status, "reason": said})


def _decide(  # noqa: PLR0913, PLR0917 - what a decision rests on
    door: Door, request: Request, guard: Guard, now: datetime, record: dict[str, Any], spend: Spend
) -> Answer:
    resource = request.resource
    if request.group_kind == CONFIG_MAP and resource.name == POLICY_NAME:
        return _respond(request.uid, record, denied=_policy_objections(request, guard), notices=guard.notices)
    if not request.concerns_us:
        return _respond(request.uid, record)
    if resource.operation == "DELETE" and resource.old is None:
        # The API server sends the object that goes; on deletecollection it asks the mutating door without any.
        unknown = ("the request deletes an object without saying which: it can not be judged",)
        return _respond(request.uid, record, denied=unknown if door == "validate" else ())
    if not is_guarded(resource):
        return _respond(request.uid, record)
    if resource.user is not None and BREAK_GLASS in resource.user.groups:
        record["break_glass"] = True
        return _respond(request.uid, record, notices=(f"group {BREAK_GLASS}: cni-guard lets this pass unjudged",))
    judged = _complete if door == "mutate" else _validate
    return judged(request, guard, now, record, guard.notices + _canary(door, request), spend)


def _validate(  # noqa: PLR0913, PLR0917 - what a decision rests on
    request: Request, guard: Guard, now: datetime, record: dict[str, Any], notices: tuple[str, ...], spend: Spend
) -> Answer:
    verdict = pipeline.validate(request.resource, guard, now, spend)
    return _respond(
        request.uid,
        record | _noted(verdict),
        verdict=verdict,
        denied=verdict.denials,
        notices=notices,
        warnings=_warnings(verdict.findings) + verdict.failures + _unchecked(verdict),
    )


def _complete(  # noqa: PLR0913, PLR0917 - what a decision rests on
    request: Request, guard: Guard, now: datetime, record: dict[str, Any], notices: tuple[str, ...], spend: Spend
) -> Answer:
    filled = pipeline.complete(request.resource, guard, now, spend)
    noted = record | {"filled": [edit.says for edit in filled.edits]}
    if filled.over_budget:
        noted["over_budget"] = True
        notices = (*notices, "cni-guard added no defaults: evaluating this object took too much CPU time")
    return _respond(request.uid, noted, notices=notices, warnings=_warnings(filled.findings), filled=filled)


def _policy_objections(request: Request, guard: Guard) -> tuple[str, ...]:
    """Why a policy must not be stored; nothing where it loads, or where it goes."""
    stored = request.resource.object
    if stored is None:
        return ()
    content = at(stored, "data", POLICY_KEY)
    if not isinstance(content, str):
        return (f"ConfigMap {POLICY_NAME} has no key {POLICY_KEY}: write the policy there",)
    if len(content) > _POLICY_LIMIT:
        return (f"the policy is larger than {_POLICY_LIMIT // 2**10} KiB",)
    try:
        policy.load(content, POLICY_KEY, guard.rules.ids)
    except PolicyError as error:
        return (clean(f"the policy does not load, and the guard keeps the one it has: {error}"),)
    return ()


def _canary(door: Door, request: Request) -> tuple[str, ...]:
    nonce = text(at(request.resource.object, "metadata", "annotations", CANARY))
    return (f"cni-guard canary {shorten(nonce, _NONCE_LENGTH)} answered at {door}",) if nonce else ()


def _warnings(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Warnings, those that this change brings first: where room is short, the others give way."""
    warned = [finding for finding in together(findings) if finding.level == "warn"]
    warned.sort(key=lambda finding: (not finding.introduced, finding.enforced))
    return tuple(finding.message for finding in warned)


def _unchecked(verdict: Verdict) -> tuple[str, ...]:
    """One warning for all that could not be checked: never silently a pass."""
    if not verdict.skipped:
        return ()
    rules = ", ".join(dict.fromkeys(skipped.rule for skipped in verdict.skipped))
    return (f"{rules} could not be checked: {'; '.join(dict.fromkeys(skipped.reason for skipped in verdict.skipped))}",)


def _respond(  # noqa: PLR0913 - the parts of a response
    uid: str,
    record: dict[str, Any],
    *,
    verdict: Verdict | None = None,
    denied: tuple[str, ...] = (),
    notices: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    filled: Filled | None = None,
) -> Answer:
    response: dict[str, Any] = {"uid": uid, "allowed": not denied}
    if denied:
        response["status"] = {
            "status": "Failure",
            "code": _FORBIDDEN,
            "reason": "Forbidden",
            "message": "\n".join(_bounded(denied)),
        }
    if filled is not None and filled.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(msgspec.json.encode(filled.patch)).decode()
    if said := list(_within_limits(notices + warnings)):
        response["warnings"] = said
    record = {**record, "uid": uid, "allowed": not denied}
    if notes := _annotations(record):
        response["auditAnnotations"] = notes
    body = {"apiVersion": review.API_VERSION, "kind": "AdmissionReview", "response": response}
    return Answer(_OK, msgspec.json.encode(body), record, verdict)


def _bounded(lines: tuple[str, ...]) -> Iterator[str]:
    """As many denials as a person reads, each cut, and how many are left out."""
    room = DENIALS_LENGTH
    for index, line in enumerate(lines):
        said = shorten(line, DENIAL_LENGTH)
        room -= len(said)
        if index >= _MOST_DENIALS or room < 0:
            yield f"... and {len(lines) - index} more"
            return
        yield said


def _within_limits(warnings: tuple[str, ...]) -> Iterator[str]:
    """The warnings, each on one line: whole where all of them fit, else cut as the API server would cut them."""
    said = [clean(warning) for warning in warnings]
    if sum(map(len, said)) <= WARNINGS_LENGTH:
        yield from said
        return
    room = WARNINGS_LENGTH
    for index, warning in enumerate(said):
        cut = shorten(warning, WARNING_LENGTH)
        room -= len(cut)
        if room < 0:
            yield f"{len(said) - index} more warnings: see them all with `cni-guard check`"
            return
        yield cut


def _annotations(record: dict[str, Any]) -> dict[str, str]:
    """What the audit log keeps beside the request; the API server puts the webhook's name before each key."""
    lists = {
        key: ",".join(record[key])
        for key in ("denied", "warned", "observed", "filled", "excused", "skipped")
        if record.get(key)
    }
    return lists | ({"break-glass": "true"} if record.get("break_glass") else {})


def _record(door: Door, request: Request) -> dict[str, Any]:
    """What the log keeps of a request; texts that others chose are cut."""
    resource = request.resource
    return {
        "uid": request.uid,
        "door": door,
        "operation": resource.operation,
        "kind": shorten(resource.kind, _NAME_LENGTH),
        "namespace": shorten(request.namespace or resource.namespace, _NAME_LENGTH),
        "name": shorten(request.name or resource.name, _NAME_LENGTH),
        "user": shorten(resource.user.name if resource.user else "", _NAME_LENGTH),
        "dry_run": request.dry_run,
    }


def _noted(verdict: Verdict) -> dict[str, Any]:
    """The rules by what came of them."""
    said = verdict.said
    noted = {
        "denied": [one.rule for one in said if one.level == "deny"],
        "warned": [one.rule for one in said if one.level == "warn"],
        "observed": [one.rule for one in said if one.level == "warn" and one.enforced == "deny"],
        "excused": [finding.rule for finding in verdict.findings if finding.excuse],
        "skipped": [skipped.rule for skipped in verdict.skipped],
        "crashed": [crash.rule for crash in verdict.crashes],
    }
    kept: dict[str, Any] = {key: list(dict.fromkeys(rules)) for key, rules in noted.items() if rules}
    return kept | ({"over_budget": True} if verdict.overrun else {})
