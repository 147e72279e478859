"""The Kubernetes objects of a document; lists of any kind are expanded, at any depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.documents import Document, DocumentError
from webhook.documents.refusal import Unfit
from webhook.model import Path, Position, text

KUSTOMIZE = "kustomize.config.k8s.io"
"""The API group of kustomizations and components; kustomize does not require it."""

_LIST = "List"
_GATHERS = ("resources", "patches", "patchesStrategicMerge", "patchesJson6902", "images", "components")


@dataclass(frozen=True, slots=True)
class Object:
    """An object with its group, version and kind, and the position of each field."""

    group: str
    version: str
    kind: str
    value: dict[str, Any]
    positions: Mapping[Path, Position]


def objects(document: Document) -> Iterator[Object | DocumentError]:
    """The objects of a document, with paths relative to each object; an error for anything that is not an object."""
    yield from _open(document.value, document.positions, "", "")


def _open(
    value: Any, positions: Mapping[Path, Position], api_version: str, kind: str
) -> Iterator[Object | DocumentError]:
    """`api_version` and `kind` come from the list: API responses omit them in the items."""
    start = positions[()]
    if not isinstance(value, dict):
        yield _no_mapping(value, start)
        return
    api_version = text(value.get("apiVersion")) or api_version
    kind = text(value.get("kind")) or kind
    if not api_version and not kind and _gathers(value):
        yield Object(KUSTOMIZE, "", "Kustomization", value, positions)
    elif missing := [name for name, found in (("apiVersion", api_version), ("kind", kind)) if not found]:
        # A mapping with a kind is meant as an object; a Helm Chart.yaml has only an apiVersion.
        unfit: Unfit = "broken" if "kind" in value else "foreign"
        reason = f"not a Kubernetes object: {' and '.join(missing)} missing"
        yield DocumentError(reason, start.line, start.column, unfit)
    elif kind == _LIST or (kind.endswith(_LIST) and "items" in value):
        yield from _members(value.get("items"), positions, api_version, kind.removesuffix(_LIST))
    else:
        group, _, version = api_version.rpartition("/")
        yield Object(group, version, kind, value, positions)


def _no_mapping(value: Any, start: Position) -> DocumentError:
    if _is_json_patch(value):
        return DocumentError("a JSON patch", start.line, start.column, "patch")
    shape = "a list" if isinstance(value, list) else "a single value"
    return DocumentError(f"{shape}, not a Kubernetes object", start.line, start.column, "foreign")


def _is_json_patch(value: Any) -> bool:
    """Whether the value is a list of JSON Patch operations (RFC 6902)."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, dict) and isinstance(item.get("op"), str) and "path" in item for item in value)


def _gathers(value: dict[str, Any]) -> bool:
    """Whether a mapping without a kind is a kustomization, judging by its fields."""
    lists = [value[key] for key in _GATHERS if key in value]
    return bool(lists) and all(isinstance(items, list) for items in lists)


def _members(
    items: Any, positions: Mapping[Path, Position], api_version: str, kind: str
) -> Iterator[Object | DocumentError]:
    if items is None:
        return
    if not isinstance(items, list):
        place = positions[("items",)]
        yield DocumentError("items of this List is not a list", place.line, place.column)
        return
    # One pass over all positions, whatever the number of items: the cost stays linear.
    apart: list[dict[Path, Position]] = [{} for _ in items]
    for path, place in positions.items():
        match path:
            case ("items", int(index), *_):
                apart[index][path[2:]] = place
    for item, own in zip(items, apart, strict=True):
        for found in _open(item, own, api_version if kind else "", kind):
            if isinstance(found, DocumentError):
                # Every item of a list must be an object.
                found.unfit = "broken"
            yield found
