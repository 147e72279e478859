"""YAML with positions, built from the events of PyYAML's parser.

PyYAML's composer is not used: it recurses, so a file full of brackets ends the process; it drops duplicate keys; and
its nodes do not record the anchors that they came from.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from webhook.documents import scalars
from webhook.documents.refusal import MAX_DEPTH, MAX_NODES, DocumentError, has_surrogate
from webhook.model import Path, Position

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    f"{_TAG}int": (int,),
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": (bool,),
    f"{_TAG}null": (type(None),),
}
_NOT_PRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT: Final = re.compile(r" *\t")

Value = tuple[Any, dict[Path, Position]]


def values(text: str, line: int, *, by_key: bool = False) -> Iterator[Value]:
    """Parse the value of each document.

    Args:
        text: The text.
        line: The line number of the start of the text.
        by_key: Whether a scalar in a mapping has the position of its key.

    Raises:
        DocumentError: A document is not YAML, or cannot be accepted.
    """
    if odd := _NOT_PRINTABLE.search(text):
        row = text.count("\n", 0, odd.start())
        column = odd.start() - text.rfind("\n", 0, odd.start())
        raise DocumentError(f"the control character U+{ord(odd[0]):04X} is not allowed", line + row, column)
    try:
        for root in _roots(text, line):
            builder = _Builder(by_key=by_key)
            yield builder.build(root, (), root.place), builder.positions
    except yaml.YAMLError as error:
        raise _explained(error, text, line) from error


@dataclass(slots=True, eq=False)
class _Scalar:
    place: Position
    value: Any
    merges: bool = False
    """Whether this is the key ``<<`` without quotes."""


@dataclass(slots=True, eq=False)
class _Sequence:
    place: Position
    items: list["_Node"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Mapping:
    place: Position
    key: _Scalar | None = None
    """The key whose value comes next."""
    written: list[tuple[_Scalar, "_Node"]] = field(default_factory=list)
    pairs: dict[str, tuple[Position, "_Node"]] = field(default_factory=dict)
    """Set once the mapping is closed and its merges are applied: name to position of the key and value."""


_Node = _Scalar | _Sequence | _Mapping


class _Tree:
    """Builds the nodes of one document, event by event."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._open: list[_Sequence | _Mapping] = []
        self._anchors: dict[str, _Node] = {}
        self._merged = 0
        self.root: _Node | None = None

    def add(self, event: yaml.NodeEvent) -> None:
        """Add a scalar, an alias or the start of a collection."""
        place = _place(event, self._line)
        if isinstance(event, yaml.AliasEvent):
            self._attach(self._aliased(event.anchor or "", place), place)
            return
        node = _node(event, place)
        self._attach(node, place)
        if event.anchor:
            self._anchors[event.anchor] = node
        if not isinstance(node, _Scalar):
            self._open.append(node)
            if len(self._open) > MAX_DEPTH:
                raise _error(f"nested deeper than {MAX_DEPTH} levels", place)

    def close(self) -> None:
        """Add the end of a collection."""
        node = self._open.pop()
        if not isinstance(node, _Mapping):
            return
        own: dict[str, Position] = {}
        for key, value in node.written:
            if key.merges:
                # A merge takes effect in order, as in kubectl: it overrides keys above it, and keys below override it.
                self._merge(node, value, key.place)
                continue
            name = _unique(key, own)
            own[name] = key.place
            node.pairs[name] = (key.place, value)

    def _aliased(self, anchor: str, place: Position) -> _Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise _error(f"the alias *{anchor} has no anchor &{anchor} above it in this document", place)
        if any(node is parent for parent in self._open):
            raise _error(f"the anchor &{anchor} contains itself", place)
        return node

    def _attach(self, node: _Node, place: Position) -> None:
        parent = self._open[-1] if self._open else None
        if parent is None:
            self.root = node
        elif isinstance(parent, _Sequence):
            parent.items.append(node)
        elif parent.key is None:
            if not isinstance(node, _Scalar):
                raise _foreign("a mapping or a list cannot be a key", place)
            parent.key = _Scalar(place, node.value, node.merges)
        else:
            parent.written.append((parent.key, node))
            parent.key = None

    def _merge(self, mapping: _Mapping, value: _Node, place: Position) -> None:
        sources = list(reversed(value.items)) if isinstance(value, _Sequence) else [value]
        for source in sources:
            if not isinstance(source, _Mapping):
                raise _error("<< must be a mapping or a list of mappings", place)
            self._merged += len(source.pairs)
            if self._merged > MAX_NODES:
                raise _error(f"merges add more than {MAX_NODES} values", place)
            mapping.pairs.update(source.pairs)


