"""What is read of a cluster: one table, from which the requests and the RBAC rules follow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from webhook.cluster import shapes
from webhook.cni.identity import NAME, NAMESPACE

Rule = dict[str, list[str]]
"""A rule of a ClusterRole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A list that is read and watched."""

    called: str
    """For messages: ``the nodes``."""
    path: str
    """The API group and version: ``/apis/apps/v1``."""
    plural: str
    take: Callable[[msgspec.Raw], Any]
    """What is kept of an object; None if it is not of interest."""
    namespace: str = ""
    """The only namespace that is read."""
    name: str = ""
    """The only object that is read."""
    fields: str = ""
    """A field selector."""
    metadata: bool = False
    """Whether the metadata suffice."""
    only_one: bool = False
    """Whether it only matters if there are any: then it is listed now and then, and never watched."""

    @property
    def url(self) -> str:
        """The path of the list."""
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{self.path}{inside}/{self.plural}"

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the list and of the watch."""
        selector = f"metadata.name={self.name}" if self.name else self.fields
        return {"fieldSelector": selector} if selector else {}

    @property
    def group(self) -> str:
        """The API group."""
        return self.path.split("/")[2] if self.path.startswith("/apis/") else ""

    @property
    def verbs(self) -> tuple[str, ...]:
        """The rights that it takes."""
        return ("list",) if self.only_one else ("list", "watch")

    def right(self, verb: str) -> str:
        """A right, as messages name it: ``list eniconfigs.crd.k8s.amazonaws.com``."""
        resource = f"{self.plural}.{self.group}" if self.group else self.plural
        name = f" {self.name}" if self.name else ""
        return f"{verb} {resource}{name}" + (f" in {self.namespace}" if self.namespace else "")

    def lacking(self, verb: str) -> str:
        """The warning that a right is missing."""
        return f"forbidden to {self.right(verb)}, so the snapshot lacks {self.called}: grant this right"


NODES = Read(called="the nodes", path="/api/v1", plural="nodes", take=shapes.node)
ENI_CONFIGS = Read(
    called="the ENIConfigs", path="/apis/crd.k8s.amazonaws.com/v1alpha1", plural="eniconfigs", take=shapes.eni_config
)
DAEMON_SETS = Read(called="the DaemonSets", path="/apis/apps/v1", plural="daemonsets", take=shapes.daemon_set)
DEPLOYMENTS = Read(called="the Deployments", path="/apis/apps/v1", plural="deployments", take=shapes.deployment)
REVISIONS = Read(
    called="the ControllerRevisions",
    path="/apis/apps/v1",
    plural="controllerrevisions",
    namespace=NAMESPACE,
    take=shapes.revision,
)
SERVICES = Read(
    called="the Services",
    path="/api/v1",
    plural="services",
    fields="spec.type!=ClusterIP,spec.type!=ExternalName",
    take=shapes.service,
)
CNI_CONFIG, KUBE_PROXY_OF_EKS, KUBE_PROXY_OF_KUBEADM = (
    Read(
        called=f"ConfigMap {name}",
        path="/api/v1",
        plural="configmaps",
        namespace=NAMESPACE,
        name=name,
        take=shapes.config_map,
    )
    for name in ("amazon-vpc-cni", "kube-proxy-config", "kube-proxy")
)
SERVICE_ACCOUNT = Read(
    called="ServiceAccount aws-node",
    path="/api/v1",
    plural="serviceaccounts",
    namespace=NAMESPACE,
    name=NAME,
    take=shapes.whole("v1", "ServiceAccount"),
)
_RBAC = "rbac.authorization.k8s.io/v1"
CLUSTER_ROLE = Read(
    called="ClusterRole aws-node",
    path=f"/apis/{_RBAC}",
    plural="clusterroles",
    name=NAME,
    take=shapes.whole(_RBAC, "ClusterRole"),
)
CLUSTER_ROLE_BINDING = Read(
    called="ClusterRoleBinding aws-node",
    path=f"/apis/{_RBAC}",
    plural="clusterrolebindings",
    name=NAME,
    take=shapes.whole(_RBAC, "ClusterRoleBinding"),
)
CRDS = Read(
    called="the CustomResourceDefinitions",
    path="/apis/apiextensions.k8s.io/v1",
    plural="customresourcedefinitions",
    metadata=True,
    take=shapes.name,
)
SECURITY_GROUP_POLICIES = Read(
    called="the SecurityGroupPolicies",
    path="/apis/vpcresources.k8s.aws/v1beta1",
    plural="securitygrouppolicies",
    metadata=True,
    take=shapes.name,
)
POLICY_ENDPOINTS = Read(
    called="the PolicyEndpoints",
    path="/apis/networking.k8s.aws/v1alpha1",
    plural="policyendpoints",
    metadata=True,
    only_one=True,
    take=shapes.name,
)
NETWORK_POLICIES = Read(
    called="the NetworkPolicies of kube-system",
    path="/apis/networking.k8s.io/v1",
    plural="networkpolicies",
    namespace=NAMESPACE,
    metadata=True,
    only_one=True,
    take=shapes.name,
)

READS = (
    NODES,
    SERVICES,
    CNI_CONFIG,
    KUBE_PROXY_OF_EKS,
    KUBE_PROXY_OF_KUBEADM,
    SERVICE_ACCOUNT,
    DAEMON_SETS,
    DEPLOYMENTS,
    REVISIONS,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CRDS,
    ENI_CONFIGS,
    SECURITY_GROUP_POLICIES,
    POLICY_ENDPOINTS,
    NETWORK_POLICIES,
)


def rules(reads: Iterable[Read] = READS) -> list[Rule]:
    """The rules of the ClusterRole that reading takes. `/version` is open to all who are authenticated."""
    found: dict[tuple[object, ...], Rule] = {}
    for read in reads:
        rule = found.setdefault(
            (read.group, read.plural, read.verbs, bool(read.name)),
            {"apiGroups": [read.group], "resources": [read.plural], "verbs": list(read.verbs)},
        )
        if read.name:
            rule.setdefault("resourceNames", []).append(read.name)
    return list(found.values())
