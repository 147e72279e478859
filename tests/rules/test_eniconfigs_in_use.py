"""CN-001, CN-004 and ENIC-004 to ENIC-006: which ENIConfig a node uses, and what becomes of it."""

from typing import Any

import pytest

from tests.changes import NOW, guard, shown
from tests.rules.gravity import about, gravity, skipped
from webhook.catalogue.examples import BY_ZONE, ONE_ZONE, DaemonSet, ENIConfig, Example
from webhook.cni.aws_node import AwsNode
from webhook.cni.resolution import ANNOTATION_KEY, CUSTOM_NETWORKING, LABEL_KEY, ZONE, keys_of
from webhook.engine.pipeline import complete
from webhook.facts import EniConfig, Fact, Facts, Node

KEY, EXTERNAL = "k8s.amazonaws.com/eniConfig", "vpc.amazonaws.com/externalEniConfig"
SGP = "ENABLE_POD_ENI"
SUBNET, OTHER = "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
SECRET: dict[str, Any] = {"valueFrom": {"secretKeyRef": {"name": "cni", "key": "x"}}}


@pytest.mark.parametrize(
    ("release", "env", "labels", "annotations", "expected"),
    [
        ("1.23.1", {}, {}, {}, "default"),
        ("1.23.1", {}, {KEY: "a"}, {}, "a"),
        ("1.23.1", {}, {KEY: "a"}, {KEY: "b"}, "b"),
        ("1.23.1", {}, {KEY: "a", EXTERNAL: "c"}, {KEY: "b"}, "c"),
        ("1.10.4", {}, {KEY: "a", EXTERNAL: "c"}, {}, "a"),
        ("1.23.1", {LABEL_KEY: ZONE}, {KEY: "a", ZONE: "z"}, {}, "z"),
        ("1.23.1", {LABEL_KEY: ZONE}, {KEY: "a"}, {}, "default"),
        ("1.23.1", {LABEL_KEY: ZONE}, {ZONE: "z"}, {KEY: "b"}, "b"),
        ("1.23.1", {ANNOTATION_KEY: "own"}, {KEY: "a"}, {"own": "d", KEY: "b"}, "d"),
        ("1.23.1", {LABEL_KEY: ""}, {KEY: "a"}, {}, "a"),
        ("1.23.1", {}, {KEY: ""}, {}, ""),
        ("1.23.1", {}, {KEY: "a"}, {KEY: ""}, ""),
    ],
)
def test_the_eniconfig_of_a_node(
    release: str, env: dict[str, str], labels: dict[str, str], annotations: dict[str, str], expected: str
) -> None:
    keys = keys_of(AwsNode(DaemonSet(release=release, env=env).build()))
    assert keys.eniconfig(labels, annotations) == expected


def zonal(*zones: str, configs: tuple[str, ...], env: Any = None, **more: Any) -> Facts:
    nodes = tuple(Node(name=f"n{index}", zone=zone, labels={ZONE: zone}, **more) for index, zone in enumerate(zones))
    return Facts(
        nodes=Fact(nodes, "cluster"),
        eni_configs=Fact(tuple(EniConfig(name=name, subnet=SUBNET) for name in configs), "cluster"),
        aws_node=Fact((DaemonSet(env=BY_ZONE if env is None else env).build(),), "cluster"),
    )


ON = {CUSTOM_NETWORKING: "true"}


@pytest.mark.parametrize(
    ("was", "now", "facts", "expected"),
    [
        ({}, BY_ZONE, zonal("a", "b", configs=("a", "b")), ""),
        ({}, BY_ZONE, zonal("a", "b", configs=("a",)), "warn"),
        (None, BY_ZONE, zonal("a", "b", configs=("a",)), "warn"),
        ({}, BY_ZONE, zonal("a", configs=(), compute="fargate"), ""),
        ({}, BY_ZONE, zonal("a", configs=(), os="windows"), ""),
        (BY_ZONE, {**BY_ZONE, LABEL_KEY: "team"}, zonal("a", configs=("a",)), "deny"),
        (BY_ZONE, {**BY_ZONE, ANNOTATION_KEY: "team"}, zonal("a", configs=("a",)), ""),
        (ON, BY_ZONE, zonal("a", configs=()), "warn"),
        (ON, BY_ZONE, zonal("a", configs=("a",)), ""),
        (BY_ZONE, BY_ZONE, zonal("a", configs=()), ""),
        (BY_ZONE, {}, zonal("a", configs=()), ""),
    ],
)
def test_nodes_without_an_eniconfig(was: Any, now: dict[str, str], facts: Facts, expected: str) -> None:
    before = None if was is None else DaemonSet(env=was)
    assert gravity("CN-001", Example(DaemonSet(env=now), before=before, facts=facts)) == expected


def test_the_message_names_what_is_missing() -> None:
    facts = zonal("a", "b", "c", "c", configs=("a",))
    (found,) = about("CN-001", Example(DaemonSet(env=BY_ZONE), before=DaemonSet(), facts=facts))
    assert "3 of 4 nodes, such as n1, would use an ENIConfig that does not exist (b, c)" in found.message


