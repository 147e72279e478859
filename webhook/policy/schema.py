"""The JSON Schema of a policy file, and what it says about a value that does not fit."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from webhook.model import Json, Path
from webhook.policy.sections import Policy

_STEP = re.compile(r"\.([^.\[`]+)|\[(\d+|\.\.\.)\]")
"""A step of a path as msgspec writes it: a key, an index, or ``...`` for a key that it does not name."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a policy file (draft 2020-12), for editors and CI."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://cni-guard.dev/schemas/policy.v1alpha1.json",
        "title": "cni-guard policy",
    }
    return head | msgspec.json.schema(Policy)


def unknown_keys(
    value: Json, node: Mapping[str, Any], path: Path = (), root: Mapping[str, Any] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Each key that the schema does not define, with the keys that it allows there."""
    root = root or node
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    for branch in node.get("anyOf", ()):
        yield from unknown_keys(value, branch, path, root)
    if isinstance(value, dict) and "object" in node.get("type", ""):
        known, other = node.get("properties", {}), node.get("additionalProperties")
        for key, item in value.items():
            if key in known:
                yield from unknown_keys(item, known[key], (*path, key), root)
            elif isinstance(other, dict):
                yield from unknown_keys(item, other, (*path, key), root)
            elif other is False:
                yield (*path, key), sorted(known)
    elif isinstance(value, list) and isinstance(items := node.get("items"), dict):
        for index, item in enumerate(value):
            yield from unknown_keys(item, items, (*path, index), root)


def way_out(reason: str, where: str) -> str:
    """How to correct a value that the schema does not accept."""
    node = _node(where)
    if allowed := node.get("enum"):
        return f"; use one of {', '.join(map(str, allowed))}"
    if node.get("format") == "date":
        return "; write the date as YYYY-MM-DD, such as 2026-12-31"
    if reason.startswith("Expected `str") and "regex" not in reason:
        return "; quote the value"
    return f": {node['description']}" if "description" in node else ""


def _node(where: str) -> Mapping[str, Any]:
    """The part of the schema for a path as msgspec writes it; empty if there is none."""
    root = schema()
    node: Mapping[str, Any] = root
    for key, _ in _STEP.findall(where):
        node = _resolved(root, node)
        inner = node.get("properties", {}).get(key) if key else node.get("items") or node.get("additionalProperties")
        if not isinstance(inner, dict):
            return {}
        node = inner
    return _resolved(root, node)


def _resolved(root: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Resolve references, and take the non-null branch of an optional value."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        else:
            node = next(branch for branch in node["anyOf"] if branch.get("type") != "null")
    return node


def path_of(where: str) -> Path:
    """Parse a path as msgspec writes it (`$.exceptions[0].until`), up to the first step that it does not name."""
    steps: list[str | int] = []
    for key, index in _STEP.findall(where):
        if index == "...":
            break
        steps.append(int(index) if index else key)
    return tuple(steps)
