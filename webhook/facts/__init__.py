"""What is known of the cluster besides the change: typed facts, each with its source and time. Each may be absent.

They are pure values: read from an API server, from a snapshot file, or stated in the policy or by a flag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from webhook.model import CouldNotCheckError, Json

T = TypeVar("T")

Source = Literal["cluster", "file", "policy", "flag"]
Compute = Literal["ec2", "fargate", "hybrid", "auto"]


class _Object(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of the snapshot; its keys are those of Kubernetes."""


class Node(_Object, frozen=True):
    """A node, as far as rules ask for it."""

    name: str
    zone: str = ""
    instance_type: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    os: str = "linux"
    arch: str = "amd64"
    pods: int | None = None
    """How many pods the kubelet accepts (status.allocatable)."""
    compute: Compute = "ec2"
    """What runs the node: aws-node belongs on ec2 alone."""


class EniConfig(_Object, frozen=True):
    """An ENIConfig of the cluster."""

    name: str
    subnet: str = ""
    security_groups: tuple[str, ...] = ()


class Service(_Object, frozen=True):
    """A Service that is reached through node ports."""

    namespace: str
    name: str
    type: Literal["NodePort", "LoadBalancer"]
    local: bool = False
    """Whether externalTrafficPolicy is Local."""
    instance_targets: bool = True
    """Whether its load balancer sends to node ports, and not to pod addresses."""


class Workload(_Object, frozen=True):
    """A DaemonSet or a Deployment."""

    kind: Literal["DaemonSet", "Deployment"]
    namespace: str
    name: str
    images: tuple[str, ...] = ()
    host_network: bool = False
    host_ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A value with its source and time; None for a time that does not matter, as in a policy."""

    value: T
    source: Source
    time: datetime | None = None


FactName = Literal[
    "kubernetes",
    "nodes",
    "eni_configs",
    "aws_node",
    "services",
    "kube_proxy_mode",
    "workloads",
    "config_map",
    "security_group_policies",
    "policy_endpoints",
    "network_policies",
    "crds",
    "cluster_role",
    "cluster_role_binding",
    "service_account",
    "templates",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that are known; None for one that is not."""

    kubernetes: Fact[tuple[int, int]] | None = None
    """Major and minor version of the API server."""
    nodes: Fact[tuple[Node, ...]] | None = None
    eni_configs: Fact[tuple[EniConfig, ...]] | None = None
    aws_node: Fact[tuple[Json, ...]] | None = None
    """The DaemonSets that run the CNI, whole and with their status."""
    services: Fact[tuple[Service, ...]] | None = None
    """The Services that are reached through node ports."""
    kube_proxy_mode: Fact[str] | None = None
    """iptables, ipvs or nftables."""
    workloads: Fact[tuple[Workload, ...]] | None = None
    """All DaemonSets and Deployments but aws-node."""
    config_map: Fact[Mapping[str, str] | None] | None = None
    """The data of ConfigMap kube-system/amazon-vpc-cni; None if there is no such object."""
    security_group_policies: Fact[tuple[str, ...]] | None = None
    """The SecurityGroupPolicies, as namespace/name."""
    policy_endpoints: Fact[bool] | None = None
    """Whether there are PolicyEndpoints."""
    network_policies: Fact[bool] | None = None
    """Whether there are NetworkPolicies in kube-system."""
    crds: Fact[frozenset[str]] | None = None
    """The names of the CustomResourceDefinitions."""
    cluster_role: Fact[Json] | None = None
    """ClusterRole aws-node; None as the value if there is no such object."""
    cluster_role_binding: Fact[Json] | None = None
    """ClusterRoleBinding aws-node; None as the value if there is no such object."""
    service_account: Fact[Json] | None = None
    """ServiceAccount kube-system/aws-node; None as the value if there is no such object."""
    templates: Fact[frozenset[str]] | None = None
    """Hashes of the pod templates that ControllerRevisions of aws-node hold."""

    def only(self, names: frozenset[FactName]) -> "Facts":
        """These facts alone: a rule is given what it says it needs."""
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        return Facts(**found)


NOTHING_KNOWN = Facts()

_CALLED: Mapping[FactName, str] = {
    "kubernetes": "the Kubernetes version",
    "nodes": "the nodes of the cluster",
    "eni_configs": "the ENIConfigs of the cluster",
    "aws_node": "the running aws-node",
    "services": "the Services of the cluster",
    "kube_proxy_mode": "the mode of kube-proxy",
    "workloads": "the workloads of the cluster",
    "config_map": "ConfigMap kube-system/amazon-vpc-cni",
    "security_group_policies": "the SecurityGroupPolicies of the cluster",
    "policy_endpoints": "whether there are PolicyEndpoints",
    "network_policies": "whether kube-system has NetworkPolicies",
    "crds": "the CustomResourceDefinitions of the cluster",
    "cluster_role": "ClusterRole aws-node",
    "cluster_role_binding": "ClusterRoleBinding aws-node",
    "service_account": "ServiceAccount kube-system/aws-node",
    "templates": "the earlier pod templates of aws-node",
}


def need(fact: Fact[T] | None, name: FactName) -> T:
    """The value of a fact.

    Raises:
        CouldNotCheckError: The fact is absent; the reason says how to give it.
    """
    if fact is None:
        raise CouldNotCheckError(f"needs {_CALLED[name]}: {_HOW.get(name, _FROM_SNAPSHOT)}")
    return fact.value


_FROM_SNAPSHOT = "give a snapshot of the cluster (--facts FILE; `cni-guard facts` writes one)"
_HOW: Mapping[FactName, str] = {
    "kubernetes": "set cluster.kubernetes in the policy, or give a snapshot of the cluster (--facts FILE)"
}