def test_facts_are_asked_for_only_where_the_change_is_about_custom_networking() -> None:
    on, off = DaemonSet(env=BY_ZONE), DaemonSet()
    labelled = DaemonSet(env=BY_ZONE, annotations={"a": "b"})
    assert skipped("CN-001", shown(Example(on, before=off)))
    assert skipped("CN-001", shown(Example(on)))
    for example in (Example(labelled, before=on), Example(off, before=on), Example(off)):
        assert not skipped("CN-001", shown(example))


def test_a_key_that_is_not_known_is_skipped() -> None:
    """It may be the very key that the nodes have."""
    example = Example(DaemonSet(env={**ON, LABEL_KEY: SECRET}), before=DaemonSet(env=BY_ZONE), facts=ONE_ZONE)
    assert about("CN-001", example) == []
    (reason,) = skipped("CN-001", shown(example))
    assert reason.startswith("ENI_CONFIG_LABEL_DEF is not known at admission")


@pytest.mark.parametrize(
    ("env", "facts", "added"),
    [
        (ON, zonal("a", "b", configs=("a", "b")), [f"aws-node env {LABEL_KEY}={ZONE}"]),
        (ON, zonal("a", "b", configs=("a",)), []),
        (ON, zonal("a", configs=("a", "default")), []),
        ({**ON, ANNOTATION_KEY: "own"}, zonal("a", configs=("a",)), []),
        ({**ON, LABEL_KEY: "own"}, zonal("a", configs=("a",)), []),
    ],
)
def test_the_zone_is_added_as_the_key(env: dict[str, str], facts: Facts, added: list[str]) -> None:
    change = Example(DaemonSet(env=env), before=DaemonSet()).change()
    assert [edit.says for edit in complete(change, guard(facts=facts), NOW).edits] == added


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({}, {**ON, SGP: "true"}, "deny"),
        (None, {**ON, SGP: "true"}, "deny"),
        ({}, {**BY_ZONE, SGP: "true"}, ""),
        ({}, ON, ""),
        ({**ON, SGP: "true"}, {**ON, SGP: "true", "WARM_ENI_TARGET": "2"}, ""),
    ],
)
def test_the_default_eniconfig_with_security_groups(was: Any, now: dict[str, str], expected: str) -> None:
    before = None if was is None else DaemonSet(env=was)
    facts = zonal("a", configs=("a", "default"))
    assert gravity("CN-004", Example(DaemonSet(env=now), before=before, facts=facts)) == expected


def config(name: str = "a", **spec: Any) -> ENIConfig:
    return ENIConfig(spec={"subnet": SUBNET, "securityGroups": ["sg-0123456789abcdef0"], **spec}, name=name)


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("a", Facts(), "warn"),
        ("a", zonal("a", configs=("a", "b")), "deny"),
        ("b", zonal("a", configs=("a", "b")), ""),
        ("b", zonal("a", configs=("b",)), "deny"),
        ("a", zonal("a", configs=("a", "b"), env={}), ""),
        ("a", zonal("a", configs=("a", "b"), compute="fargate"), ""),
        ("default", zonal("a", configs=("a", "default")), "warn"),
        ("default", zonal("a", configs=("a", "default"), env=ON), "deny"),
        ("a", zonal("a", configs=("a", "b"), env={CUSTOM_NETWORKING: SECRET}), "warn"),
        ("a", Facts(aws_node=zonal(configs=()).aws_node), "warn"),
        ("a", Facts(aws_node=zonal(configs=(), env={}).aws_node), ""),
    ],
)
def test_an_eniconfig_is_deleted(name: str, facts: Facts, expected: str) -> None:
    assert gravity("ENIC-005", Example(None, before=config(name), facts=facts)) == expected


@pytest.mark.parametrize(
    ("now", "facts", "expected"),
    [
        (config(subnet=OTHER), zonal("a", configs=("a",)), "warn"),
        (config(securityGroups=["sg-01234567"]), zonal("a", configs=("a",)), "warn"),
        (config(subnet=OTHER), zonal("b", configs=("a",)), ""),
        (config(subnet=OTHER), zonal("a", configs=("a",), env={}), ""),
        (config(), Facts(), ""),
    ],
)
def test_an_eniconfig_is_changed(now: ENIConfig, facts: Facts, expected: str) -> None:
    assert gravity("ENIC-006", Example(now, before=config(), facts=facts)) == expected
    assert not skipped("ENIC-006", shown(Example(now, before=config(), facts=facts)))


def test_a_changed_eniconfig_is_skipped_without_facts() -> None:
    assert skipped("ENIC-006", shown(Example(config(subnet=OTHER), before=config())))


@pytest.mark.parametrize(
    ("now", "facts", "expected"),
    [
        (config("default"), zonal("a", "b", configs=(), env=ON), "warn"),
        (config("default"), zonal("a", "a", configs=(), env=ON), ""),
        (config("default"), zonal("a", "b", configs=(), env={}), ""),
        (config("b"), zonal("a", "b", configs=("a",)), "warn"),
        (config("b", subnet=OTHER), zonal("a", "b", configs=("a",)), ""),
        (config("c"), zonal("a", "b", configs=("a", "b")), ""),
        (config("default"), Facts(), ""),
    ],
)
def test_a_subnet_for_several_zones(now: ENIConfig, facts: Facts, expected: str) -> None:
    assert gravity("ENIC-004", Example(now, facts=facts)) == expected
    labelled = ENIConfig(spec=now.spec, name=now.name, applied="{}")
    assert gravity("ENIC-004", Example(labelled, before=now, facts=facts)) == ""
