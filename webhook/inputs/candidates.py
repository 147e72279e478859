"""DaemonSets that are incomplete: a patch, or a template that may become aws-node once it is rendered."""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cni.aws_node import POD_SPEC
from webhook.inputs import fields, mentions
from webhook.model import Path, at

_MAPPINGS: Final[tuple[Path, ...]] = (
    ("metadata",),
    *(POD_SPEC[:depth] for depth in range(1, len(POD_SPEC) + 1)),
)


def may_be_aws_node(daemonset: Any) -> bool:
    """Whether a DaemonSet that is not identified as aws-node may become it once it is rendered or patched."""
    if fields.hides_its_name(daemonset):
        return True
    return (fields.hides_an_image(daemonset) or is_incomplete(daemonset)) and mentions.in_value(daemonset)


def is_incomplete(daemonset: Any) -> bool:
    """Whether a DaemonSet lacks a selector and images, as a patch does."""
    if any(isinstance(at(daemonset, *path), str | list) for path in _MAPPINGS):
        return False  # a string in place of a mapping is a template, not a patch
    return at(daemonset, "spec", "selector") is None and not any(_images(daemonset))


def _images(daemonset: Any) -> Iterator[bool]:
    """Whether each container has an image; a template or a mapping in place of the list may add one."""
    for kind in ("containers", "initContainers"):
        listed = at(daemonset, *POD_SPEC, kind)
        yield isinstance(listed, str | dict)
        for container in listed if isinstance(listed, list) else ():
            yield isinstance(container, str) or at(container, "image") is not None
