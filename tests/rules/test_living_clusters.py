"""CN-002, CN-003, PFX-002, PFX-003, IP6-004, ENV-007 and ENV-009: settings beside what the cluster has."""

from typing import Any

import pytest

from tests.changes import NOW, evaluated
from tests.rules.ask import levels
from webhook.catalogue.examples import DaemonSet, Example
from webhook.cni.instances import is_metal, is_xen
from webhook.cni.rbac import allows
from webhook.facts import NOTHING_KNOWN, EniConfig, Fact, Facts, Node, Workload
from webhook.model import Finding

CUSTOM = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
LABEL, ANNOTATION = "ENI_CONFIG_LABEL_DEF", "ENI_CONFIG_ANNOTATION_DEF"
USUAL, EXTERNAL = "k8s.amazonaws.com/eniConfig", "vpc.amazonaws.com/externalEniConfig"
UNKNOWN = {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "x"}}}


def said(rule: str, new: DaemonSet, old: DaemonSet | None = None, facts: Facts = NOTHING_KNOWN) -> list[Finding]:
    verdict = evaluated(Example(new, before=old).change(), facts=facts)
    assert verdict.errors == ()
    return [finding for finding in verdict.findings if finding.rule == rule]


def env(**variables: Any) -> DaemonSet:
    return DaemonSet(env=variables)


def of_nodes(*nodes: Node, configs: tuple[str, ...] | None = None) -> Facts:
    known = None if configs is None else Fact(tuple(EniConfig(name=name) for name in configs), "file", NOW)
    return Facts(nodes=Fact(nodes, "file", NOW), eni_configs=known)


def node(labels: tuple[str, ...] = (), annotations: tuple[str, ...] = (), **fields: Any) -> Node:
    return Node(name="ip", labels=dict.fromkeys(labels, "a"), annotations=dict.fromkeys(annotations, "a"), **fields)


# --- CN-002 ----------------------------------------------------------------------------------------------------------

KEYED = DaemonSet(env={CUSTOM: "true", LABEL: "example.com/zone"})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (NOTHING_KNOWN, set()),
        (of_nodes(configs=()), set()),
        (of_nodes(node(), configs=()), {"deny"}),
        (of_nodes(node(), configs=("a",)), {"deny"}),
        (of_nodes(node(), configs=("default",)), {"warn"}),
        (of_nodes(node()), {"warn"}),
        (of_nodes(node(("example.com/zone",)), configs=()), set()),
        (of_nodes(node(), node(("example.com/zone",)), configs=()), set()),
        (of_nodes(node((), (USUAL,)), configs=()), set()),
        (of_nodes(node((USUAL,)), configs=()), {"deny"}),
        (of_nodes(node((EXTERNAL,)), configs=()), {"warn"}),
        (of_nodes(node(compute="fargate"), configs=()), set()),
        (of_nodes(node(os="windows"), configs=()), set()),
    ],
)
def test_a_key_on_no_node_leads_every_node_to_default(facts: Facts, expected: set[str]) -> None:
    assert levels(said("CN-002", KEYED, facts=facts)) == expected


def test_an_unrelated_change_is_not_refused_for_a_key_that_was_there() -> None:
    facts = of_nodes(node(), configs=())
    further = DaemonSet(env={**KEYED.env, "WARM_ENI_TARGET": "2"})
    assert levels(said("CN-002", further, KEYED, facts)) == {"warn"}
    other = DaemonSet(env={CUSTOM: "true", LABEL: "example.com/other"})
    assert levels(said("CN-002", other, KEYED, facts)) == {"deny"}


def test_an_annotation_key_is_looked_for_among_annotations() -> None:
    keyed = DaemonSet(env={CUSTOM: "true", ANNOTATION: "example.com/zone"})
    assert said("CN-002", keyed, facts=of_nodes(node((), ("example.com/zone",)), configs=())) == []
    (found,) = said("CN-002", keyed, facts=of_nodes(node(("example.com/zone",)), configs=()))
    assert found.level == "deny"
    assert f"{ANNOTATION}=example.com/zone is on none of the nodes (1)" in found.message


def test_an_unknown_key_is_not_denied() -> None:
    unknown = DaemonSet(env={CUSTOM: "true", LABEL: UNKNOWN})
    assert "deny" not in levels(said("CN-002", unknown, facts=of_nodes(node(), configs=())))


