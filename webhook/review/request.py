"""Reads an AdmissionReview (admission.k8s.io/v1) from the body of an HTTP request."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import msgspec

from webhook.bounds import Structure, structure
from webhook.cni.identity import change_of, may_be_guarded
from webhook.limits import DEPTH_LIMIT, NAMED_DUPLICATE_LIMIT, UID_LIMIT, VALUES_LIMIT
from webhook.model import Change, Json, Operation, User, text

API_VERSION = "admission.k8s.io/v1"
OPERATIONS = frozenset((*get_args(Operation), "CONNECT"))

_UID = re.compile(rb'"request"\s*:\s*\{\s*"uid"\s*:\s*"([A-Za-z0-9-]{1,%d})"' % UID_LIMIT)
_TOO_DEEP = f"the object is nested too deeply: more than {DEPTH_LIMIT} levels. Remove the deepest fields"
_TOO_MANY = f"object and oldObject together have more than {VALUES_LIMIT:,} fields and values. Make the object smaller"


class NoReviewError(Exception):
    """The body is not a review: a fault of the caller, answered with an HTTP error."""


class UnreadableObjectError(Exception):
    """The object of a review cannot be read: it is too large, or reading it fails; answered with a denial."""

    def __init__(self, uid: str, reason: str) -> None:
        super().__init__(reason)
        self.uid = uid
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """The request of a review."""

    uid: str
    change: Change
    dry_run: bool
    group_kind: tuple[str, str]
    subresource: str
    name: str
    """The name in the request; empty on deletecollection and with generateName."""
    namespace: str

    @property
    def concerns_us(self) -> bool:
        """Whether the guard has rules for the kind; false for a subresource such as status."""
        return may_be_guarded(*self.group_kind) and not self.subresource


def read(body: bytes) -> Request:
    """Read a review, after checking its size and depth without building any value.

    Args:
        body: The body of the HTTP request, at most `BODY_LIMIT` bytes.

    Raises:
        NoReviewError: The body is not a valid review.
        UnreadableObjectError: The object is nested too deeply, or has too many values.
    """
    found = structure(body, VALUES_LIMIT)
    if found is None or found.values > VALUES_LIMIT:
        raise _unreadable(body, _TOO_MANY)
    if found.depth > DEPTH_LIMIT:
        raise _unreadable(body, _TOO_DEEP)
    return _request(_decode(body, found))


def _decode(body: bytes, found: Structure) -> Json:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise NoReviewError(f"the body is not JSON ({error})") from error
    written = msgspec.json.encode(document)
    if written != body.strip() and _keys(written) != found.keys:
        raise NoReviewError(_duplicate(body))
    return document


def _keys(written: bytes) -> int:
    """The number of keys in the decoded document; smaller than in the body if an object lists a key twice."""
    found = structure(written, VALUES_LIMIT)
    return found.keys if found else 0


def _duplicate(body: bytes) -> str:
    """The error for a duplicate key; it names the key if the body is short enough to search."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        twice.extend(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]

    if len(body) <= NAMED_DUPLICATE_LIMIT:
        json.loads(body, object_pairs_hook=look)
    return f'the key "{twice[0][:100]}" is listed twice in one object' if twice else "an object lists a key twice"


def _unreadable(body: bytes, reason: str) -> Exception:
    """The error for the author of the object, if the uid is found: kube-apiserver writes it before the object."""
    uid = _UID.search(body[:4096])
    return UnreadableObjectError(uid[1].decode(), reason) if uid else NoReviewError(reason)


def _request(document: Json) -> Request:
    request = _envelope(document)
    uid, operation = request.get("uid"), text(request.get("operation"))
    if not isinstance(uid, str) or not uid:
        raise NoReviewError("request.uid is missing")
    if len(uid) > UID_LIMIT:
        raise NoReviewError(f"request.uid is longer than {UID_LIMIT} characters; an API server sends 36")
    if operation not in OPERATIONS:
        raise NoReviewError(f"request.operation must be one of {', '.join(sorted(OPERATIONS))}")
    kind = request.get("kind")
    if not isinstance(kind, dict) or not text(kind.get("kind")):
        raise NoReviewError("request.kind is missing")
    _check_sides(request, operation)
    try:
        change = change_of(
            kind=text(kind["kind"]),
            new=request.get("object"),
            old=request.get("oldObject"),
            operation=cast("Operation", operation),
            group=text(kind.get("group")),
            user=_user(request.get("userInfo")),
        )
    except Exception as error:
        reason = f"cni-guard failed to read this object ({type(error).__name__}). Report this as a bug, with the object"
        raise UnreadableObjectError(uid, reason) from error
    return Request(
        uid=uid,
        change=change,
        dry_run=request.get("dryRun") is True,
        group_kind=(text(kind.get("group")), text(kind["kind"])),
        subresource=text(request.get("subResource")),
        name=text(request.get("name")),
        namespace=text(request.get("namespace")),
    )


def _envelope(document: Json) -> Mapping[str, Any]:
    if not isinstance(document, dict) or document.get("kind") != "AdmissionReview":
        raise NoReviewError("the body is not an AdmissionReview")
    if document.get("apiVersion") != API_VERSION:
        raise NoReviewError(
            f"apiVersion is {str(document.get('apiVersion'))[:100]}, not {API_VERSION}: "
            "register the webhook with admissionReviewVersions: [v1]"
        )
    request = document.get("request")
    if not isinstance(request, dict):
        raise NoReviewError("request is missing")
    return request


def _check_sides(request: Mapping[str, Any], operation: Json) -> None:
    needed = {"CREATE": ("object",), "UPDATE": ("object", "oldObject")}.get(operation, ())
    for key in ("object", "oldObject"):
        value = request.get(key)
        if value is None and key in needed:
            raise NoReviewError(f"request.{key} is null on {operation}")
        if value is not None and not isinstance(value, dict):
            raise NoReviewError(f"request.{key} is not an object")


def _user(info: Json) -> User | None:
    if not isinstance(info, dict):
        return None
    groups = info.get("groups")
    return User(text(info.get("username")), frozenset(map(text, groups if isinstance(groups, list) else ())))
