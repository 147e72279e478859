"""POD-005, POD-009 and POD-010: on which nodes aws-node runs, and beside what."""

from typing import Any

import pytest

from tests.rules.ask import Object, changed, levels, pod, said
from webhook.cni.stock import stock
from webhook.facts import Fact, Facts, Node

EXISTS = {"operator": "Exists"}
CILIUM = "io.cilium/aws-node-enabled"
NODES = Facts(
    nodes=Fact(
        (
            Node(name="a", labels={"team": "web", "size": "8"}),
            Node(name="b", arch="arm64", labels={"team": "db", "size": "4"}),
            Node(name="w", os="windows"),
            Node(name="f", compute="fargate"),
            Node(name="h", compute="hybrid"),
        ),
        "cluster",
    )
)


def with_pod(**fields: Any) -> Object:
    return changed(stock(), lambda one: pod(one).update(fields))


def requiring(*terms: list[Object]) -> Object:
    expressions = [{"matchExpressions": term} for term in terms]
    required = {"nodeSelectorTerms": expressions}
    return with_pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}})


OFFICIAL: list[Object] = stock()["spec"]["template"]["spec"]["affinity"]["nodeAffinity"][
    "requiredDuringSchedulingIgnoredDuringExecution"
]["nodeSelectorTerms"][0]["matchExpressions"]


@pytest.mark.parametrize(
    ("tolerations", "passes"),
    [
        ([EXISTS], True),
        ([{"operator": "Exists", "key": "", "effect": ""}], True),
        ([EXISTS | {"effect": "NoSchedule"}, EXISTS | {"effect": "NoExecute"}], True),
        ([EXISTS | {"effect": "NoSchedule"}], False),
        ([EXISTS | {"effect": "NoSchedule"}, EXISTS | {"effect": "NoExecute", "tolerationSeconds": 60}], False),
        ([EXISTS | {"key": "team"}], False),
        ([{"operator": "Equal", "key": "team", "value": "x"}], False),
        ([], False),
        (None, False),
    ],
)
def test_every_taint_is_tolerated(tolerations: Any, *, passes: bool) -> None:
    found = said("POD-005", with_pod(tolerations=tolerations), stock())
    assert levels(found) == (set() if passes else {"deny"})
    assert bool(found and found[0].problem.fixes) == (not passes and not tolerations)


@pytest.mark.parametrize(
    ("name", "level", "fixed"),
    [
        ("system-node-critical", "", False),
        ("system-cluster-critical", "warn", False),
        ("high", "deny", False),
        (None, "deny", True),
    ],
)
def test_priority(name: str | None, level: str, *, fixed: bool) -> None:
    found = said("POD-005", with_pod(priorityClassName=name))
    assert min(levels(found), default="") == level
    assert any(one.problem.fixes for one in found) == fixed