class _Builder:
    """Converts nodes to values with positions, and expands aliases."""

    def __init__(self, *, by_key: bool) -> None:
        self._by_key = by_key
        self.positions: dict[Path, Position] = {}

    def build(self, node: _Node, path: Path, key: Position) -> Any:
        """The value of a node; `key` is the position of its key, or in a list its own."""
        self.positions[path] = node.place if isinstance(node, _Scalar) and not self._by_key else key
        if len(self.positions) > MAX_NODES:
            raise _error(f"more than {MAX_NODES} values after its aliases are expanded", key)
        if isinstance(node, _Scalar):
            return node.value
        if len(path) > MAX_DEPTH:
            raise _error(f"nested deeper than {MAX_DEPTH} levels after its aliases are expanded", key)
        if isinstance(node, _Sequence):
            return [self.build(item, (*path, index), item.place) for index, item in enumerate(node.items)]
        return {name: self.build(value, (*path, name), place) for name, (place, value) in node.pairs.items()}


def _place(event: yaml.Event, line: int) -> Position:
    mark = event.start_mark
    return Position(mark.line + line, mark.column + 1) if mark else Position(line, 1)


def _roots(text: str, line: int) -> Iterator[_Node]:
    tree = _Tree(line)
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.NodeEvent):
            tree.add(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            tree.close()
        elif isinstance(event, yaml.DocumentEndEvent) and tree.root:
            yield tree.root
            tree = _Tree(line)


def _unique(key: _Scalar, own: dict[str, Position]) -> str:
    name = scalars.key(key.value)
    if name is None:
        raise _foreign("a key is missing or null: quote it", key.place)
    if first := own.get(name):
        raise _error(f"the key {name!r} is listed twice in this mapping, first in line {first.line}", key.place)
    return name


def _node(event: yaml.NodeEvent, place: Position) -> _Node:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, place)
    kind = "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"
    tag: str | None = getattr(event, "tag", None)
    if tag not in (None, "!", _TAG + kind):
        raise _unknown_tag(str(tag), place)
    return _Sequence(place) if kind == "seq" else _Mapping(place)


def _scalar(event: yaml.ScalarEvent, place: Position) -> _Scalar:
    text: str = event.value
    if has_surrogate(text):
        raise _error("this string is not valid Unicode: it has an unpaired surrogate", place)
    tag = event.tag
    is_plain = event.implicit[0]
    if tag in ("!", _TAG + "str") or (tag is None and not is_plain):
        return _Scalar(place, text)
    if tag is None:
        return _Scalar(place, _finite(scalars.plain(text), text, place), merges=text == "<<")
    if tag not in _TYPES:
        raise _unknown_tag(tag, place)
    value = scalars.plain(text)
    if type(value) not in _TYPES[tag]:
        raise _error(f"{text!r} is not a valid {_short(tag)}", place)
    return _Scalar(place, _finite(value, text, place))


def _finite(value: Any, text: str, place: Position) -> Any:
    """Reject numbers that JSON cannot represent, as kubectl does."""
    if isinstance(value, float) and not math.isfinite(value):
        raise _foreign(f"{text} is a number that JSON cannot represent: quote it", place)
    return value


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _unknown_tag(tag: str, place: Position) -> DocumentError:
    return _foreign(f"the tag {_short(tag)} is not supported in a manifest", place)


def _foreign(reason: str, place: Position) -> DocumentError:
    """An error for YAML that Kubernetes does not accept but other programs do, such as !Sub of CloudFormation."""
    return DocumentError(reason, place.line, place.column, "foreign")


def _error(reason: str, place: Position) -> DocumentError:
    return DocumentError(reason, place.line, place.column)


def _explained(error: yaml.YAMLError, text: str, line: int) -> DocumentError:
    """The error of the parser, worded for the author of the file."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return DocumentError(" ".join(str(error).split()), line, 1)
    rows = text.split("\n")
    row = rows[mark.line] if mark.line < len(rows) else ""
    if tab := _TAB_INDENT.match(row):
        return DocumentError("this line is indented with a tab; YAML requires spaces", mark.line + line, tab.end())
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    reason = "broken YAML: " + ", ".join(part for part in parts if part)
    return DocumentError(reason, mark.line + line, mark.column + 1)
