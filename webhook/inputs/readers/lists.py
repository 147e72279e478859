"""Lists of `kubectl get -o json` and of the API, such as DaemonSetList; each member is read by itself."""

from collections.abc import Iterator
from typing import Final

from webhook.documents import DocumentError
from webhook.inputs.parts import Found, Part
from webhook.inputs.reader import Reader
from webhook.model import Path, Position

_LIST: Final = "List"


def recognizes(part: Part) -> bool:
    """Whether it is a List of any kind."""
    return part.is_object and (part.kind == _LIST or (part.kind.endswith(_LIST) and "items" in part.value))


def changes(part: Part) -> Iterator[Found | Part]:
    """The members, with paths relative to each."""
    items = part.value.get("items")
    if isinstance(items, list):
        kind = part.kind.removesuffix(_LIST)
        inherited = (part.api_version if kind else "", kind)
        for item, positions in zip(items, _positions(part, len(items)), strict=True):
            yield Part(part.text, item, positions, inherited)
    elif items is not None:
        place = part.positions[("items",)]
        error = DocumentError("items of this List is not a list", place.line, place.column)
        yield part.text.unread(error, concerns=part.text.mentions)


def _positions(part: Part, count: int) -> list[dict[Path, Position]]:
    """The positions of each member, in one pass whatever their number: the cost stays linear."""
    apart: list[dict[Path, Position]] = [{} for _ in range(count)]
    for path, place in part.positions.items():
        match path:
            case ("items", int(index), *_):
                apart[index][path[2:]] = place
    return apart


READER = Reader(recognizes, changes)
