"""Which DaemonSets are aws-node, by what they do."""

from typing import Any

import pytest

from webhook.cni import neighbors
from webhook.cni.identity import change_of, is_the_aws_node, may_be_guarded


def daemonset(name: str = "x", namespace: str = "y", image: str = "busybox", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": image}], **spec}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"template": {"spec": pod}}}


@pytest.mark.parametrize(
    ("raw", "guarded"),
    [
        (daemonset(), False),
        (daemonset("aws-node", "kube-system"), True),
        (daemonset("aws-node", "default"), False),
        (daemonset("aws-node", ""), True),
        (daemonset(image="602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.23.1"), True),
        (daemonset(image="mirror.io/amazon-k8s-cni"), True),
        (daemonset(image="mirror.io/amazon-k8s-cni-init:v1.23.1"), False),
        (daemonset(image="mirror.io/my-amazon-k8s-cni-tool"), False),
        (daemonset(image="amazon-k8s-cni :nonsense"), True),
        (daemonset(initContainers=[{"image": "mirror.io/amazon-k8s-cni:v1"}]), True),
        (daemonset("x", "kube-system", serviceAccountName="aws-node"), True),
        (daemonset("x", "kube-system", serviceAccount="aws-node"), True),
        (daemonset("x", "other", serviceAccountName="aws-node"), False),
        ({"metadata": None, "spec": {"template": []}}, False),
    ],
)
def test_by_traits(raw: dict[str, Any], guarded: bool) -> None:
    target = "aws-node" if guarded else None
    assert change_of("DaemonSet", raw).target == target
    assert change_of("DaemonSet", daemonset(), raw, "UPDATE").target == target
    assert change_of("DaemonSet", None, raw, "DELETE").target == target


def test_old_object_is_told_by_itself() -> None:
    ours, other = daemonset("aws-node", "kube-system"), daemonset()
    joined = change_of("DaemonSet", ours, other, "UPDATE")
    assert (joined.target, joined.old_target) == ("aws-node", None)
    left = change_of("DaemonSet", other, ours, "UPDATE")
    assert (left.target, left.old_target) == ("aws-node", "aws-node")


@pytest.mark.parametrize(
    ("group", "kind", "target"),
    [
        ("apps", "DaemonSet", "aws-node"),
        ("apps", "Deployment", None),
        ("extensions", "DaemonSet", None),
        ("crd.k8s.amazonaws.com", "ENIConfig", "ENIConfig"),
        ("example.com", "ENIConfig", None),
        ("", "Secret", None),
    ],
)
def test_only_kinds_with_rules_are_guarded(group: str, kind: str, target: str | None) -> None:
    ours = daemonset("aws-node", "kube-system")
    change = change_of(kind, ours, ours, "UPDATE", group=group)
    assert (change.target, change.old_target) == (target, target)
    assert may_be_guarded(group, kind) is (target is not None)


@pytest.mark.parametrize(("group", "kind"), neighbors.KINDS)
def test_neighbors_are_told_by_kind_namespace_and_name(group: str, kind: str) -> None:
    row = neighbors.KINDS[group, kind]
    metadata = {"name": min(row.names, default="any"), "namespace": row.namespace}
    for new, group_of, target in (
        ({"metadata": metadata}, group, row.target),
        ({"metadata": metadata}, "example.com", None),
        ({"metadata": metadata | {"name": "other"}}, group, None if row.names else row.target),
        ({"metadata": metadata | {"namespace": "other"}}, group, None if row.namespace else row.target),
        ({"metadata": None}, group, None if row.names else row.target),
        ([], group, None),
    ):
        change = change_of(kind, new, new, "UPDATE", group=group_of)
        assert (change.target, change.old_target) == (target, target), new
    assert change_of(kind, None, {"metadata": metadata}, "DELETE", group=group).target == row.target


MIRROR = {"containers": [{"name": "aws-node", "image": "registry.corp/cni:v1"}]}
PLAIN = {"containers": [{"name": "cni", "image": "registry.corp/cni:v1"}]}


@pytest.mark.parametrize(
    ("metadata", "pod", "guarded"),
    [
        ("name:aws-node", PLAIN, True),
        ("name:aws-node namespace:kube-system", PLAIN, True),
        ("namespace:kube-system name:aws-node", PLAIN, True),
        ("name:aws-node namespace:other", PLAIN, False),
        ("name:other", PLAIN, False),
        ("name:other", MIRROR, False),
        ("aws-node", PLAIN, False),
        ("labels:x", MIRROR, True),
        ("namespace:other", MIRROR, False),
        (["name:aws-node"], PLAIN, True),
        ([{"name": "aws-node"}, {"namespace": "kube-system"}], PLAIN, True),
        ([{"name": "aws-node"}, {"namespace": "other"}], PLAIN, False),
        ({"name:aws-node": None, "namespace": "kube-system"}, PLAIN, True),
        ({"name:aws-node": None, "namespace:other": None}, PLAIN, False),
        ({"name": "aws-node namespace:kube-system"}, PLAIN, True),
        ({"namespace": "kube-system name:aws-node"}, PLAIN, True),
        ({"namespace": "other name:aws-node"}, PLAIN, False),
        ({"name": "aws-node", "resourceVersion": "name:x namespace:other"}, PLAIN, True),
        ({"name": "aws-node", "namespace": "kube-system", "namespace:other": None}, PLAIN, True),
        ({"namespace": "kube-system"}, MIRROR, True),
        ({"namespace": "kube-system"}, PLAIN, False),
        ({"name": 5, "namespace": []}, MIRROR, True),
        ({"name": "x", "namespace": "kube-system"}, MIRROR, False),
        ({"generateName": "x-", "namespace": "kube-system"}, MIRROR, False),
        ("name:x", PLAIN | {"serviceAccountName": "aws-node"}, True),
        ("name:x namespace:other", PLAIN | {"serviceAccountName": "aws-node"}, False),
        (None, {"containers": {"name": "aws-node", "image": "registry.corp/cni:v1"}}, True),
        ("name:x", {"containers": {"image": "mirror.io/amazon-k8s-cni:v1"}}, True),
        ("name:x", {"initContainers": {"cni": {"image": "mirror.io/amazon-k8s-cni:v1"}}}, True),
        ("name:x", {"serviceAccountName": [], "containers": "name:aws-node"}, False),
        (5, {}, False),
        ({"name": "aws-node", "namespace": "kube_system"}, PLAIN, True),
        ({"name": "x", "namespace": "kube_system"}, MIRROR, False),
        ({"name": "x", "namespace": "kube_system"}, PLAIN | {"serviceAccountName": "aws-node"}, True),
        ({"name": "AWS-Node", "namespace": "kube-system"}, PLAIN, True),
        ({"name": "AWS_NODE", "namespace": "other"}, PLAIN, False),
        ({"name": "X_Y", "namespace": "kube-system"}, PLAIN, False),
        ({"name": "X_Y", "namespace": "other"}, MIRROR, False),
        ({"generateName": "AWS_", "namespace": "kube-system"}, MIRROR, True),
        ({"namespace": "kube-system"}, {"containers": ["name:aws-eks-nodeagent"]}, True),
        ({"namespace": "kube-system"}, {"containers": ["name:other"]}, False),
        ("name:'aws-node'", PLAIN, True),
        ("name:x", "hostNetwork:true serviceAccountName:aws-node", True),
        ("name:x", {"serviceAccountName": "aws-node hostNetwork:true"}, True),
        ("name:x", {"containers": "name:c image:mirror.io/amazon-k8s-cni:v1"}, True),
        ("name:x", {"containers": "name:c image:mirror.io/amazon-k8s-cni-init:v1"}, False),
        ("name:x", {"containers": [{"name:c": None, "image:mirror.io/amazon-k8s-cni": None}]}, True),
    ],
)
def test_what_the_api_server_refuses_is_told_as_its_author_meant_it(metadata: Any, pod: Any, *, guarded: bool) -> None:
    raw = {"metadata": metadata, "spec": {"template": {"spec": pod}}}
    assert (change_of("DaemonSet", raw).target is not None) is guarded


def test_only_one_is_the_cluster_s_own() -> None:
    assert is_the_aws_node(change_of("DaemonSet", daemonset("aws-node", "kube-system")))
    assert not is_the_aws_node(change_of("DaemonSet", daemonset("aws-node-2", "kube-system")))
    assert not is_the_aws_node(change_of("DaemonSet", daemonset("aws-node", "default")))
