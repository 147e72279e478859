"""Parses responses of the API server: object, warnings, error. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from certs.errors import ConflictError, ForbiddenError, InvalidError, RejectedError

_TRANSIENT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_NO_SUCH_FIELD = "field not declared in schema"
"""Part of the HTTP 500 for an apply with a field that the API server is too old to know."""

_QUOTED_LENGTH = 300
"""Bytes quoted from a response that is not a Status object, such as a proxy's error page."""

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
"""A Warning header: code, agent, quoted text (RFC 7234, section 5.5)."""

_LACKING = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
"""The authorizer's message. It tells a missing permission from a webhook's denial, which can also be a 403."""

_WORDLESS = re.compile(r'^\S+ "[^"]+" is forbidden:\s*(?:RBAC: .*)?$', re.DOTALL)
"""The 403 of an API server before 1.32 when an apply or update of an absent object lacks permission to create it.

The message holds only the authorizer's reason, and RBAC gives a reason only when a bound role is missing.

Source: `withAuthorization` in apiserver/pkg/endpoints/handlers (1.31 and 1.32).
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the API server."""

    status: int
    body: Mapping[str, Any]
    message: str
    warnings: tuple[str, ...]
    date: datetime | None
    retry_after: float | None

    @property
    def good(self) -> bool:
        """Whether the request succeeded."""
        return 0 < self.status < HTTPStatus.BAD_REQUEST

    @property
    def transient(self) -> bool:
        """Whether a retry may succeed."""
        return self.status in _TRANSIENT and _NO_SUCH_FIELD not in self.message


@dataclass(frozen=True, slots=True)
class _Lacking:
    """A missing permission."""

    user: str
    verb: str
    resource: str
    group: str
    name: str
    namespace: str

    def __str__(self) -> str:
        where = f' in the namespace "{self.namespace}"' if self.namespace else ""
        which = f' named "{self.name}"' if self.name else ""
        return (
            f'{self.user} may not {self.verb} "{self.resource}" (API group "{self.group}"){which}{where}. '
            "Apply the manifests again: their roles grant this permission"
        )


def read(status: int, headers: Iterable[tuple[str, str]], data: bytes) -> Answer:
    """Parse a response; a header may occur several times."""
    pairs = [(name.lower(), value) for name, value in headers]
    single = dict(pairs)
    body = _body(data)
    message = str(body.get("message") or "") or data.decode(errors="replace")[:_QUOTED_LENGTH]
    return Answer(
        status=status,
        body=body,
        message=message if status >= HTTPStatus.BAD_REQUEST else "",
        warnings=tuple(text for name, value in pairs if name == "warning" for text in _warnings(value)),
        date=_date(single.get("date")),
        retry_after=_seconds(single.get("retry-after")),
    )


def raise_for(answer: Answer, what: str, name: str, namespace: str = "") -> None:
    """Raise the exception that matches an error response.

    Args:
        answer: The response.
        what: The request in words; the message starts with it.
        name: The object's name, which the authorizer's message lacks.
        namespace: The object's namespace; empty for a cluster-scoped object.

    Raises:
        ForbiddenError: A permission is missing, or authentication failed.
        ConflictError: Another client changed the object first.
        InvalidError: The object is invalid or the change is not allowed.
        RejectedError: Any other error.
    """
    if answer.good:
        return
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise ForbiddenError(f"{what}: authentication failed: {answer.message}")
    if lacking := lacking_right(answer, name, namespace):
        raise ForbiddenError(f"{what}: {lacking}")
    kinds: dict[int, type[RejectedError]] = {409: ConflictError, 422: InvalidError}
    raise kinds.get(answer.status, RejectedError)(f"{what}: {answer.message} (HTTP {answer.status})")


def lacking_right(answer: Answer, name: str, namespace: str = "") -> str:
    """The missing permission in words; empty if the response is not about one."""
    if answer.status != HTTPStatus.FORBIDDEN:
        return ""
    if found := _LACKING.search(answer.message):
        user, verb, resource, group = found.group("user", "verb", "resource", "group")
        return str(_Lacking(user, verb, resource, group, name, found["namespace"] or ""))
    details = answer.body.get("details")
    if _WORDLESS.search(answer.message) and isinstance(details, Mapping) and details.get("kind"):
        resource, group = str(details["kind"]), str(details.get("group") or "")
        return str(_Lacking("the installer", "create", resource, group, str(details.get("name") or name), namespace))
    return ""


def _body(data: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _warnings(value: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(value)]


def _date(value: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(value).astimezone(UTC) if value else None
    except ValueError:
        return None


def _seconds(value: str | None) -> float | None:
    """A Retry-After in seconds, the form that the API server uses; a date is ignored."""
    return float(value) if value and value.isdecimal() else None
