"""The hash by which a pod template is found again among those that ControllerRevisions hold."""

import hashlib
from typing import Any, Final

import msgspec

from webhook.model import Json

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` replaces all pods."""

_CANONICAL = msgspec.json.Encoder(order="sorted")


def template_hash(template: Json) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces) of a pod template, in hexadecimal.

    What a ControllerRevision adds (``$patch: replace``) does not count, nor what tells nothing about the pods:
    ``creationTimestamp: null``, which only some versions of Kubernetes write, the time of a restart, which tools carry
    along or drop, and empty maps in the metadata, which Kubernetes does not store.
    """
    if isinstance(template, dict):
        template = {key: value for key, value in template.items() if key != "$patch"}
        metadata = template.pop("metadata", None)
        if kept := _counting(metadata):
            template["metadata"] = kept
    return hashlib.sha256(_CANONICAL.encode(template)).hexdigest()


def _counting(metadata: Json) -> Json:
    """The metadata that count; empty if none do."""
    if not isinstance(metadata, dict):
        return metadata
    kept: dict[str, Any] = {key: value for key, value in metadata.items() if value not in _EMPTY}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict) and RESTARTED_AT in annotations:
        del kept["annotations"]
        if others := {key: value for key, value in annotations.items() if key != RESTARTED_AT}:
            kept["annotations"] = others
    return kept


_EMPTY: Final[tuple[Json, ...]] = (None, {})
