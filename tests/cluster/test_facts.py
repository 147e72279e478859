"""What of an object becomes a fact."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from webhook.cluster import reads, shapes
from webhook.cluster.client import connect
from webhook.cluster.errors import CredentialsError
from webhook.cluster.known import Known, facts
from webhook.cluster.reads import READS, Read
from webhook.cni.stock import stock
from webhook.facts import NOTHING_KNOWN, EniConfig, Fact, Facts, Service, Workload
from webhook.facts.templates import template_hash

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def raw(item: Any) -> Raw:
    return Raw(json.dumps(item).encode())


def named(name: str = "x", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}}


def known(**objects: Any) -> Facts:
    """The facts of what these constants of `reads` list; all others are not known."""
    found: Known = {getattr(reads, name): items for name, items in objects.items()}
    return facts(found, None, NOW)


def value(fact: Fact[Any] | None) -> Any:
    assert fact is not None
    assert (fact.source, fact.time) == ("cluster", NOW)
    return fact.value


# nodes


@pytest.mark.parametrize(
    ("labels", "field", "expected"),
    [
        ({}, "zone", ""),
        ({"topology.kubernetes.io/zone": "a", "failure-domain.beta.kubernetes.io/zone": "b"}, "zone", "a"),
        ({"failure-domain.beta.kubernetes.io/zone": "b"}, "zone", "b"),
        ({"node.kubernetes.io/instance-type": "m5.large"}, "instance_type", "m5.large"),
        ({"kubernetes.io/os": "windows"}, "os", "windows"),
        ({"kubernetes.io/arch": "arm64"}, "arch", "arm64"),
        ({}, "compute", "ec2"),
        ({"eks.amazonaws.com/compute-type": "fargate"}, "compute", "fargate"),
        ({"eks.amazonaws.com/compute-type": "hybrid"}, "compute", "hybrid"),
        ({"eks.amazonaws.com/compute-type": "auto"}, "compute", "auto"),
        ({"eks.amazonaws.com/compute-type": "ec2"}, "compute", "ec2"),
    ],
    ids=str,
)
def test_labels_of_nodes(labels: dict[str, str], field: str, expected: str) -> None:
    node = shapes.node(raw(named(labels=labels)))
    assert getattr(node, field) == expected
    assert node.labels == labels


@pytest.mark.parametrize(
    ("status", "pods"),
    [
        ({}, None),
        ({"allocatable": {}}, None),
        ({"allocatable": {"pods": "29"}}, 29),
        ({"allocatable": {"pods": 110}}, 110),
        ({"allocatable": {"pods": "1k"}}, None),
    ],
    ids=str,
)
def test_pods_of_nodes(status: Any, pods: int | None) -> None:
    assert shapes.node(raw(named() | {"status": status})).pods == pods


def test_annotations_that_cannot_name_an_eniconfig_are_dropped() -> None:
    node = shapes.node(raw(named(annotations={"short": "x" * 253, "long": "x" * 254})))
    assert set(node.annotations) == {"short"}


# other kinds


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, EniConfig(name="x")),
        ({"subnet": 5, "securityGroups": "sg-1"}, EniConfig(name="x")),
        ({"subnet": "s", "securityGroups": ["a", 1, "b"]}, EniConfig(name="x", subnet="s", security_groups=("a", "b"))),
    ],
    ids=str,
)
def test_eniconfigs_of_any_shape(spec: Any, expected: EniConfig) -> None:
    assert shapes.eni_config(raw(named() | {"spec": spec})) == expected


TARGET = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"
TYPE = "service.beta.kubernetes.io/aws-load-balancer-type"


@pytest.mark.parametrize(
    ("kind", "annotations", "instance_targets"),
    [
        ("NodePort", {}, True),
        ("NodePort", {TARGET: "ip"}, True),
        ("LoadBalancer", {}, True),
        ("LoadBalancer", {TARGET: "instance"}, True),
        ("LoadBalancer", {TARGET: "ip"}, False),
        ("LoadBalancer", {TYPE: "nlb-ip"}, False),
    ],
    ids=str,
)
def test_targets_of_services(kind: str, annotations: dict[str, str], instance_targets: bool) -> None:
    service = shapes.service(raw(named(namespace="n", annotations=annotations) | {"spec": {"type": kind}}))
    assert isinstance(service, Service)
    assert (service.type, service.instance_targets, service.local) == (kind, instance_targets, False)


def test_a_service_without_node_ports_is_not_kept() -> None:
    assert shapes.service(raw(named() | {"spec": {"type": "ClusterIP"}})) is None


def test_aws_node_is_kept_whole_and_other_workloads_are_not() -> None:
    aws_node = stock("1.23.1")
    assert shapes.daemon_set(raw(aws_node)) == aws_node
    in_a_list = {key: item for key, item in aws_node.items() if key not in {"apiVersion", "kind"}}
    assert shapes.daemon_set(raw(in_a_list)) == aws_node
    containers = [{"image": "a", "ports": [{"hostPort": 9100}, {"containerPort": 1}]}]
    pod = {"hostNetwork": True, "initContainers": [{"image": "b"}], "containers": containers}
    other = named("other", namespace="n") | {"spec": {"template": {"spec": pod}}}
    assert shapes.daemon_set(raw(other)) == Workload(
        kind="DaemonSet", namespace="n", name="other", images=("b", "a"), host_network=True, host_ports=(9100,)
    )


# facts


def test_nothing_known_is_no_facts() -> None:
    assert known() == NOTHING_KNOWN


def test_what_is_known_to_be_empty_is_a_fact() -> None:
    everything: dict[Read, Any] = {read: {} for read in READS}
    found = facts(everything, (1, 33), NOW)
    assert [name for name in Facts.__slots__ if getattr(found, name) is None] == ["kube_proxy_mode"]
    assert (value(found.nodes), value(found.config_map), value(found.policy_endpoints)) == ((), None, False)


def test_workloads_are_known_when_both_kinds_are() -> None:
    one = Workload(kind="Deployment", namespace="n", name="a")
    assert known(DEPLOYMENTS={"n/a": one}).workloads is None
    found = known(DEPLOYMENTS={"n/a": one}, DAEMON_SETS={"kube-system/aws-node": stock("1.23.1")})
    assert value(found.workloads) == (one,)
    assert value(found.aws_node) == (stock("1.23.1"),)


@pytest.mark.parametrize(
    ("eks", "kubeadm", "mode"),
    [
        ("mode: ipvs", "", "ipvs"),
        ("kind: KubeProxyConfiguration\nmode: ''", "", "iptables"),
        ("kind: KubeProxyConfiguration", "", "iptables"),
        ("", "kind: KubeProxyConfiguration\nmode: nftables", "nftables"),
        ("mode: iptables", "mode: ipvs", "iptables"),
        ("mode: [", "", None),
        ("other: 1", "", None),
        ("", "", None),
    ],
    ids=str,
)
def test_the_mode_of_kube_proxy(eks: str, kubeadm: str, mode: str | None) -> None:
    found = known(
        KUBE_PROXY_OF_EKS={"kube-system/kube-proxy-config": {"config": eks}} if eks else {},
        KUBE_PROXY_OF_KUBEADM={"kube-system/kube-proxy": {"config.conf": kubeadm}} if kubeadm else {},
    )
    assert (found.kube_proxy_mode and found.kube_proxy_mode.value) == mode


def test_only_revisions_of_aws_node_count() -> None:
    aws_node = stock("1.23.1")
    aws_node["metadata"]["uid"] = "u-1"
    template = aws_node["spec"]["template"]

    def revision(owner: str, **more: str) -> Any:
        held = {"spec": {"template": {**template, **more, "$patch": "replace"}}}
        return shapes.revision(raw(named(ownerReferences=[{"uid": owner}]) | {"data": held}))

    held = {"1": revision("u-1"), "2": revision("u-2", other="x")}
    found = known(REVISIONS=held, DAEMON_SETS={"kube-system/aws-node": aws_node})
    assert value(found.templates) == {template_hash(template)}
    assert known(REVISIONS=held).templates is None
    assert shapes.revision(raw(named() | {"data": {"spec": {"replicas": 1}}})) is None


# the name of the cluster


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("arn:aws:eks:us-west-2:123456789012:cluster/prod", "prod"),
        ("arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/prod", "prod"),
        ("prod.us-west-2.eksctl.io", "prod"),
        ("kind", "kind"),
    ],
)
def test_the_cluster_is_named_as_in_the_kubeconfig(cluster: str, expected: str, tmp_path: Path) -> None:
    context = {"name": "c", "context": {"cluster": cluster, "user": "u"}}
    clusters = [{"name": cluster, "cluster": {"server": "http://127.0.0.1:1"}}]
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [context]}
    users = [{"name": "u", "user": {}}]
    (tmp_path / "config").write_text(json.dumps(config | {"clusters": clusters, "users": users}))
    assert connect({"KUBECONFIG": str(tmp_path / "config")}).cluster == expected


@pytest.mark.parametrize("content", [None, "", "a: [", "- 1", "kind: Config", "{current-context: x, contexts: []}"])
def test_a_kubeconfig_that_cannot_be_used_is_an_error(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config").write_text(content)
    with pytest.raises(CredentialsError, match=r"no usable credentials: .*set KUBECONFIG to a kubeconfig"):
        connect({"KUBECONFIG": str(tmp_path / "config")})
