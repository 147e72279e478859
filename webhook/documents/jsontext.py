"""JSON with positions: a stream of one or more values, as kubectl accepts it."""

import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # public by name, unknown to typeshed
from typing import Any, Final

from webhook.documents.refusal import MAX_DEPTH, MAX_NODES, DocumentError, has_surrogate
from webhook.documents.scalars import whole
from webhook.model import Path, Position

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][-+]?[0-9]+)?")
_WORDS: Final = {"true": True, "false": False, "null": None}
_WORD: Final = re.compile("true|false|null")
_LONGEST: Final = 20
"""Characters of the longest int64."""

Value = tuple[Any, dict[Path, Position]]


class NotJsonError(DocumentError):
    """The first value is not JSON; the text may be YAML."""


def values(text: str, start: int, line: int, *, by_key: bool = False) -> Iterator[Value]:
    """Parse the values that follow an offset.

    Args:
        text: The text.
        start: The offset of the first value.
        line: The line number of the start of the text.
        by_key: Whether a scalar in an object has the position of its key.

    Raises:
        NotJsonError: The first value is not JSON.
        DocumentError: A value is JSON but cannot be accepted, or a later value is not JSON.
    """
    places = _Places(text, line)
    at = start
    while at < len(text):
        reader = _Reader(text, places, by_key=by_key)
        try:
            value, at = reader.value(at, (), at)
        except JSONDecodeError as error:
            place = places.at(error.pos)
            kind = NotJsonError if at == start else DocumentError
            raise kind(f"broken JSON: {error.msg}", place.line, place.column) from error
        yield value, reader.positions
        at = _skip(text, at)


class _Places:
    """Converts offsets to lines and columns."""

    def __init__(self, text: str, line: int) -> None:
        self._line = line
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at(self, offset: int) -> Position:
        index = bisect_right(self._starts, offset) - 1
        return Position(self._line + index, offset - self._starts[index] + 1)


class _Reader:
    """Parses one value; each method takes the offset where it starts and returns it with the offset after it."""

    def __init__(self, text: str, places: _Places, *, by_key: bool) -> None:
        self._by_key = by_key
        self._text = text
        self._places = places
        self.positions: dict[Path, Position] = {}

    def value(self, at: int, path: Path, key_at: int) -> tuple[Any, int]:
        """Parse the value at an offset; a collection gets the position of its key, a scalar its own."""
        first = self._text[at : at + 1]
        self.positions[path] = self._places.at(key_at if self._by_key or first in "{[" else at)
        if len(path) > MAX_DEPTH:
            raise self._refuse(f"nested deeper than {MAX_DEPTH} levels", at)
        if len(self.positions) > MAX_NODES:
            raise self._refuse(f"more than {MAX_NODES} values in one document", at)
        if first == "{":
            return self._object(at + 1, path)
        if first == "[":
            return self._array(at + 1, path)
        if first == '"':
            return self._string(at)
        return self._atom(at)

    def _object(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        at = _skip(self._text, at)
        if self._text.startswith("}", at):
            return found, at + 1
        while True:
            key_at = at
            key, at = self._key(at)
            if key in found:
                raise self._refuse(
                    f"the key {key!r} is listed twice in this object, first in line {lines[key]}", key_at
                )
            lines[key] = self._places.at(key_at).line
            found[key], at = self.value(at, (*path, key), key_at)
            at, ended = self._next(at, "}")
            if ended:
                return found, at

    def _array(self, at: int, path: Path) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = _skip(self._text, at)
        if self._text.startswith("]", at):
            return found, at + 1
        while True:
            item, at = self.value(at, (*path, len(found)), at)
            found.append(item)
            at, ended = self._next(at, "]")
            if ended:
                return found, at

    def _key(self, at: int) -> tuple[str, int]:
        if not self._text.startswith('"', at):
            raise self._broken("expected a key in double quotes", at)
        key, at = self._string(at)
        at = _skip(self._text, at)
        if not self._text.startswith(":", at):
            raise self._broken("expected a colon", at)
        return key, _skip(self._text, at + 1)

    def _next(self, at: int, end: str) -> tuple[int, bool]:
        """Skip a comma or the end of the collection; also whether it was the end."""
        at = _skip(self._text, at)
        sign = self._text[at : at + 1]
        if sign not in (",", end):
            raise self._broken(f"expected a comma or {end!r}", at)
        return _skip(self._text, at + 1), sign == end

    def _string(self, at: int) -> tuple[str, int]:
        string: str
        end: int
        string, end = scanstring(self._text, at + 1, True)  # noqa: FBT003 - the C function takes no keywords
        if has_surrogate(string):
            raise self._refuse("this string is not valid Unicode: it has an unpaired surrogate", at)
        return string, end

    def _atom(self, at: int) -> tuple[Any, int]:
        if word := _WORD.match(self._text, at):
            return _WORDS[word[0]], word.end()
        if not (number := _NUMBER.match(self._text, at)):
            raise self._broken("expected a value", at)
        exact = number["fraction"] is None and number["exponent"] is None and len(number[0]) <= _LONGEST
        value = whole(int(number[0])) if exact else float(number[0])
        if not math.isfinite(value):
            raise self._refuse("this number is out of range", at)
        return value, number.end()

    def _broken(self, what: str, at: int) -> JSONDecodeError:
        return JSONDecodeError(what, self._text, at)

    def _refuse(self, reason: str, at: int) -> DocumentError:
        place = self._places.at(at)
        return DocumentError(reason, place.line, place.column)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
