"""The official manifests: read, reduced to what counts, and told by a digest.

``python -m tests.cni.official aws-k8s-cni.yaml`` prints the digest that a row of `webhook/cni/releases.py` needs.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml


def plain(value: Any) -> Any:
    """Drop what the API server drops: nulls and empty mappings."""
    if isinstance(value, dict):
        kept = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {})}
    return [plain(item) for item in value] if isinstance(value, list) else value


def documents(path: Path, kind: str) -> list[dict[str, Any]]:
    """The documents of a kind in a manifest."""
    found = yaml.load_all(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [document for document in found if document and document["kind"] == kind]


def digest(daemonset: Any) -> str:
    """The first 12 digits of the SHA-256 of a DaemonSet in canonical JSON."""
    canonical = json.dumps(plain(daemonset), sort_keys=True).encode()
    return hashlib.sha256(canonical).hexdigest()[:12]


if __name__ == "__main__":
    for manifest in sys.argv[1:]:
        for daemonset in documents(Path(manifest), "DaemonSet"):
            sys.stdout.write(f"{digest(daemonset)} {manifest}\n")
