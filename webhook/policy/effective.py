"""The policy in force as plain values, and where each of them comes from."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from webhook.documents import scalars
from webhook.model import Json, Path
from webhook.policy.former import Former, origins
from webhook.policy.loading import Loaded
from webhook.policy.sections import Policy
from webhook.printable import clean

BUILT_IN_ORIGIN: Final = "built-in"

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")
"""Characters of a string that needs no quotes if it is not read as another type."""


def values(policy: Policy) -> dict[str, Json]:
    """All settings of a policy as JSON types, those that have their default too."""
    found: dict[str, Json] = _value(policy)
    return found


def _value(value: Any) -> Json:
    if isinstance(value, msgspec.Struct):
        return {field.encode_name: _value(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def leaves(value: Json, path: Path = ()) -> Iterator[Path]:
    """The path of each scalar and each empty collection."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not value or not isinstance(value, dict | list):
        yield path
    for key, item in inner:
        yield from leaves(item, (*path, key))


def sources(loaded: Loaded, former: Former) -> Mapping[Path, str]:
    """``FILE:LINE`` for each scalar and each empty collection that the file sets, itself or by a former ID."""
    positions, file = loaded.written.source.positions, loaded.written.source.file
    renamed = origins(loaded.as_written, former)
    found = {}
    for path in leaves(values(loaded.policy)):
        written = (*renamed.get(path[:2], path[:2]), *path[2:])
        if place := positions.get(written):
            found[path] = f"{file}:{place.line}"
    return found


def as_yaml(value: Json, comments: Mapping[Path, str], path: Path = ()) -> Iterator[str]:
    """The lines of a mapping or a list in YAML; each scalar and each empty collection has a comment."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        head, below = (f"{scalar(key)}:", (*path, key)) if isinstance(value, dict) else ("-", (*path, key))
        if not item or not isinstance(item, dict | list):
            yield f"{head} {scalar(item)}  # {clean(comments.get(below, BUILT_IN_ORIGIN))}"
            continue
        lines = as_yaml(item, comments, below)
        yield head if isinstance(value, dict) else f"- {next(lines)}"
        yield from (f"  {line}" for line in lines)


def scalar(value: Json) -> str:
    """A scalar or an empty collection in YAML, in quotes where it would be read as something else."""
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if value and set(value) <= _PLAIN and scalars.plain(value) == value and value[0] != "-":
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped) + '"'
