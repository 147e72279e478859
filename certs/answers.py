"""What an answer of the API server says: its object, its warnings, its error. Pure."""

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
"""What an API server says, as an HTTP 500, to an apply with a field that it does not know: it is too old for it."""

_QUOTED_LENGTH = 300
"""How much is quoted of an answer that is no Status object, a proxy's page for one."""

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
"""RFC 7234, 5.5: code, agent, quoted text."""

_LACKING = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)
"""The words of the authorizer's refusal. They are told from a webhook's refusal, which is a 403 too."""

_WORDLESS = re.compile(r'^\S+ "[^"]+" is forbidden:\s*(?:RBAC: .*)?$', re.DOTALL)
"""What an API server before 1.32 says of a missing right to create what an apply, or an update, finds absent: no more
than the authorizer's own reason, and RBAC gives none, unless a role that is bound is missing.

Source: `withAuthorization` of apiserver/pkg/endpoints/handlers (1.31 and 1.32).
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    body: Mapping[str, Any]
    message: str
    warnings: tuple[str, ...]
    date: datetime | None
    retry_after: float | None

    @property
    def good(self) -> bool:
        """Whether what was asked for was done."""
        return 0 < self.status < HTTPStatus.BAD_REQUEST

    @property
    def transient(self) -> bool:
        """Whether the same request may go well a moment later."""
        return self.status in _TRANSIENT and _NO_SUCH_FIELD not in self.message


def read(status: int, headers: Iterable[tuple[str, str]], data: bytes) -> Answer:
    """Read an answer; a header may stand there several times."""
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
    """Raise what an error of the API server means.

    Args:
        answer: the answer.
        what: the request in words, to begin the message with.
        name: the object's name, which the authorizer's message lacks.
        namespace: the object's namespace; empty where it has none.

    Raises:
        ForbiddenError: a right is missing, or the API server does not know who asks.
        ConflictError: somebody else was faster.
        InvalidError: the object cannot become this.
        RejectedError: anything else that is an error.

    """
    if answer.good:
        return
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise ForbiddenError(f"{what}: the API server does not know who asks (token or certificate): {answer.message}")
    if lacking := lacking_right(answer, name, namespace):
        raise ForbiddenError(f"{what}: {lacking}")
    kinds: dict[int, type[RejectedError]] = {409: ConflictError, 422: InvalidError}
    raise kinds.get(answer.status, RejectedError)(f"{what}: {answer.message} (HTTP {answer.status})")


def lacking_right(answer: Answer, name: str, namespace: str = "") -> str:
    """Say which right is missing; empty where that is not the matter."""
    if answer.status != HTTPStatus.FORBIDDEN:
        return ""
    if found := _LACKING.search(answer.message):
        user, verb, resource, group = found.group("user", "verb", "resource", "group")
        return _lacking(user, verb, resource, group, name, found["namespace"] or "")
    details = answer.body.get("details")
    if _WORDLESS.search(answer.message) and isinstance(details, Mapping) and details.get("kind"):
        resource, group = str(details["kind"]), str(details.get("group") or "")
        return _lacking("the installer", "create", resource, group, str(details.get("name") or name), namespace)
    return ""


def _lacking(user: str, verb: str, resource: str, group: str, name: str, namespace: str) -> str:  # noqa: PLR0913, PLR0917
    where = f' in the namespace "{namespace}"' if namespace else ""
    which = f' named "{name}"' if name else ""
    return (
        f'{user} lacks the right to {verb} "{resource}" (API group "{group}"){which}{where}: '
        "apply the manifests again, their roles grant it"
    )


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
    """Read a Retry-After in seconds, as the API server writes it; a date is not waited for."""
    return float(value) if value and value.isdecimal() else None
