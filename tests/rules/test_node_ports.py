"""SNAT-005: node ports without a way back, and marks that others use; and what SNAT-001 has people check."""

import pytest

from tests.changes import shown
from tests.rules.gravity import about, gravity, skipped
from webhook.catalogue.examples import DaemonSet, Example
from webhook.facts import Fact, Facts, Service, Workload

RULE = "SNAT-005"
PORTS, MARK, EXTERNAL = "AWS_VPC_CNI_NODE_PORT_SUPPORT", "AWS_VPC_K8S_CNI_CONNMARK", "AWS_VPC_K8S_CNI_EXTERNALSNAT"
IPV6 = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true", "ENABLE_PREFIX_DELEGATION": "true"}
UNKNOWN = {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "x"}}}
NODE_PORT = Service(namespace="web", name="front", type="NodePort")
TO_PODS = Service(namespace="web", name="direct", type="LoadBalancer", instance_targets=False)
CALICO = Workload(kind="DaemonSet", namespace="calico-system", name="calico-node")
RENAMED = Workload(kind="DaemonSet", namespace="net", name="felix", images=("mirror.example/calico/node:v3.30.0",))
OTHER = Workload(kind="Deployment", namespace="net", name="calico-node")


def services(*found: Service) -> Facts:
    return Facts(services=Fact(found, "cluster"))


def workloads(*found: Workload) -> Facts:
    return Facts(workloads=Fact(found, "cluster"))


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        ("true", services(NODE_PORT), ""),
        (None, services(NODE_PORT), ""),
        ("false", services(NODE_PORT), "deny"),
        ("F", services(NODE_PORT), "deny"),
        ("no", services(NODE_PORT), ""),
        ("false", services(TO_PODS), ""),
        ("false", services(), ""),
        ("false", Facts(), "warn"),
    ],
)
def test_support_for_node_ports(value: str | None, facts: Facts, expected: str) -> None:
    assert gravity(RULE, Example(DaemonSet(env={PORTS: value}), facts=facts)) == expected
    assert gravity(RULE, Example(DaemonSet(env={PORTS: value, **IPV6}), facts=facts)) == ""


def test_the_services_are_counted_and_one_is_named() -> None:
    second = Service(namespace="shop", name="back", type="LoadBalancer")
    [found] = about(RULE, Example(DaemonSet(env={PORTS: "false"}), facts=services(TO_PODS, NODE_PORT, second)))
    assert found.problem.wrong == f"{PORTS}=false with 2 Services behind node ports, such as web/front"


def test_what_was_off_before_only_warns() -> None:
    was = DaemonSet(env={PORTS: "false"})
    now = DaemonSet(env={PORTS: "false"}, annotations={"a": "b"})
    assert gravity(RULE, Example(now, before=was, facts=services(NODE_PORT))) == "warn"


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("0x80", ""),
        ("128", ""),
        ("0x2000", ""),
        ("0x3fff", ""),
        ("0x4000", "deny"),
        ("0b1000000000000000", "deny"),
        ("0x8000", "deny"),
        ("16384", "deny"),
        ("0x100004000", ""),
        ("0x4000x", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_mark_of_kube_proxy(mark: str | None, expected: str) -> None:
    """What the CNI cannot read gives the default, of which ENV-002 tells."""
    assert gravity(RULE, Example(DaemonSet(env={MARK: mark}))) == expected
    assert (
        gravity(
            RULE,
            Example(
                DaemonSet(
                    env={MARK: mark, PORTS: "false", EXTERNAL: "true"},
                )
            ),
        )
        == "warn"
    )
    assert gravity(RULE, Example(DaemonSet(env={MARK: mark, EXTERNAL: "true"}))) == expected
    assert gravity(RULE, Example(DaemonSet(env={MARK: mark, **IPV6}))) == ""


@pytest.mark.parametrize(
    ("mark", "facts", "expected"),
    [
        ("0x10000", workloads(CALICO), "deny"),
        ("0x80000000", workloads(RENAMED), "deny"),
        ("0xffffffff", workloads(CALICO), "deny"),
        ("0x10000", workloads(OTHER), ""),
        ("0x10000", workloads(), ""),
        ("0x80", workloads(CALICO), ""),
    ],
)
def test_a_mark_of_calico(mark: str, facts: Facts, expected: str) -> None:
    assert gravity(RULE, Example(DaemonSet(env={MARK: mark}), facts=facts)) == expected


def test_without_facts_the_bits_of_calico_are_not_checked_and_others_say_nothing() -> None:
    [reason] = skipped(RULE, shown(Example(DaemonSet(env={MARK: "0x10000"}))))
    assert reason.startswith("needs the workloads of the cluster")
    assert not skipped(RULE, shown(Example(DaemonSet(env={MARK: "0x100"}))))
    assert len(about(RULE, Example(DaemonSet(env={MARK: "0x14000"})))) == 1


def test_a_mark_that_is_not_known_is_not_checked() -> None:
    verdict = shown(Example(DaemonSet(env={MARK: UNKNOWN})))
    assert skipped(RULE, verdict)
    assert not [one for one in verdict.findings if one.rule == RULE]


def test_each_way_of_the_switch_has_its_own_checks() -> None:
    off = Example(DaemonSet(env={EXTERNAL: "true"}), before=DaemonSet())
    on = Example(DaemonSet(), before=DaemonSet(env={EXTERNAL: "true"}))
    [without], [with_it] = about("SNAT-001", off), about("SNAT-001", on)
    assert "route to a NAT gateway" in without.problem.remedy
    assert "lose the internet" in without.problem.effect
    assert "NAT gateway" not in with_it.problem.remedy
    assert "internet" not in with_it.problem.effect
