"""Which fields of an object a manager owns (metadata.managedFields), and which of them a change touches.

Source: kubernetes.io, "Server-Side Apply": fieldsV1 names fields ``f:NAME``, and items of a list by their keys
``k:{"name":"aws-node"}``; an empty mapping is a field that is owned as a whole.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from webhook.model import Json, Path, at

_DEEPEST = 24
_MANAGERS = 50
_LONGEST_KEY = 300
_KEYS = 4
"""Sets of keys by which the items of one list are looked up."""


class Touched(NamedTuple):
    """An owned field that a change touches."""

    path: Path
    """Where it is in the new object, or where it was missed."""
    name: str
    """With the keys of list items: ``spec.template.spec.containers[aws-node].env[MAX_ENI].value``."""


def is_managed(raw: Json, manager: str) -> bool:
    """Whether a manager owns any field of an object."""
    return any(True for _ in _fields(raw, manager))


def touched(old: Json, new: Json, manager: str) -> Iterator[Touched]:
    """The fields that a manager owns in the old object and that have another value, or none, in the new one."""
    for fields in _fields(old, manager):
        yield from _walk(fields, old, new, Touched((), ""))


def _fields(raw: Json, manager: str) -> Iterator[Json]:
    entries = at(raw, "metadata", "managedFields")
    for entry in entries[:_MANAGERS] if isinstance(entries, list) else ():
        if at(entry, "manager") == manager and isinstance(fields := at(entry, "fieldsV1"), dict):
            yield fields


def _walk(fields: Json, old: Json, new: Json, here: Touched) -> Iterator[Touched]:
    inner = {key: part for key, part in fields.items() if key[:2] in {"f:", "k:"}} if isinstance(fields, dict) else {}
    if old == new or len(here.path) > _DEEPEST:
        return
    if not inner or new is None or old is None:
        yield from [here] if here.path else []
        return
    items = _Items(old), _Items(new)
    for key, part in inner.items():
        if key.startswith("f:"):
            name = key[2:]
            below = Touched((*here.path, name), f"{here.name}.{name}" if here.name else name)
            yield from _walk(part, at(old, name), at(new, name), below)
        elif (wanted := _selector(key[2:])) is not None:
            (_, was), (index, now) = (listed.find(wanted) for listed in items)
            path = here.path if index is None else (*here.path, index)
            yield from _walk(part, was, now, Touched(path, f"{here.name}[{next(iter(wanted.values()))}]"))


def _selector(text: str) -> dict[str, Json] | None:
    """The keys of a list item, such as ``{"name":"aws-node"}``."""
    try:
        found = json.loads(text) if len(text) <= _LONGEST_KEY else None
    except (ValueError, RecursionError):
        return None
    plain = isinstance(found, dict) and all(isinstance(value, str | int) for value in found.values())
    return found if plain and found else None


class _Items:
    """The items of a list by their keys: each set of keys is looked up after one pass."""

    def __init__(self, listed: Json) -> None:
        self._listed = listed if isinstance(listed, list) else []
        self._by: dict[tuple[str, ...], dict[tuple[Any, ...], int]] = {}

    def find(self, wanted: dict[str, Json]) -> tuple[int | None, Json]:
        """The index and the item; None twice where there is none."""
        keys = tuple(sorted(wanted))
        if keys not in self._by:
            if len(self._by) >= _KEYS:
                return None, None
            self._by[keys] = {
                tuple(repr(item.get(key)) for key in keys): index
                for index, item in enumerate(self._listed)
                if isinstance(item, dict)
            }
        index = self._by[keys].get(tuple(repr(wanted[key]) for key in keys))
        return (None, None) if index is None else (index, self._listed[index])
