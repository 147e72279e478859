"""The webhook configurations: reads them from a file and adapts them to this installation. Pure.

The file holds the configurations in their final form without a caBundle. This module sets what depends on the
installation: the Service's namespace, name and port, the caBundle, the owner. A `namespaceSelector` that names the
namespace in the file gets the real one; `matchConditions` do not change, so they must not name that namespace.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from certs.errors import UsageError
from certs.renewal import blocks
from certs.resources import MUTATING, VALIDATING, Object, Resource

NAME = "cni-guard"
FAIL, IGNORE = "Fail", "Ignore"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"

_RESOURCES = {resource.kind: resource for resource in (VALIDATING, MUTATING)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API server calls cni-guard, and the owners of the configurations."""

    namespace: str
    service: str
    port: int
    owners: list[Object]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One of the two webhook configurations, as read from the file."""

    resource: Resource
    content: Object

    @property
    def path(self) -> str:
        """The URL path of its first webhook."""
        found: str = self.content["webhooks"][0]["clientConfig"]["service"]["path"]
        return found

    def at(self, place: Place, bundle: bytes) -> Object:
        """The configuration for this installation, with the failure policies from the file."""
        metadata = {key: self.content["metadata"][key] for key in ("labels", "annotations") if key in self._metadata}
        named = self.resource.named(NAME, "", **metadata, ownerReferences=place.owners)
        return {**named, "webhooks": [_placed(entry, place, bundle) for entry in self.content["webhooks"]]}

    @property
    def _metadata(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.content["metadata"]
        return found


def read(text: str) -> tuple[Configuration, Configuration]:
    """Parse the validating and the mutating configuration from multi-document YAML.

    Raises:
        UsageError: The text does not hold exactly these two.
    """
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise UsageError(f"invalid YAML: {' '.join(str(error).split())}") from error
    found = {kind: [item for item in documents if _kind(item) == kind] for kind in _RESOURCES}
    if len(documents) != len(_RESOURCES) or any(len(items) != 1 for items in found.values()):
        raise UsageError(f"must hold one {' and one '.join(_RESOURCES)}, and nothing else")
    validating, mutating = (_checked(items[0], _RESOURCES[kind]) for kind, items in found.items())
    return validating, mutating


def failing_open(wanted: Object, proven: Collection[str] = ()) -> Object:
    """The configuration with every webhook set to Ignore, except those that are proven."""
    entries = [entry if entry["name"] in proven else {**entry, "failurePolicy": IGNORE} for entry in wanted["webhooks"]]
    return {**wanted, "webhooks": entries}


def closed(configuration: Mapping[str, Any]) -> list[str]:
    """The names of the webhooks that fail closed."""
    return [entry["name"] for entry in configuration["webhooks"] if entry.get("failurePolicy", FAIL) == FAIL]


def unchanged(live: Mapping[str, Any], would_be: Mapping[str, Any]) -> set[str]:
    """The names of the webhooks that a write would not change, failurePolicy included.

    A caBundle that trusts more than before counts as unchanged, since it still trusts what it did.

    Args:
        live: The current configuration.
        would_be: The result of a dry run of the write, so that both hold the API server's defaults and the fields of
            other managers.
    """
    before = {entry["name"]: entry for entry in live.get("webhooks", [])}
    return {
        entry["name"]
        for entry in would_be.get("webhooks", [])
        if entry["name"] in before and _same(before[entry["name"]], entry)
    }


def bundle_of(entry: Mapping[str, Any]) -> bytes:
    """The caBundle of a webhook as PEM; empty if it is not base64."""
    try:
        return base64.b64decode(entry["clientConfig"].get("caBundle") or "", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    trusted, trusted_then = blocks(bundle_of(before)), blocks(bundle_of(after))
    return bool(trusted) and trusted <= trusted_then and _without_bundle(before) == _without_bundle(after)


def _without_bundle(entry: Mapping[str, Any]) -> Object:
    client = {key: value for key, value in entry["clientConfig"].items() if key != "caBundle"}
    return {**entry, "clientConfig": client}


def _placed(entry: Mapping[str, Any], place: Place, bundle: bytes) -> Object:
    placed: Object = json.loads(json.dumps(entry))  # YAML aliases share one object
    service = placed["clientConfig"]["service"]
    _renamed(placed.get("namespaceSelector") or {}, service.get("namespace"), place.namespace)
    service.update(namespace=place.namespace, name=place.service, port=place.port)
    placed["clientConfig"]["caBundle"] = base64.b64encode(bundle).decode()
    placed.setdefault("failurePolicy", FAIL)
    return placed


def _renamed(selector: Object, old: str | None, new: str) -> None:
    labels = selector.get("matchLabels") or {}
    if labels.get(NAMESPACE_LABEL) == old:
        labels[NAMESPACE_LABEL] = new
    for expression in selector.get("matchExpressions") or []:
        if expression.get("key") == NAMESPACE_LABEL:
            expression["values"] = [new if value == old else value for value in expression.get("values") or []]


def _checked(document: Object, resource: Resource) -> Configuration:
    """Check the fields that this module reads; the API server validates the rest."""
    entries = document.get("webhooks")
    try:
        name = document["metadata"]["name"]
        names = [entry["name"] for entry in entries or []]
        paths = [entry["clientConfig"]["service"]["path"] for entry in entries or []]
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{resource.kind}: metadata.name, or a webhook's name or clientConfig.service.path, is missing ({error})"
        ) from error
    if name != NAME:
        raise UsageError(f"{resource.kind}: metadata.name must be {NAME}, not {name}")
    if not names or len(set(names)) != len(names) or not all(isinstance(path, str) for path in paths):
        raise UsageError(f"{resource.kind}: webhooks are missing, or two have the same name")
    return Configuration(resource, document)


def _kind(document: object) -> object:
    return document.get("kind") if isinstance(document, dict) else None
