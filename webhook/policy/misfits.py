"""Where a value does not fit the JSON Schema of a policy: each place, not only the first.

This knows the keywords that the schema of the policy uses (`KEYWORDS`), and no others.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from webhook.model import Json, Path
from webhook.printable import dotted, named, shorten
from webhook.similar import nearest

KEYWORDS: Final = frozenset(
    {"$ref", "anyOf", "type", "enum", "properties", "required", "additionalProperties", "propertyNames", "items"}
    | {"pattern", "format", "minLength", "minimum", "maximum"}
)
"""The keywords that restrict a value."""

_SHOWN = 60
"""Characters of a value in a message."""

_IS: Final[Mapping[str, tuple[str, Callable[[Json], bool]]]] = {
    "object": ("expected a mapping", lambda value: isinstance(value, dict)),
    "array": ("expected a list", lambda value: isinstance(value, list)),
    "string": ("quote the value", lambda value: isinstance(value, str)),
    "integer": ("expected an integer", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "boolean": ("expected true or false", lambda value: isinstance(value, bool)),
}


@dataclass(frozen=True, slots=True)
class Misfit:
    """A key or a value that the schema does not allow."""

    path: Path
    found: str
    expected: str
    nearest: str = ""
    is_key: bool = False
    """Whether the key itself is wrong, rather than its value."""


def misfits(value: Json, root: Mapping[str, Any]) -> Iterator[Misfit]:
    """Each key and value that the schema does not allow, from top to bottom."""
    yield from _Walk(root).value(value, root, ())


def unknown(path: Path, found: str, name: str, known: Collection[str], *, is_key: bool) -> Misfit:
    """A name that is not one of the known ones."""
    near = nearest(name, known)
    return Misfit(path, found, f"allowed here: {', '.join(sorted(known))}", near[0] if near else "", is_key)


@dataclass(frozen=True, slots=True)
class _Walk:
    root: Mapping[str, Any]

    def value(self, value: Json, node: Mapping[str, Any], path: Path) -> Iterator[Misfit]:
        node, may_be_null = self._resolved(node)
        if value is None and may_be_null:
            return
        kind = "string" if "enum" in node else node["type"]
        way_out, fits = _IS[kind]
        if "enum" in node:
            if value not in node["enum"]:
                yield _wrong(path, value, f"use one of {', '.join(node['enum'])}", _near(value, node["enum"]))
        elif not fits(value):
            is_nested = kind == "string" and (value is None or isinstance(value, dict | list))
            yield _wrong(path, value, "expected a string" if is_nested else way_out)
        elif kind == "object":
            yield from self._mapping(value, node, path)
        elif kind == "array":
            for index, item in enumerate(value):
                yield from self.value(item, node["items"], (*path, index))
        else:
            yield from (_wrong(path, value, limit) for limit in _limits(value, node))

    def _mapping(self, value: Mapping[str, Json], node: Mapping[str, Any], path: Path) -> Iterator[Misfit]:
        known, other = node.get("properties", {}), node.get("additionalProperties")
        for key, item in value.items():
            if key in known:
                yield from self.value(item, known[key], (*path, key))
            elif isinstance(other, dict):
                yield from self._name(key, node.get("propertyNames", {}), (*path, key))
                yield from self.value(item, other, (*path, key))
            else:
                yield unknown((*path, key), f"unknown key {dotted((*path, key))}", key, known, is_key=True)
        for key in node.get("required", ()):
            if key not in value:
                yield Misfit(path, f"{dotted((*path, key))} is missing", self._wanted(known[key]))

    def _name(self, key: str, node: Mapping[str, Any], path: Path) -> Iterator[Misfit]:
        node, _ = self._resolved(node)
        if key not in node.get("enum", (key,)):
            yield unknown(path, f"unknown key {dotted(path)}", key, node["enum"], is_key=True)
        for limit in _limits(key, node):
            yield Misfit(path, f"the key {named(shorten(key, _SHOWN))} does not fit", limit, is_key=True)

    def _wanted(self, node: Mapping[str, Any]) -> str:
        node, _ = self._resolved(node)
        if "enum" in node:
            return f"set it to one of {', '.join(node['enum'])}"
        return "add it" + (f": {node['description']}" if "description" in node else "")

    def _resolved(self, node: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """Follow references, and take the branch of an optional value; also whether null is allowed."""
        may_be_null = False
        while "$ref" in node or "anyOf" in node:
            if "$ref" in node:
                node = self.root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
            else:
                may_be_null = any(branch.get("type") == "null" for branch in node["anyOf"])
                node = next(branch for branch in node["anyOf"] if branch.get("type") != "null")
        return node, may_be_null


def _wrong(path: Path, value: Json, way_out: str, near: str = "") -> Misfit:
    return Misfit(path, f"{dotted(path) or 'the policy'} is {_shown(value)}", way_out, near)


def _near(value: Json, known: Collection[str]) -> str:
    found = nearest(value, known) if isinstance(value, str) else ()
    return found[0] if found else ""


def _limits(value: Json, node: Mapping[str, Any]) -> Iterator[str]:
    """How a value of the right type breaks the limits of the schema: what to write instead."""
    if "pattern" in node and not re.search(node["pattern"], value):
        yield f"it must match {node['pattern']}"
    if node.get("format") == "date" and not _is_date(value):
        yield "write the date as YYYY-MM-DD, such as 2026-12-31"
    if len(value) < node.get("minLength", 0) if isinstance(value, str) else False:
        yield "it must not be empty"
    if isinstance(value, int):
        least, most = node.get("minimum", value), node.get("maximum", value)
        if not least <= value <= most:
            yield f"it must be at least {least}" if value < least else f"it must be at most {most}"


def _is_date(value: str) -> bool:
    try:
        msgspec.convert(value, date)
    except msgspec.ValidationError:
        return False
    return True


def _shown(value: Json) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "empty" if value is None else shorten(json.dumps(value, ensure_ascii=False), _SHOWN)
