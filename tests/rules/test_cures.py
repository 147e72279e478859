"""A change that takes a fault away passes: alone, and together with the next allowed upgrade."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.changes import evaluated
from webhook.catalogue.examples import DaemonSet, Example, container
from webhook.cni.container import Container
from webhook.cni.releases import VERSIONS
from webhook.cni.tables import KNOWN
from webhook.cni.variables import by_name
from webhook.cni.version import Version
from webhook.model import Change, Finding, at
from webhook.rules import CATALOGUE

BEFORE = "1.22.4"
NET, SNAT, EXCLUDE = (
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS",
)
Env = dict[str, str | None]


def found(change: Change) -> tuple[Finding, ...]:
    return evaluated(change).findings


def denied(now: DaemonSet, before: DaemonSet) -> list[str]:
    return [f.message for f in found(Example(now, before=before).change()) if f.level == "deny"]


@pytest.mark.parametrize(
    ("bad", "cure"),
    [
        ({"AWS_VPC_ENI_MTU": "9002"}, {"AWS_VPC_ENI_MTU": None}),
        ({"AWS_VPC_ENI_MTU": "9002"}, {"AWS_VPC_ENI_MTU": "9001"}),
        ({"AWS_VPC_ENI_MTU": "9002"}, {"AWS_VPC_ENI_MTU": "1500"}),
        ({"AWS_VPC_ENI_MTU": "jumbo"}, {"AWS_VPC_ENI_MTU": None}),
        ({"AWS_VPC_ENI_MTU": "jumbo"}, {"AWS_VPC_ENI_MTU": "9001"}),
        ({"POD_MTU": "500"}, {"POD_MTU": None}),
        ({"POD_MTU": "500"}, {"POD_MTU": "1400"}),
        ({"POD_MTU": "9001", "AWS_VPC_ENI_MTU": "1500"}, {"POD_MTU": None}),
        ({"ADDITIONAL_ENI_TAGS": "{team: net}"}, {"ADDITIONAL_ENI_TAGS": "{}"}),
        ({"ADDITIONAL_ENI_TAGS": "{team: net}"}, {"ADDITIONAL_ENI_TAGS": None}),
        ({"MAX_ENI": "1", NET: "true"}, {"MAX_ENI": None}),
        ({"MAX_ENI": "1", NET: "true"}, {"MAX_ENI": "2"}),
        ({"MAX_ENI": "0"}, {"MAX_ENI": None}),
        ({EXCLUDE: "0.0.0.0/0"}, {EXCLUDE: None, SNAT: "true"}),
        ({EXCLUDE: "0.0.0.0/0"}, {EXCLUDE: None}),
        ({EXCLUDE: "0.0.0.0/1,128.0.0.0/1"}, {EXCLUDE: None, SNAT: "true"}),
        ({EXCLUDE: "2001:db8::/32"}, {EXCLUDE: None}),
        ({EXCLUDE: "10.0.0.0/8,2001:db8::/32"}, {EXCLUDE: "10.0.0.0/8"}),
        ({SNAT: "true", EXCLUDE: "10.0.0.0/8"}, {EXCLUDE: None}),
        ({SNAT: "true", "AWS_VPC_K8S_CNI_RANDOMIZESNAT": "none"}, {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": None}),
        ({"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}, {"WARM_IP_TARGET": "0"}),
        ({"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}, {"WARM_IP_TARGET": None}),
        ({"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}, {"WARM_ENI_TARGET": "1"}),
        ({"WARM_IP_TARGET": "ten"}, {"WARM_IP_TARGET": None}),
        ({"WARM_ENI_TARGET": "0"}, {"WARM_ENI_TARGET": "1"}),
        ({"MINIMUM_IP_TARGET": "5"}, {"MINIMUM_IP_TARGET": None}),
        ({"DISABLE_NETWORK_RESOURCE_PROVISIONING": "true", NET: "true"}, {NET: "false"}),
        (
            {"DISABLE_NETWORK_RESOURCE_PROVISIONING": "true", NET: "true"},
            {"DISABLE_NETWORK_RESOURCE_PROVISIONING": "false"},
        ),
        ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "0"}, {"ENABLE_PREFIX_DELEGATION": "false"}),
        ({"NETWORK_POLICY_ENFORCING_MODE": "foo"}, {"NETWORK_POLICY_ENFORCING_MODE": "standard"}),
        ({"NETWORK_POLICY_ENFORCING_MODE": "foo"}, {"NETWORK_POLICY_ENFORCING_MODE": None}),
        (
            {"ENABLE_POD_ENI": "true", "POD_SECURITY_GROUP_ENFORCING_MODE": "Standard"},
            {"POD_SECURITY_GROUP_ENFORCING_MODE": "standard"},
        ),
        (
            {"ENABLE_POD_ENI": "true", "POD_SECURITY_GROUP_ENFORCING_MODE": "Standard"},
            {"POD_SECURITY_GROUP_ENFORCING_MODE": None},
        ),
    ],
    ids=repr,
)
def test_a_cure_passes(bad: Env, cure: Env) -> None:
    assert denied(DaemonSet(env={**bad, **cure}), DaemonSet(env=bad)) == []
    assert denied(DaemonSet(env={**bad, **cure}), DaemonSet(env=bad, release=BEFORE)) == []


def test_an_upgrade_gives_up_what_only_the_new_release_refuses() -> None:
    """Up to 1.16.3 the CNI clamps an MTU; from 1.16.4 on it exits."""
    old = DaemonSet(env={"AWS_VPC_ENI_MTU": "9100"}, release="1.16.3")
    assert denied(DaemonSet(env={"AWS_VPC_ENI_MTU": None}, release="1.16.4"), old) == []


@pytest.mark.parametrize("end", ["1.15.0", "1.15.5", "1.16.4"])
def test_an_upgrade_may_switch_off_what_the_releases_do_not_support(end: str) -> None:
    pair: Env = {"ENABLE_POD_ENI": "true", "ENABLE_IPv6": "true", "ENABLE_IPv4": "false"}
    old = DaemonSet(env=pair, release="1.15.0")
    for off in (None, "false"):
        assert denied(DaemonSet(env={**pair, "ENABLE_POD_ENI": off}, release=end), old) == []
    (message,) = (f.message for f in found(Example(old).change()) if f.rule == "VER-006")
    assert "Switch ENABLE_POD_ENI off" in message


def test_what_was_no_fault_is_missed_beside_a_cure() -> None:
    """Of two settings that contradict each other the one that won is a loss, unless it alone is given up."""
    conflict: Env = {"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}
    (message,) = denied(DaemonSet(), DaemonSet(env=conflict, release=BEFORE))
    assert "resets WARM_IP_TARGET" in message
    idle: Env = {"WARM_ENI_TARGET": "0", NET: "true"}
    (message,) = denied(DaemonSet(env={**idle, NET: "false"}), DaemonSet(env=idle, release=BEFORE))
    assert f"resets {NET}" in message
    for partly in ("10.0.0.0/8,", "10.0.0.0/8,2001:db8::/32", "10.0.0.1/8"):
        (message,) = denied(DaemonSet(), DaemonSet(env={EXCLUDE: partly}, release=BEFORE))
        assert f"resets {EXCLUDE}" in message


_TEXTS = ("true", "false", "0", "1", "2", "5", "1400", "1500", "10.0.0.0/8", '{"team": "net"}', "standard", "stderr")


def cures(finding: Finding, example: DaemonSet) -> Iterator[DaemonSet]:
    """What becomes of an object when a variable at fault, or one that the remedy names, gets another value."""
    holder = at(finding.change.object, *finding.problem.path[:5])
    entry = at(finding.change.object, *finding.problem.path[:7]) if finding.problem.path[5:6] == ("env",) else None
    here = str(at(entry, "name")) if isinstance(entry, dict) else ""
    role = str(at(holder, "name"))
    rests_on = [name.rpartition(" ")[2] for name, _ in finding.problem.evidence if name.startswith(f"{role} env ")]
    for name in dict.fromkeys(rests_on):
        row = by_name(role).get(name)
        is_at_fault = name == here and (finding.problem.certain or "emove it" in finding.problem.remedy)
        if name not in finding.problem.remedy and not is_at_fault:
            continue
        official = Container(role, container(DaemonSet().build(), role), ()).written(name)
        known = official if isinstance(official, str) else None
        for text in dict.fromkeys([None, known, row.default if row else None, *(_TEXTS if row else ())]):
            if role == "aws-node":
                yield replace(example, env={**example.env, name: text}, repeat=())
            else:
                yield replace(example, init_env={**example.init_env, name: text}, repeat=())


def faults(example: DaemonSet) -> Counter[tuple[str, str]]:
    """What the rules find in an object by itself."""
    return Counter((f.rule, f.level) for f in found(Example(example).change()))


FOUND = [
    pytest.param(example.now, finding, id=f"{rule.id}-{index}-{number}")
    for rule in CATALOGUE
    for index, example in enumerate(rule.bad)
    if isinstance(example.now, DaemonSet)
    for number, finding in enumerate(found(replace(example, before=None).change()))
    if finding.rule == rule.id and any(" env " in name for name, _ in finding.problem.evidence)
]


def test_most_rules_about_variables_can_be_cured_by_one() -> None:
    rules = {str(case.id)[:7] for case in FOUND if any(True for _ in cures(case.values[1], case.values[0]))}  # type: ignore[arg-type]
    assert {"IPT-001", "IPT-003", "IPT-004", "IPT-006", "PFX-001", "SNAT-00", "ENV-002", "ENV-003", "ENV-004"} <= rules
    assert {"ENV-001", "ENV-005", "ENV-008", "VER-006"} <= rules


@pytest.mark.parametrize(("bad", "finding"), FOUND)
def test_a_change_of_the_value_at_fault_that_removes_a_finding_is_not_denied(bad: DaemonSet, finding: Finding) -> None:
    had = faults(bad)
    for cured in cures(finding, bad):
        has = faults(cured)
        if has <= had and has[finding.rule, finding.level] < had[finding.rule, finding.level]:
            assert denied(cured, bad) == [], cured


@pytest.mark.parametrize(("bad", "finding"), FOUND)
def test_so_is_one_that_comes_with_the_next_upgrade(bad: DaemonSet, finding: Finding) -> None:
    version = Version.of(bad.release)
    following = KNOWN.last_patches.get((version.major, version.minor + 1), VERSIONS[-1])
    old = bad if str(following) != bad.release else replace(bad, release=BEFORE)
    up = str(following)
    had = faults(old)
    for cured in cures(finding, bad):
        whole = replace(cured, release=up)
        has = faults(whole)
        if (
            not has - had
            and has[finding.rule, finding.level] < faults(replace(bad, release=up))[finding.rule, finding.level]
        ):
            assert denied(whole, old) == [], whole
