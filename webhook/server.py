"""The HTTP layer: request limits, logs and metrics. `review` creates the content of the responses."""

import json
import time
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    RequestEntityTooLarge,
    ServiceUnavailable,
)

from webhook.intake import GivenWayError
from webhook.limits import BODY_LIMIT, TURN_BYTES
from webhook.live import LOG, Live, running
from webhook.review.answer import TOO_LARGE, Answer, answer, refuse
from webhook.review.decision import Endpoint
from webhook.review.record import log_fields
from webhook.rules import CATALOGUE

_JSON = "application/json"
_SERVES = "POST an AdmissionReview to /validate or /mutate; GET /healthz, /readyz or /metrics"
_REASONS = {
    400: "could not read the request: send an AdmissionReview v1 as JSON with its Content-Length",
    404: f"not found: {_SERVES}",
    405: f"method not allowed: {_SERVES}",
    413: TOO_LARGE,
    415: f"the content type must be {_JSON}: send an AdmissionReview v1 as JSON",
    500: "internal error in cni-guard: see its log",
    503: "too many requests in progress: retry this one",
}


def create_app(live: Live) -> Flask:
    """The Flask application; `live` is the current policy and certificate."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.add_url_rule("/validate", "validate", lambda: _review(live, "validate"), methods=["POST"])
    app.add_url_rule("/mutate", "mutate", lambda: _review(live, "mutate"), methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: Response("ok\n", mimetype="text/plain"))
    app.add_url_rule("/readyz", "readyz", lambda: _ready(live))
    app.add_url_rule("/metrics", "metrics", lambda: _metrics(live))
    app.register_error_handler(HTTPException, lambda error: _error(live, error))
    return app


def application() -> Flask:
    """The application that gunicorn loads in its worker."""
    return create_app(running())


def _review(live: Live, endpoint: Endpoint) -> Response:
    """Answer one review and log one line; the duration excludes the wait for the body.

    Bodies are read concurrently, but nothing between the last byte and the answer yields to another greenlet, so only
    one decoded object is in memory at a time.
    """
    if request.mimetype != _JSON:
        given, seconds = refuse(415, _REASONS[415]), 0.0
    else:
        body = _body()
        started = time.perf_counter()
        given = answer(endpoint, body, live.guard, datetime.now(UTC))
        seconds = time.perf_counter() - started
    _note(live, endpoint, given, seconds)
    return _send(given)


def _body() -> bytes:
    """Read the whole body from gunicorn's stream; Flask would silently truncate a chunked body at its limit.

    Raises:
        RequestEntityTooLarge: The body exceeds `BODY_LIMIT`.
        BadRequest: The body is incomplete or its framing is broken.
        ServiceUnavailable: The request gave way to others.
    """
    length = request.content_length
    if length is not None and length > BODY_LIMIT:
        raise RequestEntityTooLarge
    held = bytearray()
    try:
        while len(held) <= BODY_LIMIT and (piece := request.environ["wsgi.input"].read(TURN_BYTES)):
            held += piece
    except GivenWayError as error:
        raise ServiceUnavailable from error
    except Exception as error:  # gunicorn's exceptions for broken chunks have no common base class
        raise BadRequest from error
    else:
        body = bytes(held)
    finally:
        held.clear()  # the traceback of an exception would keep it alive
    if len(body) > BODY_LIMIT:
        raise RequestEntityTooLarge
    if length is not None and len(body) != length:
        raise BadRequest
    return body


def _note(live: Live, endpoint: Endpoint, given: Answer, seconds: float) -> None:
    if given.decision is not None:
        live.metrics.answered(given.decision, seconds)
        LOG.info({"message": "decision", **log_fields(given.decision), "duration_ms": round(seconds * 1000, 3)})
    else:
        live.metrics.refused(given.status)
        LOG.warning({"message": "not a review", "endpoint": endpoint, "status": given.status, "reason": given.reason})


def _send(given: Answer) -> Response:
    response = Response(given.body, given.status, content_type=_JSON)
    if given.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


def _error(live: Live, error: HTTPException) -> Response:
    """Answer any HTTP error as JSON with the reason and what to do."""
    status = error.code or 500
    if isinstance(error, InternalServerError):
        LOG.error({"message": "unexpected error", "path": request.path[:100]}, exc_info=error.original_exception)
    elif request.path in {"/validate", "/mutate"}:
        LOG.warning({"message": "not a review", "endpoint": request.path[1:], "status": status, "reason": error.name})
    live.metrics.refused(status)
    response = _send(refuse(status, _REASONS.get(status, error.name)))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _metrics(live: Live) -> Response:
    return Response(live.metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _ready(live: Live) -> Response:
    """Whether this replica is ready, with the details that explain why not."""
    serving = live.listener.serving
    invalid = serving.invalid_at(datetime.now(UTC))
    ready = not live.draining and not invalid and bool(CATALOGUE.ids)
    detail = {
        "ready": ready,
        "draining": live.draining,
        "certificate": {
            "not_after": serving.not_after.isoformat(),
            "invalid": invalid or None,
            "refusal": live.certificate_refusal or None,
        },
        "policy": {
            "source": live.source,
            "mode": live.guard.policy.mode,
            "loaded": live.loaded.isoformat(timespec="seconds"),
            "refusal": live.policy_refusal or None,
            "warnings": list(live.policy_warnings),
        },
        "facts": _facts(live),
        "rules": len(CATALOGUE.ids),
    }
    response = Response(json.dumps(detail, indent=2) + "\n", 200 if ready else 503, content_type=_JSON)
    if not ready:
        response.headers["Retry-After"] = "1"
    return response


def _facts(live: Live) -> dict[str, object] | None:
    """The facts in use; a replica is ready without them, since rules that need them are skipped."""
    followed = live.facts
    if followed is None:
        return None
    age = followed.age(datetime.now(UTC))
    return {
        "taken": followed.snapshot.taken.isoformat(timespec="seconds") if followed.snapshot else None,
        "age_seconds": round(age.total_seconds()) if age is not None else None,
        "stale": followed.snapshot is not None and followed.snapshot.is_stale(datetime.now(UTC)),
        "refusal": followed.refusal or None,
    }
