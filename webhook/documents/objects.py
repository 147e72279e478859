"""Documents to Kubernetes objects: a `List` of any kind is opened, at any depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.documents import Document, DocumentError
from webhook.model import Path, Position, text

_LIST = "List"
_KUSTOMIZE = "kustomize.config.k8s.io"
_CHANGES_NOTHING = frozenset(("apiVersion", "kind", "metadata", "resources", "bases", "namespace"))
"""Keys with which a kustomization only gathers files."""

_GATHERS = ("resources", "patches", "patchesStrategicMerge", "images", "components")


@dataclass(frozen=True, slots=True)
class Object:
    """An object with its kind and group, and the place of each of its fields."""

    group: str
    version: str
    kind: str
    value: dict[str, Any]
    positions: Mapping[Path, Position]


def objects(document: Document) -> Iterator[Object | DocumentError]:
    """The objects of a document, each with paths of its own; what is none of them is told, and the rest goes on."""
    yield from _open(document.value, document.positions, "", "")


def _open(
    value: Any, positions: Mapping[Path, Position], api_version: str, kind: str
) -> Iterator[Object | DocumentError]:
    """`api_version` and `kind` are what a list says of a member that leaves them out, as in an answer of the API."""
    start = positions[()]
    if not isinstance(value, dict):
        shape = "a list" if isinstance(value, list) else "a single value"
        yield DocumentError(f"no Kubernetes object but {shape}", start.line, start.column)
        return
    api_version = text(value.get("apiVersion")) or api_version
    kind = text(value.get("kind")) or kind
    if reason := _no_object(value, api_version, kind):
        yield DocumentError(reason, start.line, start.column)
    elif kind == _LIST or (kind.endswith(_LIST) and "items" in value):
        yield from _members(value.get("items"), positions, api_version, kind.removesuffix(_LIST))
    else:
        group, _, version = api_version.rpartition("/")
        yield Object(group, version, kind, value, positions)


def _no_object(value: dict[str, Any], api_version: str, kind: str) -> str:
    """Why a mapping is no object to judge; empty where it is one, or changes none."""
    if _is_kustomization(value, api_version, kind):
        if _CHANGES_NOTHING.issuperset(value):
            return ""
        return "a kustomization: build it first, `kustomize build … | cni-guard check -`"
    missing = [name for name, found in (("apiVersion", api_version), ("kind", kind)) if not found]
    return f"no Kubernetes object: {' and '.join(missing)} missing" if missing else ""


def _is_kustomization(value: dict[str, Any], api_version: str, kind: str) -> bool:
    """By its kind, or by its lists: kustomize lets both apiVersion and kind be left out."""
    if kind or api_version:
        return kind in ("Kustomization", "Component") and api_version.startswith(_KUSTOMIZE)
    lists = [value[key] for key in _GATHERS if key in value]
    return bool(lists) and all(isinstance(items, list) for items in lists)


def _members(
    items: Any, positions: Mapping[Path, Position], api_version: str, kind: str
) -> Iterator[Object | DocumentError]:
    if items is None:
        return
    if not isinstance(items, list):
        place = positions[("items",)]
        yield DocumentError("the items of this list are no list", place.line, place.column)
        return
    # One walk over all places, however many members there are.
    apart: list[dict[Path, Position]] = [{} for _ in items]
    for path, place in positions.items():
        match path:
            case ("items", int(index), *_):
                apart[index][path[2:]] = place
    for item, own in zip(items, apart, strict=True):
        yield from _open(item, own, api_version if kind else "", kind)
