"""Manifests: complete Kubernetes objects of any kind."""

from collections.abc import Iterator
from typing import Final

from webhook.cni import neighbors
from webhook.cni.identity import AWS_NODE, ENICONFIG, may_be_guarded
from webhook.inputs.parts import KINDS, Found, Part
from webhook.inputs.reader import Reader

_GROUPS: Final = {kind: group for group, kind in (AWS_NODE, ENICONFIG)}
_REMOVED: Final = {"extensions/v1beta1": "Kubernetes 1.16 removed it, use `apiVersion: apps/v1`"}


def recognizes(part: Part) -> bool:
    """Whether it is an object."""
    return part.is_object


def changes(part: Part) -> Iterator[Found]:
    """The object as a change; the reason if its kind or group is wrong."""
    if kind := _meant_kind(part):
        yield part.unread(f"unknown kind {part.kind} in {part.group}; did you mean {kind}?")
    elif part.kind not in KINDS:
        neighbor = neighbors.KINDS.get((part.group, part.kind))
        yield part.evaluated() if neighbor and neighbor.in_files and part.change.target else part.ignored()
    elif may_be_guarded(part.group, part.kind):
        yield part.evaluated()
    elif part.change.target is None:
        yield part.ignored()
    else:
        yield part.unread(_wrong_group(part))


def _meant_kind(part: Part) -> str:
    """The kind that differs from this one only in case; empty if there is none."""
    kinds = (kind for group, kind in (AWS_NODE, ENICONFIG) if group == part.group and kind != part.kind)
    return next((kind for kind in kinds if kind.casefold() == part.kind.casefold()), "")


def _wrong_group(part: Part) -> str:
    version = part.value.get("apiVersion")
    reason = f"a {part.kind} with apiVersion {version!r}: cni-guard evaluates those in {_GROUPS[part.kind]}"
    hint = _REMOVED.get(version) if isinstance(version, str) else None
    return f"{reason}; {hint}" if hint else reason


READER = Reader(recognizes, changes)
