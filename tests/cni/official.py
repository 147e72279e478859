"""Read official manifests, and make the row of `webhook/cni/releases.py` for one.

``python -m tests.cni.official aws-k8s-cni.yaml`` prints the row, and each field in which the manifest differs from the
one that the tables make for that row.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.cni.releases import RELEASES, Release
from webhook.cni.stock import stock
from webhook.cni.version import Version, parse_tag
from webhook.model import at, text


class NotAManifestError(Exception):
    """A file that is not an official manifest of the CNI; the message is the reason."""


def plain(value: Any) -> Any:
    """Drop what the API server drops: nulls and empty mappings."""
    if isinstance(value, dict):
        kept = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {})}
    return [plain(item) for item in value] if isinstance(value, list) else value


def documents(path: Path, kind: str) -> list[dict[str, Any]]:
    """The documents of a kind in a manifest."""
    found = yaml.load_all(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [document for document in found if isinstance(document, dict) and document.get("kind") == kind]


def digest(daemonset: Any) -> str:
    """The first 12 digits of the SHA-256 of a DaemonSet in canonical JSON."""
    canonical = json.dumps(plain(daemonset), sort_keys=True).encode()
    return hashlib.sha256(canonical).hexdigest()[:12]


def daemonset_of(path: Path) -> dict[str, Any]:
    """The DaemonSet aws-node of a manifest."""
    try:
        found = documents(path, "DaemonSet")
    except OSError as error:
        raise NotAManifestError(error.strerror) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise NotAManifestError(" ".join(str(error).split())) from error
    named = [one for one in found if at(one, "metadata", "name") == "aws-node"]
    if len(named) != 1:
        raise NotAManifestError(f"it has {len(named)} DaemonSets named aws-node, an official manifest has one")
    return named[0]


def row_of(daemonset: dict[str, Any]) -> Release:
    """The row of `webhook/cni/releases.py` for a DaemonSet."""
    view = AwsNode(daemonset)
    version = _tag(view.main, "aws-node")
    label = parse_tag(text(at(daemonset, "metadata", "labels", "app.kubernetes.io/version")))
    return Release(
        version,
        agent=_tag(view.agent, "aws-eks-nodeagent") if view.agent else None,
        manifest=digest(daemonset),
        label=label.version if label and label.version != version else None,
        recommended=version >= RELEASES[-1].version
        or any(one.recommended for one in RELEASES if one.version == version),
    )


def _tag(container: Container | None, name: str) -> Version:
    if container is None or container.tag is None:
        raise NotAManifestError(f"the image of container {name} has no release as its tag")
    return container.tag.version


def written(row: Release) -> str:
    """The row as Python."""
    fields = {"agent": row.agent, "manifest": row.manifest, "label": row.label}
    given = [f'{name}="{value}"' for name, value in fields.items() if value]
    listed = ", ".join([f'"{row.version}"', *given, *(["recommended=True"] if row.recommended else [])])
    return f"release({listed}),"


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Each field in which two objects differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys((*ours, *theirs)):
            yield from differences(ours.get(key), theirs.get(key), f"{path}.{key}" if path else key)
    elif isinstance(ours, list) and isinstance(theirs, list):
        left, right = _by_name(ours), _by_name(theirs)
        for key in dict.fromkeys((*left, *right)):
            yield from differences(left.get(key), right.get(key), f"{path}[{key}]")
        if left.keys() == right.keys() and list(left) != list(right):
            yield f"{path}: the order differs"
    elif ours != theirs:
        yield f"{path}: {_shown(theirs)} in the manifest, {_shown(ours)} by the tables"


def _shown(value: Any) -> str:
    return "absent" if value is None else json.dumps(value)


def _by_name(entries: list[Any]) -> dict[Any, Any]:
    named = {entry.get("name"): entry for entry in entries if isinstance(entry, dict)}
    return named if len(named) == len(entries) and None not in named else dict(enumerate(entries))


def main(arguments: Sequence[str]) -> int:
    """Print the row of each manifest."""
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m tests.cni.official FILE ...\n")
        return 2
    return max(_report(Path(file)) for file in arguments)


def _report(path: Path) -> int:
    try:
        theirs = daemonset_of(path)
        row = row_of(theirs)
        known = [one for one in RELEASES if one.version != row.version]
        ours = stock(row.version, releases=[*known, row])
    except (NotAManifestError, ValueError) as error:
        sys.stderr.write(f"{path}: {error}\n")
        return 1
    sys.stdout.write(f"{written(row)}\n")
    found = list(differences(plain(ours), plain(theirs)))
    sys.stderr.writelines(f"{path}: {line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
