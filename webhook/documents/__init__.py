"""YAML and JSON, parsed as kubectl parses them into values with positions; for manifests and for the policy.

`load` stops at the first broken document, `read` continues after it. Every field has a position: a scalar that of its
value, a mapping or a list that of its key, because those are the lines that a person edits. Values that an alias or a
merge adds have the position of the anchor. For messages about keys, `load` can give scalars the position of their key.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.documents import jsontext, templates, yamltext
from webhook.documents.refusal import MAX_CHARACTERS, DocumentError, Unread
from webhook.model import Path, Position

__all__ = ["MAX_CHARACTERS", "Document", "DocumentError", "Unread", "load", "read"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_MARKER_ALONE = re.compile(r"---[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
_CONTENT = re.compile(r"^(?!%|[ \t\r]*(?:#|$))", re.MULTILINE)
"""A line that is not blank, a comment or a directive."""

_JSON_START = re.compile(r'[{\[]\s*["{\[]')
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: a value made of JSON types, and the position of each field."""

    value: Any
    positions: Mapping[Path, Position]


def load(text: str, *, by_key: bool = False) -> list[Document]:
    """Parse all documents of a text except the empty ones.

    Args:
        text: The text.
        by_key: Whether a scalar in a mapping has the position of its key instead of its own.

    Raises:
        DocumentError: A document cannot be parsed; the first such document is reported.
    """
    documents = []
    for document in read(text, by_key=by_key):
        if isinstance(document, DocumentError):
            raise document
        documents.append(document)
    return documents


def read(text: str, *, by_key: bool = False) -> Iterator[Document | DocumentError]:
    """Parse each document of a text; a broken one yields its error, and parsing continues after it."""
    text = text.removeprefix("\ufeff")
    if refusal := _unfit(text):
        yield refusal
        return
    line = 1
    for part in _parts(text):
        if not _is_empty(part):
            yield from _read_part(part, line, text, by_key=by_key)
        line += part.count("\n")


def _unfit(text: str) -> DocumentError | None:
    """Why the text is rejected as a whole; None if it is not."""
    if len(text) > MAX_CHARACTERS:
        return DocumentError(f"larger than {MAX_CHARACTERS // 1024**2} MiB: split it", 1, 1)
    if not text.isascii() and (odd := _SURROGATE.search(text)):
        line = text.count("\n", 0, odd.start()) + 1
        return DocumentError("not UTF-8: an unpaired surrogate", line, odd.start() - text.rfind("\n", 0, odd.start()))
    return None


def _parts(text: str) -> Iterator[str]:
    """Split the text before each ``---`` at the start of a line."""
    start = 0
    for marker in _MARKER.finditer(text):
        # Comments and directives (%YAML) above a marker belong to the document below it.
        if _CONTENT.search(text, start, marker.start()):
            yield text[start : marker.start()]
            start = marker.start()
    yield text[start:]


def _is_empty(part: str) -> bool:
    marker = _MARKER_ALONE.match(part)
    return _CONTENT.search(part, marker.end() if marker else 0) is None


def _read_part(part: str, line: int, whole: str, *, by_key: bool) -> Iterator[Document | DocumentError]:
    try:
        for value, positions in _values(part, line, by_key=by_key):
            if value is not None:
                yield Document(value, positions)
    except DocumentError as error:
        yield _hinted(error, part, line, whole)


def _hinted(error: DocumentError, part: str, line: int, whole: str) -> DocumentError:
    """The error; in a template, with how to render it, because a template is not broken YAML."""
    row = "".join(part.split("\n")[error.line - line : error.line - line + 1])
    way_out, explains = templates.in_broken(row, part, whole)
    if not way_out:
        return error
    reason = way_out if explains else f"{way_out}; otherwise: {error.reason}"
    return DocumentError(reason, error.line, error.column, "template")


def _values(part: str, line: int, *, by_key: bool) -> Iterator[tuple[Any, Mapping[Path, Position]]]:
    """Parse as kubectl does: as JSON if possible, otherwise as YAML, whose flow style looks similar."""
    space = _SPACE.match(part, 3 if part.startswith("---") else 0)
    start = space.end() if space else 0
    if not part.startswith(("{", "["), start):
        yield from yamltext.values(part, line, by_key=by_key)
        return
    try:
        yield from jsontext.values(part, start, line, by_key=by_key)
    except jsontext.NotJsonError as no_json:
        try:
            yield from yamltext.values(part, line, by_key=by_key)
        except DocumentError as no_yaml:
            # With its first key in quotes, the text is meant as JSON: report the JSON error.
            is_meant = no_yaml.reason.startswith("broken") and _JSON_START.match(part, start)
            raise (no_json if is_meant else no_yaml) from None
