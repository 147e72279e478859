"""Patches: a JSON Patch, or an incomplete object that kustomize merges into another one; unread without that object."""

from collections.abc import Iterator
from typing import Any

from webhook.cni.identity import AWS_NODE
from webhook.inputs.candidates import is_incomplete
from webhook.inputs.parts import Found, Part
from webhook.inputs.reader import Reader


def recognizes(part: Part) -> bool:
    """Whether it is a JSON Patch, or a patch of an object that cni-guard evaluates."""
    return _is_json_patch(part.value) or (part.is_object and part.is_candidate and _merges(part))


def changes(part: Part) -> Iterator[Found]:
    """The reason: a patch does not show what it results in."""
    if _is_json_patch(part.value):
        yield part.no_object("a JSON patch", "patch")
    else:
        yield part.unread("a kustomize patch (no selector, no image)", "patch")


def _is_json_patch(value: Any) -> bool:
    """Whether the value is a list of JSON Patch operations (RFC 6902)."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, dict) and isinstance(item.get("op"), str) and "path" in item for item in value)


def _merges(part: Part) -> bool:
    """Whether an object lacks required fields, or holds a merge directive."""
    return "$patch" in part.value or (part.kind == AWS_NODE[1] and is_incomplete(part.value))


READER = Reader(recognizes, changes)
