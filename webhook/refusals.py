"""The responses to requests that gunicorn cannot parse."""

from http import HTTPStatus

import msgspec
from gunicorn.http import errors

from webhook.intake import GivenWayError
from webhook.printable import clean, shorten

_REASON_LENGTH = 200
_BUSY = "too many requests in progress: retry this one"
_STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (GivenWayError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ForbiddenProxyRequest, HTTPStatus.FORBIDDEN),
    (errors.ConfigurationProblem, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR),  # type: ignore[attr-defined] # the stubs are older
    (errors.InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR),  # type: ignore[attr-defined]
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
)


def of(error: BaseException) -> tuple[HTTPStatus, str]:
    """The HTTP status for an error, and its reason, shortened and printable."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return status, "internal error in cni-guard: see its log"
    if isinstance(error, GivenWayError):
        return status, _BUSY
    said = shorten(clean(str(error)), _REASON_LENGTH)
    return status, f"could not read the request: {said or status.phrase}"


def answer(status: HTTPStatus, reason: str) -> bytes:
    """The complete response, which also closes the connection."""
    body = msgspec.json.encode({"error": reason})
    again = "Retry-After: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n{again}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
