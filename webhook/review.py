"""Bytes → a request: AdmissionReview v1 as kube-apiserver sends it (admission.k8s.io/v1)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import msgspec

from webhook.cni.identity import AWS_NODE, ENICONFIG
from webhook.model import Json, Operation, Resource, User, text

API_VERSION = "admission.k8s.io/v1"
OPERATIONS = frozenset((*get_args(Operation), "CONNECT"))

_UID = re.compile(rb'"request"\s*:\s*\{\s*"uid"\s*:\s*"([A-Za-z0-9-]{1,128})"')


class NoReviewError(Exception):
    """The caller sent something else than a review: an HTTP error, with the reason for it."""


class UnreadableObjectError(Exception):
    """A review whose object can not be judged, for which its author is to blame: a refusal, not an HTTP error."""

    def __init__(self, uid: str, reason: str) -> None:
        super().__init__(reason)
        self.uid = uid
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """What a review asks."""

    uid: str
    resource: Resource
    dry_run: bool
    group_kind: tuple[str, str]
    subresource: str
    name: str
    """As the request names it; empty on deletecollection and with generateName."""
    namespace: str

    @property
    def concerns_us(self) -> bool:
        """Whether this is of a kind that the guard knows, and not of a subresource such as status."""
        return self.group_kind in {AWS_NODE, ENICONFIG} and not self.subresource


def read(body: bytes) -> Request:
    """Read a review. Raises NoReviewError, or UnreadableObjectError where only the object is at fault."""
    try:
        return _request(_decode(body))
    except RecursionError:
        raise _too_deep(body) from None


def _decode(body: bytes) -> Json:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise NoReviewError(f"the body is not JSON ({error})") from error
    # The API server never repeats a key, and writes JSON as this encoder does; only other writers pay for the search.
    if msgspec.json.encode(document) != body.strip():
        json.loads(body, object_pairs_hook=_no_duplicates)
    return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NoReviewError(f'the key "{twice[:100]}" stands twice in one object')
    return found


def _too_deep(body: bytes) -> Exception:
    """The uid stands before the object in what the API server sends, so it is found without reading the object."""
    reason = "the object is nested too deeply to be judged; no object that the CNI reads has more than a dozen levels"
    uid = _UID.search(body[:4096])
    return UnreadableObjectError(uid[1].decode(), reason) if uid else NoReviewError(reason)


def _request(document: Json) -> Request:
    request = _envelope(document)
    uid, operation = request.get("uid"), text(request.get("operation"))
    if not isinstance(uid, str) or not uid:
        raise NoReviewError("request.uid is missing")
    if operation not in OPERATIONS:
        raise NoReviewError(f"request.operation is none of {', '.join(sorted(OPERATIONS))}")
    kind = request.get("kind")
    if not isinstance(kind, dict) or not text(kind.get("kind")):
        raise NoReviewError("request.kind is missing")
    _check_sides(request, operation)
    return Request(
        uid=uid,
        resource=Resource(
            kind=text(kind["kind"]),
            object=request.get("object"),
            old=request.get("oldObject"),
            operation=cast("Operation", operation),
            user=_user(request.get("userInfo")),
        ),
        dry_run=request.get("dryRun") is True,
        group_kind=(text(kind.get("group")), text(kind["kind"])),
        subresource=text(request.get("subResource")),
        name=text(request.get("name")),
        namespace=text(request.get("namespace")),
    )


def _envelope(document: Json) -> Mapping[str, Any]:
    if not isinstance(document, dict) or document.get("kind") != "AdmissionReview":
        raise NoReviewError("the body is no AdmissionReview")
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