# --- CN-003, PFX-002 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "name"), [("CN-003", CUSTOM), ("PFX-002", "ENABLE_PREFIX_DELEGATION")], ids=["custom", "prefixes"]
)
@pytest.mark.parametrize(
    ("was", "now", "warned"),
    [
        (None, "true", True),
        ("true", None, True),
        ("true", "false", True),
        ("false", "T", True),
        (None, "false", False),
        ("true", "1", False),
        ("junk", None, False),
        ("", "0", False),
    ],
)
def test_a_switch_on_a_living_cluster_warns(
    rule: str, name: str, was: str | None, now: str | None, *, warned: bool
) -> None:
    old, new = env(**{name: was}), env(**{name: now})
    assert levels(said(rule, new, old)) == ({"warn"} if warned else set())
    assert said(rule, new) == []
    assert said(rule, new, old, of_nodes()) == []
    for found in said(rule, new, old, of_nodes(node(), node(), node(compute="auto"))):
        assert "2 running nodes" in found.message


def test_prefix_delegation_of_an_ipv6_cluster_is_not_a_choice() -> None:
    six = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true"}
    assert said("PFX-002", env(**six, ENABLE_PREFIX_DELEGATION="true"), env(**six)) == []
    assert said("PFX-002", DaemonSet(), env(**six, ENABLE_PREFIX_DELEGATION="true")) == []


# --- PFX-003 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "warned"),
    [
        ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "2"}, True),
        ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}, False),
        ({"ENABLE_PREFIX_DELEGATION": "false", "WARM_PREFIX_TARGET": "2"}, False),
        ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "2", "WARM_IP_TARGET": "5"}, False),
        ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "two"}, False),
    ],
)
def test_spare_prefixes_are_counted_where_they_are_kept(variables: dict[str, str], *, warned: bool) -> None:
    assert levels(said("PFX-003", env(**variables))) == ({"warn"} if warned else set())


@pytest.mark.parametrize(
    ("release", "instance", "warned"),
    [
        ("1.23.1", "m5.large", False),
        ("1.23.1", "m4.large", True),
        ("1.23.1", "i3.large", True),
        ("1.23.1", "i3.metal", False),
        ("1.10.4", "i3.metal", True),
        ("1.11.0", "m5.metal", False),
        ("1.10.4", "m5.large", False),
        ("1.23.1", "", False),
        ("1.10.4", "m7i.metal-24xl", True),
    ],
)
def test_nodes_that_cannot_take_prefixes_are_named(release: str, instance: str, *, warned: bool) -> None:
    on = DaemonSet(release=release, env={"ENABLE_PREFIX_DELEGATION": "true"})
    facts = of_nodes(node(instance_type=instance), node(instance_type="c5.large"))
    found = said("PFX-003", on, facts=facts)
    assert levels(found) == ({"warn"} if warned else set())
    assert all(instance in one.message for one in found)
    assert said("PFX-003", DaemonSet(release=release), facts=facts) == []


def test_only_nodes_that_run_aws_node_take_prefixes() -> None:
    on = env(ENABLE_PREFIX_DELEGATION="true")
    windows, linux = node(os="windows", instance_type="m4.large"), node(instance_type="m4.large")
    assert said("PFX-003", on, facts=of_nodes(windows)) == []
    [found] = said("PFX-003", on, facts=of_nodes(windows, linux))
    assert found.problem.wrong.startswith("1 of 1 nodes (m4.large)")


def test_families_are_whole_words() -> None:
    assert not any(is_xen(one) for one in ("m5.large", "p3dn.24xlarge", "c5.large", "t3.micro", "x2idn.metal", ""))
    assert all(is_xen(one) for one in ("m4.large", "p3.2xlarge", "t2.micro", "x1e.large"))
    assert is_metal("m5.metal")
    assert not is_metal("metal")


# --- IP6-004 ---------------------------------------------------------------------------------------------------------

SIX = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true", "ENABLE_PREFIX_DELEGATION": "true"}
ALL_SIX = DaemonSet(env=SIX, init_env={"ENABLE_IPv6": "true"}, arguments=("--enable-ipv6=true",))
INIT_SIX = DaemonSet(env=SIX, init_env={"ENABLE_IPv6": "true"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (DaemonSet(), ALL_SIX, {"deny"}),
        (ALL_SIX, DaemonSet(), {"deny"}),
        (DaemonSet(), DaemonSet(env=SIX), {"deny"}),
        (DaemonSet(env=SIX), DaemonSet(), {"warn"}),
        (INIT_SIX, DaemonSet(), {"deny"}),
        (DaemonSet(env={"ENABLE_IPv6": "true"}), DaemonSet(), {"warn"}),
        (DaemonSet(env={"ENABLE_IPv4": "false"}), ALL_SIX, {"warn"}),
        (ALL_SIX, ALL_SIX, set()),
        (DaemonSet(), DaemonSet(env={"ENABLE_IPv6": "0"}), set()),
        (DaemonSet(release="1.9.3"), DaemonSet(release="1.10.4"), set()),
        (None, ALL_SIX, set()),
    ],
)
def test_the_family_stays_but_for_a_switch_that_never_worked(
    old: DaemonSet | None, new: DaemonSet, expected: set[str]
) -> None:
    assert levels(said("IP6-004", new, old)) == expected


