"""Answers an AdmissionReview.

There are two kinds of errors. A request that is not a valid review is a fault of the caller: an HTTP error, for the
API server. A wrong object is a fault of its author: a denial (HTTP 200, ``allowed: false``), for a person.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from webhook.budget import Spend
from webhook.engine import pipeline
from webhook.engine.pipeline import Guard
from webhook.limits import BODY_LIMIT
from webhook.model import BREAK_GLASS, Change
from webhook.printable import clean
from webhook.review import canary, own_policy, response
from webhook.review.decision import Decision, Endpoint
from webhook.review.request import NoReviewError, Request, UnreadableObjectError, read

LOG = logging.getLogger("cni_guard")

TOO_LARGE = f"the body is larger than {BODY_LIMIT // 2**20} MiB; a review from an API server never is"

_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP response to a review, and the decision behind it."""

    status: int
    """The HTTP status."""
    body: bytes
    decision: Decision | None = None
    reason: str = ""
    """Why there is no decision; empty if there is one."""


def answer(endpoint: Endpoint, body: bytes, guard: Guard, now: datetime) -> Answer:
    """Answer one review.

    Never raises: an object that cannot be evaluated is denied, and a body that is not a review is an HTTP error.

    Args:
        endpoint: The endpoint that received the review.
        body: The body of the HTTP request.
        guard: What the decision is based on.
        now: The current time; exceptions and permits expire.
    """
    if len(body) > BODY_LIMIT:
        return refuse(413, TOO_LARGE)
    spend = guard.spend()  # parsing counts too
    try:
        request = read(body)
    except NoReviewError as error:
        return refuse(400, str(error))
    except UnreadableObjectError as error:
        if error.__cause__ is not None:
            LOG.exception("failed to read a review", extra={"uid": error.uid})
        return _answered(Decision(endpoint=endpoint, uid=error.uid, denials=(error.reason,), notices=guard.notices))
    try:
        return _answered(_decide(endpoint, request, guard, now, spend))
    except Exception:
        LOG.exception("failed to evaluate a review", extra={"uid": request.uid})
        return _answered(_failed(endpoint, request, guard))


def refuse(status: int, reason: str) -> Answer:
    """The answer to a request that is not a review: an HTTP error with the reason."""
    said = clean(reason)
    return Answer(status, msgspec.json.encode({"error": said}), reason=said)


def _answered(decision: Decision) -> Answer:
    return Answer(_OK, response.render(decision), decision)


def _failed(endpoint: Endpoint, request: Request, guard: Guard) -> Decision:
    """The decision after an internal error: /validate denies, /mutate makes no change, as /validate follows it."""
    reason = "cni-guard failed to evaluate this object. See its log for the error, and report the bug"
    if endpoint == "mutate":
        notices = (*guard.notices, f"no defaults were added: {reason}")
        return Decision(endpoint=endpoint, uid=request.uid, request=request, notices=notices)
    return Decision(endpoint=endpoint, uid=request.uid, request=request, denials=(reason,), notices=guard.notices)


def _decide(endpoint: Endpoint, request: Request, guard: Guard, now: datetime, spend: Spend) -> Decision:
    nothing = Decision(endpoint=endpoint, uid=request.uid, request=request)
    change = request.change
    if own_policy.is_own_policy(request):
        return replace(nothing, denials=own_policy.objections(change.object, guard.rules), notices=guard.notices)
    if not request.concerns_us:
        return nothing
    if change.operation == "DELETE" and change.old is None:
        # oldObject is the object to delete; only on deletecollection does the API server call /mutate without one.
        unknown = ("request.oldObject is null on DELETE: the request does not say which object it deletes",)
        return replace(nothing, denials=unknown if endpoint == "validate" else ())
    if change.target is None:
        return nothing
    if change.user is not None and BREAK_GLASS in change.user.groups:
        notices = (f"cni-guard did not evaluate this request: the user is in group {BREAK_GLASS}",)
        return replace(nothing, break_glass=True, notices=notices)
    evaluate = _complete if endpoint == "mutate" else _validate
    return evaluate(
        replace(nothing, notices=guard.notices + canary.answer(endpoint, request)), change, guard, now, spend
    )


def _validate(decision: Decision, change: Change, guard: Guard, now: datetime, spend: Spend) -> Decision:
    verdict = pipeline.validate(change, guard, now, spend)
    return replace(decision, verdict=verdict, denials=verdict.denials)


def _complete(decision: Decision, change: Change, guard: Guard, now: datetime, spend: Spend) -> Decision:
    filled = pipeline.complete(change, guard, now, spend)
    late = ("cni-guard added no defaults: evaluating this object took too much CPU time",)
    return replace(decision, filled=filled, notices=decision.notices + (late if filled.over_budget else ()))
