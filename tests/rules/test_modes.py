"""SGP-001, NP-001, NP-002 and NP-003: the enforcing modes, by release, by agent and by what stood there before."""

from typing import Any

import pytest

from tests.changes import evaluated, shown
from tests.rules.gravity import about, gravity, skipped
from webhook.catalogue.bad_values import NP_MODE, SG_MODE
from webhook.catalogue.examples import DaemonSet, Example
from webhook.facts import Fact, Facts
from webhook.rules import CATALOGUE

AGENT = "aws-eks-nodeagent"
ON = "--enable-network-policy=true"
SECRET: dict[str, Any] = {"valueFrom": {"secretKeyRef": {"name": "cni", "key": "mode"}}}


@pytest.mark.parametrize(
    ("release", "mode", "expected"),
    [
        ("1.16.4", "strict", ""),
        ("1.17.1", "strict", "certain"),
        ("1.17.1", "standard", ""),
        ("1.19.2", "STRICT", "certain"),
        ("1.19.2", None, ""),
        ("1.19.3", "strict", ""),
        ("1.19.4", "standard", "certain"),
        ("1.19.4", "none", "certain"),
        ("1.19.4", None, ""),
        ("1.23.1", "standard", "certain"),
    ],
)
def test_a_mode_without_an_agent(release: str, mode: str | None, expected: str) -> None:
    example = Example(DaemonSet(release=release, env={NP_MODE: mode}, without_containers=(AGENT,)))
    assert gravity("NP-001", example) == expected


def test_without_an_agent_a_newer_release_than_the_tables_is_not_denied() -> None:
    example = Example(DaemonSet(images={"aws-node": "amazon-k8s-cni:v1.99.0"}, without_containers=(AGENT,)))
    assert gravity("NP-001", example) == "warn"


def test_an_agent_under_another_name_answers_all_the_same() -> None:
    assert gravity("NP-001", Example(DaemonSet(renamed={AGENT: "policies"}))) == ""


def test_a_mode_that_is_not_known_is_skipped_and_not_denied() -> None:
    example = Example(DaemonSet(env={NP_MODE: SECRET}, without_containers=(AGENT,)))
    assert gravity("NP-001", example) == ""
    assert skipped("NP-001", shown(example))


def test_mending_the_mode_leaves_the_missing_agent_as_it_was() -> None:
    bad, better = (DaemonSet(env={NP_MODE: mode}, without_containers=(AGENT,)) for mode in ("foo", "standard"))
    assert not shown(Example(better, before=bad)).denials
    assert len(about("NP-001", Example(bad))) == 2


@pytest.mark.parametrize("value", ["foo", "", "strict "])
@pytest.mark.parametrize("name", [NP_MODE, SG_MODE])
def test_a_bad_mode_is_one_message(name: str, value: str) -> None:
    verdict = shown(Example(DaemonSet(env={name: value, "ENABLE_POD_ENI": "true"})))
    key = f"aws-node env {name}"
    rules = {one.rule for one in verdict.findings if key in dict(one.problem.evidence) and one.rule != "SGP-002"}
    assert rules == {"NP-001" if name == NP_MODE else "SGP-001"}


def test_to_switch_the_feature_on_with_a_bad_mode_is_denied() -> None:
    idle = DaemonSet(env={SG_MODE: "Strict"})
    assert gravity("SGP-001", Example(idle)) == "warn"
    used = DaemonSet(env={SG_MODE: "Strict", "ENABLE_POD_ENI": "true"})
    assert gravity("SGP-001", Example(used, before=idle)) == "certain"
    assert shown(Example(used, before=idle)).denials


# --- NP-002 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "mode", "expected"),
    [
        ("1.17.1", None, ""),
        ("1.19.2", "none", ""),
        ("1.19.4", None, "deny"),
        ("1.19.4", "NONE", "deny"),
        ("1.23.1", "standard", ""),
        ("1.23.1", "Strict", ""),
        ("1.23.1", "", ""),
    ],
)
def test_policies_without_a_mode(release: str, mode: str | None, expected: str) -> None:
    example = Example(DaemonSet(release=release, env={NP_MODE: mode}, arguments=(ON,)))
    assert gravity("NP-002", example) == expected


def endpoints(value: bool | None) -> Facts:
    return Facts(policy_endpoints=None if value is None else Fact(value, "cluster"))


@pytest.mark.parametrize(("exist", "expected"), [(None, "warn"), (True, "warn"), (False, "")])
def test_the_agent_switched_off(exist: bool | None, expected: str) -> None:
    for now in (DaemonSet(), DaemonSet(without_containers=(AGENT,), env={NP_MODE: None})):
        assert gravity("NP-002", Example(now, before=DaemonSet(arguments=(ON,)), facts=endpoints(exist))) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"enable-network-policy-controller": "true"}, ""),
        ({"enable-network-policy-controller": "false"}, "warn"),
        ({}, "warn"),
        (None, "warn"),
    ],
)
def test_the_controller_beside_the_agent(data: dict[str, str] | None, expected: str) -> None:
    facts = Facts(config_map=Fact(data, "cluster"))
    assert gravity("NP-002", Example(DaemonSet(arguments=(ON,)), before=DaemonSet(), facts=facts)) == expected
    assert gravity("NP-002", Example(DaemonSet(arguments=(ON,)), facts=facts)) == expected
    same = Example(DaemonSet(arguments=(ON,), annotations={"a": "b"}), before=DaemonSet(arguments=(ON,)), facts=facts)
    assert gravity("NP-002", same) == ""


def test_the_controller_is_asked_for_only_where_the_agent_is_switched_on() -> None:
    on, off = DaemonSet(arguments=(ON,)), DaemonSet()
    assert skipped("NP-002", shown(Example(on, before=off)))
    for example in (Example(on), Example(on, before=on), Example(off, before=on), Example(off)):
        assert not skipped("NP-002", shown(example))


# --- NP-003 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exist", "policies", "expected"),
    [(False, ON, "deny"), (True, ON, "warn"), (None, ON, "warn"), (False, "", "warn")],
)
def test_strict_mode(exist: bool | None, policies: str, expected: str) -> None:
    facts = Facts(network_policies=None if exist is None else Fact(exist, "cluster"))
    words = (policies,) if policies else ()
    was, now = (DaemonSet(arguments=words, env={NP_MODE: mode}) for mode in ("standard", "strict"))
    assert gravity("NP-003", Example(now, before=was, facts=facts)) == expected
    assert gravity("NP-003", Example(now, facts=facts)) == "warn"
    assert gravity("NP-003", Example(now, before=now, facts=facts)) == ""


def test_strict_mode_before_the_release_that_knows_it() -> None:
    assert gravity("NP-003", Example(DaemonSet(release="1.16.4", env={NP_MODE: "strict"}))) == ""


def test_each_rule_is_asked_for() -> None:
    assert {"SGP-001", "NP-001", "NP-002", "NP-003"} <= CATALOGUE.ids
    assert evaluated(Example(DaemonSet()).change()).findings == ()
