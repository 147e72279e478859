"""SGP-002 to SGP-004: security groups for pods beside the rest of the cluster, with and without its facts."""

from dataclasses import replace
from typing import Any

import pytest

from tests.changes import NOW, guard, shown
from tests.rules.gravity import about, gravity, skipped
from webhook.catalogue.bad_values import SG_MODE
from webhook.catalogue.examples import DaemonSet, Example
from webhook.engine.pipeline import complete
from webhook.facts import Fact, Facts, Node, Service, Workload
from webhook.policy import Policy, SecurityGroups

ON, DEMUX, SNAT = "ENABLE_POD_ENI", "DISABLE_TCP_EARLY_DEMUX", "AWS_VPC_K8S_CNI_EXTERNALSNAT"
QUIET = Facts(
    nodes=Fact((Node(name="a", instance_type="m5.large"),), "cluster"),
    kube_proxy_mode=Fact("iptables", "cluster"),
    workloads=Fact((), "cluster"),
    services=Fact((), "cluster"),
)


@pytest.mark.parametrize(
    ("release", "env", "init", "expected"),
    [
        ("1.23.1", {ON: "true"}, {}, "warn"),
        ("1.23.1", {ON: "True"}, {}, "warn"),
        ("1.23.1", {ON: "false"}, {}, ""),
        ("1.23.1", {ON: "true"}, {DEMUX: "true"}, ""),
        ("1.23.1", {ON: "true", SG_MODE: "strict"}, {DEMUX: None}, "warn"),
        ("1.23.1", {ON: "true", SG_MODE: "standard"}, {}, ""),
        ("1.23.1", {ON: "true", SG_MODE: "Standard"}, {}, ""),
        ("1.23.1", {ON: "true", SG_MODE: ""}, {}, ""),
        ("1.11.5", {ON: "true", SG_MODE: ""}, {}, "warn"),
        ("1.10.4", {ON: "true", SG_MODE: "standard"}, {}, "warn"),
        ("1.23.1", {ON: "true", DEMUX: "true"}, {}, "warn"),
    ],
)
def test_early_demux(release: str, env: dict[str, str], init: dict[str, str | None], expected: str) -> None:
    assert gravity("SGP-002", Example(DaemonSet(release=release, env=env, init_env=init))) == expected


def test_without_an_init_container_there_is_nothing_to_set() -> None:
    assert gravity("SGP-002", Example(DaemonSet(env={ON: "true"}, without_containers=("aws-vpc-cni-init",)))) == ""


def strict(**facts: Any) -> Example:
    return Example(
        DaemonSet(env={ON: "true"}), facts=replace(QUIET, **{k: Fact(v, "cluster") for k, v in facts.items()})
    )


def workload(name: str = "x", *, image: str = "", kind: Any = "DaemonSet") -> Workload:
    return Workload(kind=kind, namespace="kube-system", name=name, images=(image,))


def service(*, local: bool = True, instance_targets: bool = True) -> Service:
    return Service(namespace="web", name="front", type="NodePort", local=local, instance_targets=instance_targets)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (strict(), ""),
        (strict(kube_proxy_mode="ipvs"), "deny"),
        (strict(kube_proxy_mode="nftables"), ""),
        (strict(workloads=(workload("calico-node"),)), "deny"),
        (strict(workloads=(workload(image="quay.io/calico/node:v3"),)), "deny"),
        (strict(workloads=(workload("node-local-dns"),)), "deny"),
        (strict(workloads=(workload(image="registry.k8s.io/dns/k8s-dns-node-cache:1.22"),)), "deny"),
        (strict(workloads=(workload("node-local-dns", kind="Deployment"),)), ""),
        (strict(services=(service(),)), "deny"),
        (strict(services=(service(local=False),)), ""),
        (strict(services=(service(instance_targets=False),)), ""),
        (strict(nodes=(Node(name="a", instance_type="t4g.large"),)), "warn"),
        (strict(nodes=(Node(name="a", instance_type="trn1.2xlarge"),)), ""),
        (strict(nodes=(Node(name="a", instance_type="t3.large", compute="fargate"),)), ""),
    ],
)
def test_strict_mode_in_a_cluster(example: Example, expected: str) -> None:
    assert gravity("SGP-003", example) == expected
    kept = replace(example, before=example.now, now=DaemonSet(env={ON: "true"}, annotations={"a": "b"}))
    assert gravity("SGP-003", kept) == ""


def test_each_conflict_is_a_problem_of_its_own() -> None:
    found = about("SGP-003", strict(kube_proxy_mode="ipvs", services=(service(), service())))
    assert len(found) == 2
    assert "Service web/front and 1 more" in found[1].message


def test_facts_are_asked_for_only_where_the_change_brings_the_mode() -> None:
    used, idle = DaemonSet(env={ON: "true"}), DaemonSet()
    assert skipped("SGP-003", shown(Example(used, before=idle)))
    standard = DaemonSet(env={ON: "true", SG_MODE: "standard", SNAT: "true"})
    for example in (Example(used, before=used), Example(idle, before=used), Example(standard, before=idle)):
        assert not skipped("SGP-003", shown(example))


@pytest.mark.parametrize(("snat", "expected"), [("true", ""), ("false", "warn")])
def test_standard_mode_while_the_cni_translates(snat: str, expected: str) -> None:
    assert gravity("SGP-003", Example(DaemonSet(env={ON: "true", SG_MODE: "standard", SNAT: snat}))) == expected


def test_the_mode_of_the_policy_is_added_only_where_it_is_not_the_default() -> None:
    for mode, added in (
        ("strict", [f"aws-vpc-cni-init env {DEMUX}=true"]),
        ("standard", [f"aws-node env {SG_MODE}=standard"]),
    ):
        policy = Policy(mode="enforce", security_groups=SecurityGroups(enforcing_mode=mode))  # type: ignore[arg-type]
        change = Example(DaemonSet(env={ON: "true"}, init_env={DEMUX: None})).change()
        assert [edit.says for edit in complete(change, guard(policy), NOW).edits] == added


@pytest.mark.parametrize(("policies", "expected"), [(None, "warn"), ((), ""), (("web/a", "web/b"), "deny")])
def test_switched_off(policies: tuple[str, ...] | None, expected: str) -> None:
    facts = Facts(security_group_policies=None if policies is None else Fact(policies, "cluster"))
    used = DaemonSet(env={ON: "true"})
    assert gravity("SGP-004", Example(DaemonSet(), before=used, facts=facts)) == expected
    assert gravity("SGP-004", Example(DaemonSet(), facts=facts)) == ""
    assert gravity("SGP-004", Example(used, before=used, facts=facts)) == ""


@pytest.mark.parametrize(
    ("was", "now", "expected"), [(None, "strict", ""), (None, "standard", "warn"), ("standard", None, "warn")]
)
def test_another_mode(was: str | None, now: str | None, expected: str) -> None:
    before, after = (DaemonSet(env={ON: "true", SG_MODE: mode, SNAT: "true"}) for mode in (was, now))
    assert gravity("SGP-004", Example(after, before=before)) == expected
