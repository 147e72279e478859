"""Kustomizations and components of kustomize; kustomize requires neither apiVersion nor kind."""

from collections.abc import Iterator
from typing import Any, Final

from webhook.documents import DocumentError
from webhook.inputs.kustomizations import Kustomization
from webhook.inputs.parts import Found, Part
from webhook.inputs.reader import Reader

_GROUP: Final = "kustomize.config.k8s.io"
_LISTS: Final = ("resources", "patches", "patchesStrategicMerge", "patchesJson6902", "images", "components")


def recognizes(part: Part) -> bool:
    """Whether it is a kustomization or a component."""
    if part.is_object:
        return part.group == _GROUP
    return isinstance(part.value, dict) and not part.api_version and not part.kind and _has_its_lists(part.value)


def changes(part: Part) -> Iterator[Found | Kustomization]:
    """The kustomization if kustomize looks for its name, and the reason if it changes more than patches show."""
    kustomization = Kustomization(part.text.file, part.start.line, part.value)
    if part.text.file.is_kustomization:
        yield kustomization
    if refusal := kustomization.refusal():
        error = DocumentError(refusal, part.start.line, part.start.column, "template")
        yield part.text.unread(error, concerns=kustomization.changes_the_cni())
    else:
        yield part.ignored()


def _has_its_lists(value: dict[str, Any]) -> bool:
    lists = [value[key] for key in _LISTS if key in value]
    return bool(lists) and all(isinstance(items, list) for items in lists)


READER = Reader(recognizes, changes)
