"""The hash by which a pod template is found again among those that ControllerRevisions hold."""

import hashlib

import msgspec

from webhook.model import Json

_CANONICAL = msgspec.json.Encoder(order="sorted")


def template_hash(template: Json) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces) of a pod template, in hexadecimal.

    What a ControllerRevision adds (``$patch: replace``) does not count, nor ``creationTimestamp: null``, which only
    some versions of Kubernetes write.
    """
    if isinstance(template, dict):
        template = {key: value for key, value in template.items() if key != "$patch"}
        metadata = template.get("metadata")
        if isinstance(metadata, dict) and metadata.get("creationTimestamp", "") is None:
            kept = {key: value for key, value in metadata.items() if key != "creationTimestamp"}
            template["metadata"] = kept
    return hashlib.sha256(_CANONICAL.encode(template)).hexdigest()
