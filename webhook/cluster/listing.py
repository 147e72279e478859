"""Lists, page by page, and the events of watches."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct

from webhook.cluster.client import Client
from webhook.cluster.errors import ApiError, StatusError
from webhook.cluster.reads import Read
from webhook.cluster.shapes import Metadata, Named, key

PAGE = 500
"""Objects in one answer, as kubectl asks for."""

_RESTARTS = 5
"""How often a list starts again because its pages expired."""

_TOO_OLD = 410


class _ListMetadata(Struct, rename={"go_on": "continue", "resource_version": "resourceVersion"}):
    go_on: str = ""
    resource_version: str = ""


class _Page(Struct):
    metadata: _ListMetadata
    items: list[Raw] | None = None


class _Event(Struct):
    type: str
    object: Raw


class _Status(Struct):
    code: int = 0
    message: str = ""


class _Version(Struct):
    major: str
    minor: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list returned: what is kept of each object, by namespace and name."""

    items: dict[str, Any]
    version: str
    """Where a watch goes on."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one object; without a key, only the version moved on (a bookmark)."""

    key: str
    value: Any
    """What is kept of the object; None if it is deleted or not of interest."""
    version: str


def fetch(client: Client, read: Read) -> Listing:
    """List everything; a kind that the server does not know has no objects.

    Raises:
        ApiError: The list failed.
    """
    for _ in range(_RESTARTS):
        try:
            return _fetched(client, read)
        except StatusError as error:
            if error.is_missing:
                return Listing({}, "")
            if not error.is_gone:
                raise
    raise ApiError(f"{read.called} change faster than they can be listed")


def _fetched(client: Client, read: Read) -> Listing:
    items: dict[str, Any] = {}
    query = read.query | {"limit": "1" if read.only_one else str(PAGE)}
    while True:
        content = client.get(read.url, query, metadata=read.metadata)
        try:
            page = msgspec.json.decode(content, type=_Page)
            items.update(entry for raw in page.items or () if (entry := _entry(read, raw))[1] is not None)
        except (ValueError, RecursionError) as error:
            raise ApiError(f"the API server listed {read.called} in an unexpected form: {error}") from error
        if read.only_one or not page.metadata.go_on:
            return Listing(items, page.metadata.resource_version)
        query["continue"] = page.metadata.go_on


def events(client: Client, read: Read, version: str, seconds: int) -> Iterator[Event]:
    """Watch for changes after a version, until the server ends the watch after `seconds`.

    Raises:
        StatusError: The watch has to start again with a list.
        ApiError: The connection broke, or an event is not understood.
    """
    query = read.query | {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
    for line in client.lines(read.url, query, seconds, metadata=read.metadata):
        try:
            yield _event(read, msgspec.json.decode(line, type=_Event))
        except (ValueError, RecursionError) as error:
            raise ApiError(f"the API server sent an event of {read.called} in an unexpected form: {error}") from error


def _event(read: Read, event: _Event) -> Event:
    if event.type == "ERROR":
        status = msgspec.json.decode(event.object, type=_Status)
        raise StatusError(f"the watch of {read.called} ended: {status.message}", status.code or _TOO_OLD)
    metadata = msgspec.json.decode(event.object, type=Named).metadata
    if event.type == "BOOKMARK":
        return Event("", None, metadata.resource_version)
    value = None if event.type == "DELETED" else read.take(event.object)
    return Event(key(metadata), value, metadata.resource_version)


def _entry(read: Read, raw: Raw) -> tuple[str, Any]:
    metadata: Metadata = msgspec.json.decode(raw, type=Named).metadata
    return key(metadata), read.take(raw)


def kubernetes(client: Client) -> tuple[int, int]:
    """The version of the API server.

    Raises:
        ApiError: It cannot be read.
    """
    content = client.get("/version")
    try:
        found = msgspec.json.decode(content, type=_Version)
        return _number(found.major), _number(found.minor)
    except ValueError as error:
        raise ApiError(f"the API server gave its version in an unexpected form: {error}") from error


def _number(digits: str) -> int:
    """A part of the version; EKS adds a plus: ``33+``."""
    match = re.match(r"[0-9]{1,9}", digits)
    if match is None:
        raise ValueError(f"not a number: {digits!r}")
    return int(match[0])
