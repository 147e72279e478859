"""What was read becomes facts."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from webhook import documents
from webhook.cluster import reads
from webhook.cluster.reads import Read
from webhook.cluster.shapes import Revision
from webhook.facts import EniConfig, Fact, Facts, Node, Service, Workload
from webhook.model import Json, at

T = TypeVar("T")

Objects = Mapping[str, Any]
"""What is kept of the objects of one kind, by namespace and name."""

Known = Mapping[Read, Objects]
"""The objects of each kind that is known."""


def facts(known: Known, kubernetes: tuple[int, int] | None, taken: datetime) -> Facts:
    """The facts of what is known; a kind that is not known leaves its facts out."""

    def fact(value: T | None) -> Fact[T] | None:
        return None if value is None else Fact(value, "cluster", taken)

    def one(read: Read) -> Fact[Any] | None:
        objects = known.get(read)
        return None if objects is None else Fact(next(iter(objects.values()), None), "cluster", taken)

    nodes: tuple[Node, ...] | None = _sorted(known, reads.NODES)
    eni_configs: tuple[EniConfig, ...] | None = _sorted(known, reads.ENI_CONFIGS)
    services: tuple[Service, ...] | None = _sorted(known, reads.SERVICES)
    crds = known.get(reads.CRDS)
    policies: tuple[str, ...] | None = _sorted(known, reads.SECURITY_GROUP_POLICIES)
    endpoints = known.get(reads.POLICY_ENDPOINTS)
    network_policies = known.get(reads.NETWORK_POLICIES)
    return Facts(
        kubernetes=fact(kubernetes),
        nodes=fact(nodes),
        eni_configs=fact(eni_configs),
        aws_node=fact(_aws_node(known)),
        services=fact(services),
        kube_proxy_mode=fact(_kube_proxy_mode(known)),
        workloads=fact(_workloads(known)),
        config_map=one(reads.CNI_CONFIG),
        security_group_policies=fact(policies),
        policy_endpoints=None if endpoints is None else fact(bool(endpoints)),
        network_policies=None if network_policies is None else fact(bool(network_policies)),
        crds=None if crds is None else fact(frozenset(crds)),
        cluster_role=one(reads.CLUSTER_ROLE),
        cluster_role_binding=one(reads.CLUSTER_ROLE_BINDING),
        service_account=one(reads.SERVICE_ACCOUNT),
        templates=fact(_templates(known)),
    )


def _sorted(known: Known, read: Read) -> tuple[Any, ...] | None:
    objects = known.get(read)
    return None if objects is None else tuple(value for _, value in sorted(objects.items()))


def _aws_node(known: Known) -> tuple[Json, ...] | None:
    found = _sorted(known, reads.DAEMON_SETS)
    return None if found is None else tuple(one for one in found if not isinstance(one, Workload))


def _workloads(known: Known) -> tuple[Workload, ...] | None:
    daemon_sets, deployments = _sorted(known, reads.DAEMON_SETS), _sorted(known, reads.DEPLOYMENTS)
    if daemon_sets is None or deployments is None:
        return None
    return tuple(one for one in (*daemon_sets, *deployments) if isinstance(one, Workload))


def _templates(known: Known) -> frozenset[str] | None:
    aws_node, revisions = _aws_node(known), known.get(reads.REVISIONS)
    if aws_node is None or revisions is None:
        return None
    owners = {at(one, "metadata", "uid") for one in aws_node}
    held: list[Revision] = list(revisions.values())
    return frozenset(one.hash for one in held if not owners.isdisjoint(one.owners))


def _kube_proxy_mode(known: Known) -> str | None:
    """The mode in the configuration of kube-proxy, of EKS or else of kubeadm; None if it is not known."""
    for read, key in ((reads.KUBE_PROXY_OF_EKS, "config"), (reads.KUBE_PROXY_OF_KUBEADM, "config.conf")):
        for data in known.get(read, {}).values():
            with suppress(documents.DocumentError):
                for document in documents.load(data.get(key, "")):
                    mode = at(document.value, "mode")
                    if at(document.value, "kind") == "KubeProxyConfiguration" or isinstance(mode, str):
                        # The default on Linux (kube-proxy, "mode").
                        return mode if isinstance(mode, str) and mode else "iptables"
    return None