# --- ENV-007 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "denied"),
    [
        ("127.0.0.1:61679", False),
        ("127.0.0.2:1", False),
        ("localhost:61679", False),
        ("[::1]:61679", False),
        ("unix:/var/run/x.sock", False),
        ("[::ffff:127.0.0.1]:1", False),
        ("127.0.0.1", False),
        (":61679", True),
        ("0.0.0.0:61679", True),
        ("[::]:61679", True),
        ("10.0.0.1:61679", True),
        ("node.example:61679", True),
        ("[::ffff:10.0.0.1]:1", True),
    ],
)
def test_only_a_loopback_address_or_a_socket_stays_on_the_node(address: str, *, denied: bool) -> None:
    assert levels(said("ENV-007", env(INTROSPECTION_BIND_ADDRESS=address))) == ({"deny"} if denied else set())
    off = env(INTROSPECTION_BIND_ADDRESS=address, DISABLE_INTROSPECTION="true")
    assert said("ENV-007", off) == []


@pytest.mark.parametrize(
    ("workload", "warned"),
    [
        (Workload(kind="Deployment", namespace="kube-system", name="cni-metrics-helper"), True),
        (Workload(kind="Deployment", namespace="x", name="y", images=("r/cni-metrics-helper:v1.23.1",)), True),
        (Workload(kind="Deployment", namespace="x", name="y", images=("r/other:v1",)), False),
    ],
)
def test_metrics_are_missed_where_something_reads_them(workload: Workload, *, warned: bool) -> None:
    facts = Facts(workloads=Fact((workload,), "file", NOW))
    assert levels(said("ENV-007", env(DISABLE_METRICS="true"), facts=facts)) == ({"warn"} if warned else set())
    assert said("ENV-007", env(DISABLE_METRICS="false"), facts=facts) == []


# --- ENV-009 ---------------------------------------------------------------------------------------------------------


def role(**rule: Any) -> Any:
    return {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "patch"], **rule}]}


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (role(), True),
        (role(verbs=["*"]), True),
        (role(resources=["*"]), True),
        (role(apiGroups=["*"]), True),
        (role(verbs=["get"]), False),
        (role(resources=["pods/status"]), False),
        (role(apiGroups=["apps"]), False),
        (role(resourceNames=["a"]), False),
        (role(verbs=None), False),
        (None, False),
        ({}, False),
        ({"rules": 5}, False),
        ({"rules": [None, "x", *role()["rules"]]}, True),
    ],
)
def test_a_role_is_read_as_the_api_server_reads_it(given: Any, *, allowed: bool) -> None:
    assert allows(given, "patch", "pods") is allowed


ON = env(ANNOTATE_POD_IP="true")


def of_role(given: Any) -> Facts:
    return Facts(cluster_role=Fact(given, "file", NOW))


@pytest.mark.parametrize(
    ("new", "old", "facts", "expected"),
    [
        (ON, None, NOTHING_KNOWN, {"warn"}),
        (ON, DaemonSet(), NOTHING_KNOWN, {"warn"}),
        (ON, ON, NOTHING_KNOWN, set()),
        (ON, DaemonSet(), of_role(role()), set()),
        (ON, DaemonSet(), of_role(role(verbs=["get"])), {"deny"}),
        (ON, ON, of_role(role(verbs=["get"])), {"warn"}),
        (ON, DaemonSet(), of_role(None), {"warn"}),
        (env(ANNOTATE_POD_IP="false"), None, of_role(role(verbs=["get"])), set()),
        (DaemonSet(release="1.9.1", env={"ANNOTATE_POD_IP": "true"}), None, of_role(role(verbs=["get"])), set()),
    ],
)
def test_the_right_is_asked_of_the_role(
    new: DaemonSet, old: DaemonSet | None, facts: Facts, expected: set[str]
) -> None:
    assert levels(said("ENV-009", new, old, facts)) == expected
