"""The view of an ENIConfig (crd.k8s.amazonaws.com/v1alpha1): the subnet and security groups of a node's interfaces."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import msgspec

from webhook.cni.limits import ENICONFIG_ROOT, ENICONFIG_SPEC, TooLong, too_long
from webhook.model import Json, at, text

API_VERSION = "crd.k8s.amazonaws.com/v1alpha1"
ROOT_KEYS = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
SPEC_KEYS = frozenset({"subnet", "securityGroups"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class EniConfig:
    """One ENIConfig of any shape, since its CRD is validated only after mutating webhooks."""

    def __init__(self, raw: Json) -> None:
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self.name = text(at(self.raw, "metadata", "name"))
        spec = self.raw.get("spec")
        self.spec: dict[str, Any] = spec if isinstance(spec, dict) else {}
        self.subnet: Json = self.spec.get("subnet")
        self.security_groups: Json = self.spec.get("securityGroups")

    def too_long(self) -> Iterator[TooLong]:
        """Lists and mappings that are too long to be read."""
        for found in too_long({"the object": self.raw, "spec": self.spec}, (), ENICONFIG_ROOT):
            yield replace(found, path=found.path if found.name == "spec" else ())
        yield from too_long(self.spec, ("spec",), ENICONFIG_SPEC)

    @property
    def root_keys(self) -> tuple[str, ...]:
        """The fields at the root, as far as they are read."""
        return tuple(islice(self.raw, ENICONFIG_ROOT["the object"]))

    @property
    def spec_keys(self) -> tuple[str, ...]:
        """The fields of `spec`, as far as they are read."""
        return tuple(islice(self.spec, ENICONFIG_ROOT["spec"]))

    def applied_keys(self) -> frozenset[str]:
        """The keys of `spec` that the author sent with kubectl apply, before the API server dropped unknown ones."""
        applied = text(at(self.raw, "metadata", "annotations", _LAST_APPLIED))
        try:
            spec = at(msgspec.json.decode(applied or "null"), "spec")
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return frozenset()
        return frozenset(islice(spec, ENICONFIG_ROOT["spec"])) if isinstance(spec, dict) else frozenset()
