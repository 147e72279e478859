"""What differs between two objects, as YAML that a person can paste: a strategic-merge patch, as kubectl takes it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from webhook.model import Json

_MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
}
"""The lists of a pod that a strategic-merge patch merges, by the field that identifies their items (Kubernetes API)."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """The difference between two objects."""

    value: Json
    """Empty if the objects are equal."""
    is_patch: bool
    """Whether it is a strategic-merge patch; if not, an excerpt of what no such patch can express."""


def fragment(before: dict[str, Any], after: dict[str, Any]) -> Fragment:
    """What changes one object into the other."""
    return Fragment(_mapping(before, after), is_patch=_can_be_patched(before) and _can_be_patched(after))


def _can_be_patched(value: Json, key: str = "") -> bool:
    """Whether each item of each merged list has a name of its own."""
    if isinstance(value, dict):
        return all(_can_be_patched(item, key) for key, item in value.items())
    if isinstance(value, list) and key in _MERGE_KEYS:
        names = [_name(item, _MERGE_KEYS[key]) for item in value]
        return "" not in names and len(set(names)) == len(names) and all(map(_can_be_patched, value))
    return True


def _name(item: Json, merge_key: str) -> str:
    return str(item.get(merge_key) or "") if isinstance(item, dict) else ""


def _mapping(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    changed = {key: _value(key, before.get(key), value) for key, value in after.items() if before.get(key) != value}
    return changed | {key: None for key in before if key not in after}


def _value(key: str, before: Json, after: Json) -> Json:
    if isinstance(before, dict) and isinstance(after, dict):
        return _mapping(before, after)
    if isinstance(before, list) and isinstance(after, list) and key in _MERGE_KEYS:
        return _items(before, after, _MERGE_KEYS[key])
    return after


def _items(before: list[Any], after: list[Any], merge_key: str) -> list[Any]:
    """The changed and added items, then the names of the removed ones."""
    old = {_name(item, merge_key): item for item in before}
    counts = Counter(_name(item, merge_key) for item in after)
    changed = []
    for item in after:
        name = _name(item, merge_key)
        if name not in old or counts[name] > 1 or not isinstance(item, dict):
            changed.append(item)
        elif item != old[name]:
            changed.append({merge_key: name} | _mapping(old[name], item))
    return changed + [{merge_key: name, "$patch": "delete"} for name in old if name not in counts]
