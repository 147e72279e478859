"""Text to values with positions: YAML and JSON as kubectl reads them, for manifests and for the policy.

`load` reads a whole text, `read` goes on after a document that is broken. Each field of a document has its place in
the text: a scalar where its value stands, a mapping or a list where its key stands, since these are the lines that a
person edits. What an alias or a merge brings in has the place of its anchor.
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
"""A line that is neither blank, a comment nor a directive."""

_JSON_START = re.compile(r'[{\[]\s*["{\[]')
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: a value of JSON's types, and the place of each field in it."""

    value: Any
    positions: Mapping[Path, Position]


def load(text: str) -> list[Document]:
    """All documents of a text, the empty ones left out; `DocumentError` for the first that can not be read."""
    documents = []
    for document in read(text):
        if isinstance(document, DocumentError):
            raise document
        documents.append(document)
    return documents


def read(text: str) -> Iterator[Document | DocumentError]:
    """Each document of a text, or why it could not be read; the ones after it are read all the same."""
    text = text.removeprefix("\ufeff")
    if refusal := _unfit(text):
        yield refusal
        return
    line = 1
    for part in _parts(text):
        if not _is_empty(part):
            yield from _read_part(part, line, text)
        line += part.count("\n")


def _unfit(text: str) -> DocumentError | None:
    """Why the whole text is not worth a reader's time."""
    if len(text) > MAX_CHARACTERS:
        return DocumentError(f"larger than {MAX_CHARACTERS // 1024**2} MiB: split it", 1, 1)
    if not text.isascii() and (odd := _SURROGATE.search(text)):
        line = text.count("\n", 0, odd.start()) + 1
        return DocumentError("not UTF-8: a lone surrogate", line, odd.start() - text.rfind("\n", 0, odd.start()))
    return None


def _parts(text: str) -> Iterator[str]:
    """The text cut before each ``---``, which separates documents wherever it begins a line."""
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


def _read_part(part: str, line: int, whole: str) -> Iterator[Document | DocumentError]:
    try:
        for value, positions in _values(part, line):
            if value is not None:
                yield Document(value, positions)
    except DocumentError as error:
        yield _hinted(error, part, line, whole)


def _hinted(error: DocumentError, part: str, line: int, whole: str) -> DocumentError:
    """The error, which in a template is not a fault of its author."""
    row = "".join(part.split("\n")[error.line - line : error.line - line + 1])
    way_out, explains = templates.in_broken(row, part, whole)
    if not way_out:
        return error
    reason = way_out if explains else f"{way_out}; or else: {error.reason}"
    return DocumentError(reason, error.line, error.column, "template")


def _values(part: str, line: int) -> Iterator[tuple[Any, Mapping[Path, Position]]]:
    """As kubectl does: JSON where it is JSON, else YAML, whose flow style looks much the same."""
    space = _SPACE.match(part, 3 if part.startswith("---") else 0)
    start = space.end() if space else 0
    if not part.startswith(("{", "["), start):
        yield from yamltext.values(part, line)
        return
    try:
        yield from jsontext.values(part, start, line)
    except jsontext.NotJsonError as no_json:
        try:
            yield from yamltext.values(part, line)
        except DocumentError as no_yaml:
            # Whoever quotes the first key meant to write JSON.
            is_meant = no_yaml.reason.startswith("broken") and _JSON_START.match(part, start)
            raise (no_json if is_meant else no_yaml) from None
