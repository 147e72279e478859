"""The kinds of objects that an installation reads and writes, and their API paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]
"""A raw object of the API server. Never a typed model, since those drop unknown fields."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        """The value of `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str | None = None) -> str:
        """The URL path of one object, or of the collection; a cluster-scoped kind ignores the namespace."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [*(["namespaces", namespace] if self.namespaced else []), self.plural, *([name] if name else [])]
        return "/".join([root, *(quote(part, safe="") for part in parts)])

    def named(self, name: str, namespace: str, **metadata: Any) -> Object:
        """An object with `apiVersion`, `kind` and `metadata` only."""
        place = {"name": name, **({"namespace": namespace} if self.namespaced else {})}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": {**place, **metadata}}


CLUSTER_ROLE = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole")
DAEMON_SET = Resource("apps", "v1", "daemonsets", "DaemonSet", namespaced=True)
CLUSTER_ROLE_BINDING = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding")
ENDPOINT_SLICE = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", namespaced=True)
LEASE = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
ROLE_BINDING = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", namespaced=True)
SERVICE = Resource("", "v1", "services", "Service", namespaced=True)
SECRET = Resource("", "v1", "secrets", "Secret", namespaced=True)
MUTATING = Resource(
    "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"
)
VALIDATING = Resource(
    "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"
)


def owned_by(owner: Mapping[str, Any]) -> list[Object]:
    """The `ownerReferences` of an object that is deleted with its owner, a ClusterRole."""
    metadata = owner["metadata"]
    return [
        {
            "apiVersion": CLUSTER_ROLE.api_version,
            "kind": CLUSTER_ROLE.kind,
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
    ]