@pytest.mark.parametrize(
    ("whole", "alone", "with_nodes"),
    [
        (with_pod(nodeSelector={"team": "web"}), "warn", "deny"),
        (with_pod(nodeSelector={CILIUM: "true"}), "warn", "warn"),
        (with_pod(nodeSelector={CILIUM: "true", "team": "web"}), "warn", "deny"),
        (with_pod(nodeSelector={"kubernetes.io/os": "linux"}), "", ""),
        (with_pod(nodeSelector={"kubernetes.io/os": "windows"}), "warn", "deny"),
        (requiring([*OFFICIAL, {"key": "team", "operator": "Exists"}]), "warn", ""),
        (requiring([*OFFICIAL, {"key": "team", "operator": "NotIn", "values": ["db"]}]), "warn", "deny"),
        (requiring([*OFFICIAL, {"key": "size", "operator": "Gt", "values": ["4"]}]), "warn", "deny"),
        (requiring([*OFFICIAL, {"key": "size", "operator": "Lt", "values": ["9"]}]), "warn", ""),
        (requiring([*OFFICIAL, {"key": "team", "operator": "DoesNotExist"}]), "warn", "deny"),
        (requiring(OFFICIAL, [{"key": "team", "operator": "Exists"}]), "warn", "warn"),
        (requiring([*OFFICIAL, {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]), "warn", "deny"),
        (requiring(list(reversed(OFFICIAL))), "", ""),
    ],
)
def test_nodes_that_are_left_out(whole: Object, alone: str, with_nodes: str) -> None:
    if whole == requiring(OFFICIAL, [{"key": "team", "operator": "Exists"}]):
        alone = with_nodes = ""  # a second term adds nodes, and takes none away
    assert min(levels(said("POD-005", whole, stock())), default="") == alone
    assert min(levels(said("POD-005", whole, stock(), facts=NODES)), default="") == with_nodes
    assert levels(said("POD-005", whole, whole, facts=NODES)) <= {"warn"}
    assert said("POD-005", whole, whole) == []


def test_the_message_counts_the_nodes() -> None:
    found = said("POD-005", with_pod(nodeSelector={"team": "web"}), stock(), facts=NODES)
    assert "leaves out 1 node (b)" in found[0].message
    assert CILIUM in found[0].message


@pytest.mark.parametrize(("release", "kinds"), [("1.18.6", {"fargate"}), ("1.19.0", {"fargate", "hybrid", "auto"})])
def test_compute_that_is_kept_away_from_by_release(release: str, kinds: set[str]) -> None:
    found = said("POD-005", changed(stock(release), lambda one: pod(one).pop("affinity")))
    assert {one.problem.evidence[0][0].rpartition(" ")[2] for one in found} == kinds
    assert levels(found) == {"warn"}


def test_an_affinity_that_is_too_long_is_not_read() -> None:
    long = requiring([{"key": f"k{number}", "operator": "Exists"} for number in range(600)])
    assert said("POD-005", long) == []


def second(**fields: Any) -> Object:
    whole = with_pod(**fields)
    whole["metadata"] = {"name": "second", "namespace": "kube-system"}
    return whole


def running(*daemonsets: Object, nodes: Facts = Facts()) -> Facts:  # noqa: B008 - a frozen value
    return Facts(aws_node=Fact(daemonsets, "cluster"), nodes=nodes.nodes)


WEB, DB = {"nodeSelector": {"team": "web"}}, {"nodeSelector": {"team": "db"}}


@pytest.mark.parametrize(
    ("facts", "fields", "level"),
    [
        (Facts(), {}, "warn"),
        (running(), {}, ""),
        (running(stock()), {}, "deny"),
        (running(stock()), WEB, "warn"),
        (running(with_pod(**DB)), WEB, ""),
        (running(with_pod(**DB), nodes=NODES), WEB, ""),
        (running(with_pod(**WEB), nodes=NODES), WEB, "deny"),
        (running(stock(), nodes=NODES), WEB, "deny"),
    ],
)
def test_a_second_daemonset(facts: Facts, fields: Object, level: str) -> None:
    assert min(levels(said("POD-009", second(**fields), facts=facts)), default="") == level


def test_it_is_not_its_own_second() -> None:
    assert said("POD-009", stock(), facts=running(stock(), nodes=NODES)) == []


def test_the_order_of_a_selector_does_not_matter() -> None:
    def select(labels: Object, *expressions: Object) -> Object:
        selector = {"matchLabels": labels, "matchExpressions": list(expressions)}
        return changed(stock(), lambda one: one["spec"].update(selector=selector))

    one, two = ({"key": key, "operator": "In", "values": ["x", "y"]} for key in "ab")
    assert said("POD-009", select({"a": "1", "b": "2"}, one, two), select({"b": "2", "a": "1"}, two, one)) == []
    assert levels(said("POD-009", select({"a": "1"}), select({"a": "2"}))) == {"deny"}


def test_no_readiness_gate_is_none() -> None:
    assert said("POD-010", with_pod(readinessGates=[])) == []
    gates = [{"conditionType": "x"}]
    assert levels(said("POD-010", with_pod(readinessGates=gates), with_pod(readinessGates=gates))) == {"warn"}
