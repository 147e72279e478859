"""IPT-002 and IPT-005: targets against the number and the size of the nodes."""

import pytest

from tests.changes import NOW, guard
from tests.rules.gravity import about, gravity
from webhook.catalogue.examples import DaemonSet, Example
from webhook.engine.pipeline import complete
from webhook.facts import Fact, Facts, Node
from webhook.policy import BUILT_IN, Cluster, Policy, Targets

WARM, MINIMUM, PD = "WARM_IP_TARGET", "MINIMUM_IP_TARGET", "ENABLE_PREFIX_DELEGATION"
IPV6 = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true", PD: "true"}


def nodes(count: int, *others: Node) -> Facts:
    return Facts(nodes=Fact((*(Node(name=f"n{index}") for index in range(count)), *others), "cluster"))


def stated(count: int) -> Policy:
    return Policy(mode="enforce", cluster=Cluster(nodes=count))


@pytest.mark.parametrize(
    ("env", "count", "expected"),
    [
        ({WARM: "5"}, None, "warn"),
        ({WARM: "5"}, 100, "warn"),
        ({WARM: "5"}, 101, "deny"),
        ({WARM: "0"}, 101, ""),
        ({}, 101, ""),
        ({WARM: "2", MINIMUM: "12"}, None, ""),
        ({WARM: "2", MINIMUM: "12"}, 100, ""),
        ({WARM: "2", MINIMUM: "12"}, 101, "warn"),
        ({WARM: "15", PD: "true"}, 1, "warn"),
        ({WARM: "15", PD: "true"}, 101, "deny"),
        ({WARM: "16", PD: "true"}, 101, ""),
        ({WARM: "2", MINIMUM: "16", PD: "true"}, 101, ""),
        ({**IPV6, WARM: "2"}, 101, ""),
    ],
)
def test_calls_of_ec2(env: dict[str, str], count: int | None, expected: str) -> None:
    facts = Facts() if count is None else nodes(count)
    policy = BUILT_IN if count is None else stated(count)
    assert gravity("IPT-002", Example(DaemonSet(env=env), facts=facts)) == expected
    assert gravity("IPT-002", Example(DaemonSet(env=env), policy=policy)) == expected


def test_only_nodes_that_run_aws_node_count_and_what_is_seen_wins_over_the_policy() -> None:
    elsewhere = [Node(name=f"f{index}", compute="fargate") for index in range(200)]
    windows = [Node(name=f"w{index}", os="windows") for index in range(200)]
    example = Example(DaemonSet(env={WARM: "5"}), facts=nodes(3, *elsewhere, *windows), policy=stated(500))
    assert gravity("IPT-002", example) == "warn"
    assert " on 3 nodes" in about("IPT-002", example)[0].message


def test_an_unrelated_change_in_a_large_cluster_passes() -> None:
    was, now = DaemonSet(env={WARM: "5"}), DaemonSet(env={WARM: "5"}, annotations={"a": "b"})
    assert gravity("IPT-002", Example(now, before=was, facts=nodes(500))) == "warn"
    assert gravity("IPT-002", Example(DaemonSet(env={WARM: "6"}), before=was, facts=nodes(500))) == "deny"


@pytest.mark.parametrize(
    ("targets", "count", "added"),
    [
        (Targets(), 5, []),
        (Targets(pods_per_node=10), 5, ["aws-node env MINIMUM_IP_TARGET=12"]),
        (Targets(pods_per_node=10, profile="large-cluster"), 5, []),
        (Targets(pods_per_node=10), 101, []),
        (Targets(pods_per_node=10, large_cluster=200), 101, ["aws-node env MINIMUM_IP_TARGET=12"]),
    ],
)
def test_the_minimum_of_the_policy(targets: Targets, count: int, added: list[str]) -> None:
    policy = Policy(mode="enforce", cluster=Cluster(nodes=count), targets=targets)
    change = Example(DaemonSet(env={WARM: "2"})).change()
    assert [edit.says for edit in complete(change, guard(policy), NOW).edits] == added


@pytest.mark.parametrize(
    ("minimum", "sizes", "expected"),
    [
        ("29", [29, 17], ""),
        ("30", [29, 17], "warn"),
        ("30", [29, None], ""),
        ("30", [], ""),
        ("0", [29], ""),
    ],
)
def test_a_minimum_beyond_the_nodes(minimum: str, sizes: list[int | None], expected: str) -> None:
    facts = Facts(nodes=Fact(tuple(Node(name="n", pods=size) for size in sizes), "cluster"))
    example = Example(DaemonSet(env={WARM: "2", MINIMUM: minimum}), facts=facts)
    assert gravity("IPT-005", example) == expected
    assert gravity("IPT-005", Example(DaemonSet(env={**IPV6, WARM: "2", MINIMUM: minimum}), facts=facts)) == ""
