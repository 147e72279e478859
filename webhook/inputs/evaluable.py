"""Turns an object into a change that cni-guard evaluates, or into the reason why it cannot."""

from collections.abc import Iterator
from typing import Any

from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import AWS_NODE, ENICONFIG, change_of
from webhook.documents import DocumentError
from webhook.documents.objects import Object
from webhook.documents.refusal import Unfit
from webhook.documents.templates import way_out
from webhook.inputs import fields, mentions
from webhook.model import Change, Path, Source, at
from webhook.printable import dotted

_GONE = {"extensions/v1beta1": "Kubernetes 1.16 removed it, use `apiVersion: apps/v1`"}


def evaluable(found: Object, label: str, whole: str) -> Change | DocumentError | None:
    """Turn an object into a change.

    Args:
        found: the object.
        label: the display name of its file.
        whole: the text of that file, which shows the kind of template.

    Returns:
        The change; the reason if cni-guard cannot evaluate it; None if cni-guard has no rules for its kind.

    """
    for group, kind in (AWS_NODE, ENICONFIG):
        if found.group == group and found.kind != kind and found.kind.casefold() == kind.casefold():
            return _refusal(found, f"unknown kind {found.kind} in {group}; did you mean {kind}?")
    if found.kind not in (AWS_NODE[1], ENICONFIG[1]):
        hidden = way_out(found.kind, whole)
        return _refusal(found, hidden, "template") if hidden and mentions.in_value(found.value) else None
    change = change_of(found.kind, found.value, source=Source(label, found.positions))
    return _of_our_kind(found, change, whole)


def _of_our_kind(found: Object, change: Change, whole: str) -> Change | DocumentError | None:
    guarded = change.target is not None
    if not guarded and not _may_be_ours(found.value):
        return change if found.group == AWS_NODE[0] else None
    if _is_patch(found):
        return _refusal(found, "a kustomize patch (no selector, no image)", "patch")
    if refusal := _template(found, change, whole):
        return refusal
    if not guarded:
        return change
    if (found.group, found.kind) not in (AWS_NODE, ENICONFIG):
        group = AWS_NODE[0] if found.kind == AWS_NODE[1] else ENICONFIG[0]
        version = found.value.get("apiVersion")
        reason = f"a {found.kind} with apiVersion {version!r}: cni-guard evaluates those in {group}"
        hint = _GONE.get(version) if isinstance(version, str) else None
        return _refusal(found, f"{reason}; {hint}" if hint else reason)
    return change


def _may_be_ours(value: Any) -> bool:
    """Whether a DaemonSet that is not identified as aws-node may be aws-node once it is rendered."""
    if fields.hides_its_name(value):
        return True
    return (fields.hides_an_image(value) or _is_incomplete(value)) and mentions.in_value(value)


def _is_patch(found: Object) -> bool:
    """Whether it lacks required fields, or holds a merge directive."""
    return "$patch" in found.value or (found.kind == AWS_NODE[1] and _is_incomplete(found.value))


def _is_incomplete(daemonset: Any) -> bool:
    if any(isinstance(at(daemonset, *path), str | list) for path in _MAPPINGS):
        return False  # a string in place of a mapping is a template, not a patch
    return at(daemonset, "spec", "selector") is None and not any(_images(daemonset))


_MAPPINGS = (("metadata",), *(POD_SPEC[:depth] for depth in range(1, len(POD_SPEC) + 1)))


def _images(daemonset: Any) -> Iterator[bool]:
    """Whether each container has an image; a template or a mapping in place of the list may add one."""
    for kind in ("containers", "initContainers"):
        listed = at(daemonset, *POD_SPEC, kind)
        yield isinstance(listed, str | dict)
        for container in listed if isinstance(listed, list) else ():
            yield isinstance(container, str) or at(container, "image") is not None


def _template(found: Object, change: Change, whole: str) -> DocumentError | None:
    """The error if the object is an unrendered template: braces anywhere, or a ``$`` in a field that rules read."""
    for path, value in (*fields.in_braces(found.value), *fields.read_in(found.kind, found.value)):
        if reason := way_out(value, whole):
            return _refusal(found, _placed(reason, path, change), "template")
    return None


def _placed(reason: str, path: Path, change: Change) -> str:
    """The reason, with the field where the template was found."""
    looks, colon, way = reason.partition(":")
    line = change.source.position(path).line if change.source else 1
    return f"{looks} ({dotted(path)} in line {line}){colon}{way}"


def _refusal(found: Object, reason: str, unfit: Unfit = "broken") -> DocumentError:
    start = found.positions[()]
    return DocumentError(reason, start.line, start.column, unfit)
