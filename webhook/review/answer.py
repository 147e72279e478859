"""AdmissionReview → answer.

Two kinds of error, never mixed: what the caller gets wrong is an HTTP error for the API server; what the author of an
object gets wrong is a denial (HTTP 200, ``allowed: false``) for a person.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from webhook import pipeline
from webhook.budget import Spend
from webhook.cni.identity import is_guarded
from webhook.limits import BODY_LIMIT
from webhook.model import BREAK_GLASS, Resource
from webhook.pipeline import Guard
from webhook.printable import clean
from webhook.review import canary, own_policy, response
from webhook.review.decision import Decision, Endpoint
from webhook.review.request import NoReviewError, Request, UnreadableObjectError, read

LOG = logging.getLogger("cni_guard")

TOO_LARGE = f"the body is larger than {BODY_LIMIT // 2**20} MiB: no review of objects that an API server takes is"

_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and why."""

    status: int
    """The HTTP status."""
    body: bytes
    decision: Decision | None = None
    reason: str = ""
    """Why there is no decision."""


def answer(endpoint: Endpoint, body: bytes, guard: Guard, now: datetime) -> Answer:
    """Answer one review. Never raises: what cannot be evaluated is denied, what is not a review is an HTTP error."""
    if len(body) > BODY_LIMIT:
        return refuse(413, TOO_LARGE)
    spend = guard.spend()  # reading counts too
    try:
        request = read(body)
    except NoReviewError as error:
        return refuse(400, str(error))
    except UnreadableObjectError as error:
        return _answered(Decision(endpoint=endpoint, uid=error.uid, denials=(error.reason,), notices=guard.notices))
    try:
        return _answered(_decide(endpoint, request, guard, now, spend))
    except Exception:
        LOG.exception("a review could not be evaluated", extra={"uid": request.uid})
        return _answered(_failed(endpoint, request, guard))


def refuse(status: int, reason: str) -> Answer:
    """The answer to what is not a review, for the API server: an HTTP error with its reason."""
    said = clean(reason)
    return Answer(status, msgspec.json.encode({"error": said}), reason=said)


def _answered(decision: Decision) -> Answer:
    return Answer(_OK, response.render(decision), decision)


def _failed(endpoint: Endpoint, request: Request, guard: Guard) -> Decision:
    """The validating endpoint is the one that denies; the mutating one then only changes nothing."""
    reason = "cni-guard failed to evaluate this object: report it, and see its log for the reason"
    if endpoint == "mutate":
        notices = (*guard.notices, f"no default was added: {reason}")
        return Decision(endpoint=endpoint, uid=request.uid, request=request, notices=notices)
    return Decision(endpoint=endpoint, uid=request.uid, request=request, denials=(reason,), notices=guard.notices)


def _decide(endpoint: Endpoint, request: Request, guard: Guard, now: datetime, spend: Spend) -> Decision:
    nothing = Decision(endpoint=endpoint, uid=request.uid, request=request)
    change = request.resource
    if own_policy.is_own_policy(request):
        return replace(nothing, denials=own_policy.objections(change.object, guard.rules), notices=guard.notices)
    if not request.concerns_us:
        return nothing
    if change.operation == "DELETE" and change.old is None:
        # The API server sends the object that goes; on deletecollection it asks the mutating endpoint without any.
        unknown = ("the request deletes an object without saying which: it cannot be evaluated",)
        return replace(nothing, denials=unknown if endpoint == "validate" else ())
    if not is_guarded(change):
        return nothing
    if change.user is not None and BREAK_GLASS in change.user.groups:
        notices = (f"group {BREAK_GLASS}: cni-guard does not evaluate this request",)
        return replace(nothing, break_glass=True, notices=notices)
    evaluate = _complete if endpoint == "mutate" else _validate
    return evaluate(
        replace(nothing, notices=guard.notices + canary.answer(endpoint, request)), change, guard, now, spend
    )


def _validate(decision: Decision, change: Resource, guard: Guard, now: datetime, spend: Spend) -> Decision:
    verdict = pipeline.validate(change, guard, now, spend)
    return replace(decision, verdict=verdict, denials=verdict.denials)


def _complete(decision: Decision, change: Resource, guard: Guard, now: datetime, spend: Spend) -> Decision:
    filled = pipeline.complete(change, guard, now, spend)
    late = ("cni-guard added no defaults: evaluating this object took too much CPU time",)
    return replace(decision, filled=filled, notices=decision.notices + (late if filled.over_budget else ()))
