"""ROLL-001, ROLL-002, ROLL-004 and ROLL-006: how a change reaches the nodes."""

from decimal import Decimal
from typing import Any

import pytest

from tests.changes import NOW, evaluated
from tests.rules.ask import levels
from webhook.catalogue.examples import DaemonSet, Example
from webhook.cni.identity import change_of
from webhook.cni.quantity import quantity
from webhook.facts import NOTHING_KNOWN, Fact, Facts, Node
from webhook.model import Finding, Verdict
from webhook.policy import BUILT_IN, Policy, Rollout

RESTART = {"kubectl.kubernetes.io/restartedAt": "2026-06-01T12:00:00Z"}


def judge(
    new: DaemonSet, old: DaemonSet | None = None, policy: Policy = BUILT_IN, facts: Facts = NOTHING_KNOWN
) -> Verdict:
    verdict = evaluated(Example(new, before=old).change(), policy, facts=facts)
    assert verdict.errors == ()
    return verdict


def said(rule: str, new: DaemonSet, old: DaemonSet | None = None, **basis: Any) -> list[Finding]:
    return [finding for finding in judge(new, old, **basis).findings if finding.rule == rule]


def nodes(count: int, compute: Any = "ec2") -> Facts:
    found = tuple(Node(name=f"ip-{number}", compute=compute) for number in range(count))
    return Facts(nodes=Fact(found, "file", NOW))


def rolling(**fields: int | str | bool) -> DaemonSet:
    return DaemonSet(spec={"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": fields}})


# --- ROLL-001 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, set()),
        ("1%", set()),
        ("25%", set()),
        ("26%", {"deny"}),
        ("100%", {"deny"}),
        (True, set()),
        ("x%", set()),
        ("9" * 5000 + "%", set()),
        (None, set()),
        ([], set()),
        ("50", set()),
    ],
)
def test_a_percentage_is_compared_with_that_of_the_policy(value: Any, expected: set[str]) -> None:
    assert levels(said("ROLL-001", rolling(maxUnavailable=value))) == expected


def test_the_policy_sets_the_share() -> None:
    strict = Policy(mode="enforce", rollout=Rollout(max_unavailable=5))
    (found,) = said("ROLL-001", rolling(maxUnavailable="10%"), policy=strict)
    assert found.level == "deny"
    assert "Set maxUnavailable to 5%" in found.message
    loose = Policy(mode="enforce", rollout=Rollout(max_unavailable=100))
    assert said("ROLL-001", rolling(maxUnavailable="100%"), policy=loose) == []


@pytest.mark.parametrize(
    ("value", "count", "expected"),
    [
        (1, 1, set()),
        (2, 4, {"deny"}),
        (2, 8, set()),
        (3, 8, {"deny"}),
        (25, 100, set()),
        (26, 100, {"deny"}),
        ("50%", 2, set()),
        ("50%", 3, {"deny"}),
        ("26%", 3, set()),
        ("100%", 1, set()),
        (5, 0, {"deny"}),
    ],
)
def test_the_number_of_nodes_decides_where_it_is_known(value: int | str, count: int, expected: set[str]) -> None:
    found = said("ROLL-001", rolling(maxUnavailable=value), facts=nodes(count))
    assert levels(found) == expected
    if expected:
        assert f"of {count} nodes" in found[0].message


def test_nodes_without_aws_node_do_not_count() -> None:
    assert levels(said("ROLL-001", rolling(maxUnavailable=2), facts=nodes(9, "fargate"))) == {"deny"}


def test_an_absolute_number_is_skipped_without_the_nodes_and_only_where_it_changes() -> None:
    verdict = judge(rolling(maxUnavailable=7))
    assert "ROLL-001" in {one.rule for one in verdict.skipped}
    assert "the nodes of the cluster" in next(one.reason for one in verdict.skipped if one.rule == "ROLL-001")
    again = judge(DaemonSet(spec=rolling(maxUnavailable=7).spec, annotations={"a": "b"}), rolling(maxUnavailable=7))
    assert "ROLL-001" not in {one.rule for one in again.skipped}


def test_a_strategy_that_stays_does_not_deny() -> None:
    wide = rolling(maxUnavailable="50%").spec
    found = said("ROLL-001", DaemonSet(spec=wide, env={"WARM_ENI_TARGET": "2"}), DaemonSet(spec=wide))
    assert levels(found) == {"warn"}


def test_a_rollback_and_a_repair_only_warn_whatever_the_policy() -> None:
    wide = rolling(maxUnavailable="100%").spec
    raised = Policy(mode="enforce", rules={"ROLL-001": "deny"})
    conflict = {"MINIMUM_IP_TARGET": "5"}
    assert levels(said("ROLL-001", DaemonSet(release="1.22.4", spec=wide), DaemonSet(), policy=raised)) == {"warn"}
    mended = DaemonSet(spec=wide, env={"MINIMUM_IP_TARGET": "6", "WARM_IP_TARGET": "2"})
    assert levels(said("ROLL-001", mended, DaemonSet(env=conflict), policy=raised)) == {"warn"}
    beside = DaemonSet(spec=wide, env={"WARM_ENI_TARGET": "2", **conflict})
    assert levels(said("ROLL-001", beside, DaemonSet(env=conflict), policy=raised)) == {"deny"}
    assert levels(said("ROLL-001", DaemonSet(spec=wide), DaemonSet(), policy=raised)) == {"deny"}
    half = rolling(maxUnavailable="50%")
    assert levels(said("ROLL-001", DaemonSet(spec=wide), half)) == {"deny"}


@pytest.mark.parametrize(("seconds", "warned"), [(9, True), (10, False), (30, False), (60, False), (61, True)])
def test_the_grace_period_has_bounds(seconds: int, *, warned: bool) -> None:
    assert bool(said("ROLL-001", DaemonSet(pod={"terminationGracePeriodSeconds": seconds}))) is warned


@pytest.mark.parametrize("surge", [1, "10%"])
def test_a_surge_and_on_delete_warn(surge: int | str) -> None:
    assert levels(said("ROLL-001", rolling(maxSurge=surge, maxUnavailable=0))) == {"warn"}
    assert said("ROLL-001", rolling(maxSurge=0, maxUnavailable=1)) == []
    assert levels(said("ROLL-001", DaemonSet(spec={"updateStrategy": {"type": "OnDelete"}}))) == {"warn"}


# --- ROLL-002 --------------------------------------------------------------------------------------------------------


def status(**counts: Any) -> DaemonSet:
    usual = {"desiredNumberScheduled": 9, "updatedNumberScheduled": 9, "observedGeneration": 4}
    metadata = {"name": "aws-node", "namespace": "kube-system", "generation": 4}
    return DaemonSet(status=usual | counts, metadata=metadata)


CHANGED = DaemonSet(env={"WARM_ENI_TARGET": "2"})


@pytest.mark.parametrize(
    ("counts", "warned"),
    [
        ({}, False),
        ({"updatedNumberScheduled": 8}, True),
        ({"updatedNumberScheduled": None}, True),
        ({"numberUnavailable": 1}, True),
        ({"numberUnavailable": 0}, False),
        ({"observedGeneration": 3}, True),
        ({"observedGeneration": "x"}, False),
        ({"desiredNumberScheduled": None, "numberUnavailable": 3}, False),
        ({"desiredNumberScheduled": 0, "updatedNumberScheduled": 0}, False),
    ],
)
def test_a_rollout_is_finished_when_every_node_runs_the_template(counts: dict[str, Any], *, warned: bool) -> None:
    assert levels(said("ROLL-002", CHANGED, status(**counts))) == ({"warn"} if warned else set())


def test_only_a_change_of_the_template_counts_and_no_repair() -> None:
    stuck = {"numberUnavailable": 3}
    assert said("ROLL-002", DaemonSet(annotations={"team": "net"}), status(**stuck)) == []
    assert said("ROLL-002", rolling(maxUnavailable=1), status(**stuck)) == []
    assert said("ROLL-002", DaemonSet(release="1.22.4"), status(**stuck)) == []
    broken = DaemonSet(env={"MINIMUM_IP_TARGET": "5"}, status=status(**stuck).status)
    assert said("ROLL-002", CHANGED, DaemonSet(status=broken.status))
    mended = DaemonSet(env={"MINIMUM_IP_TARGET": "6", "WARM_IP_TARGET": "2"})
    assert said("ROLL-002", mended, broken) == []


# --- ROLL-004 --------------------------------------------------------------------------------------------------------

PREFIXES = {"ENABLE_PREFIX_DELEGATION": "true"}
SNAT = {"AWS_VPC_K8S_CNI_EXTERNALSNAT": "true"}


@pytest.mark.parametrize(
    ("new", "old", "warned"),
    [
        (DaemonSet(env={**PREFIXES, **SNAT}), DaemonSet(), True),
        (DaemonSet(env=PREFIXES), DaemonSet(), False),
        (DaemonSet(env=SNAT), DaemonSet(env=PREFIXES), True),
        (DaemonSet(env=PREFIXES), DaemonSet(release="1.23.0"), True),
        (DaemonSet(env=PREFIXES), DaemonSet(release="1.22.4", env=PREFIXES), False),
        (DaemonSet(release="1.22.4", env=PREFIXES), DaemonSet(), False),
        (DaemonSet(env=PREFIXES, arguments=("--enable-network-policy=true",)), DaemonSet(), True),
        (DaemonSet(env={"ENABLE_PREFIX_DELEGATION": "0", "ENABLE_POD_ENI": "F"}), DaemonSet(), False),
        (DaemonSet(env={**PREFIXES, **SNAT}), None, False),
    ],
)
def test_two_changes_of_the_data_path_are_told(new: DaemonSet, old: DaemonSet | None, *, warned: bool) -> None:
    assert levels(said("ROLL-004", new, old)) == ({"warn"} if warned else set())


# --- ROLL-006 --------------------------------------------------------------------------------------------------------


def requests(where: str = "requests", **amounts: Any) -> DaemonSet:
    return DaemonSet(fields={"resources": {where: amounts}})


@pytest.mark.parametrize(
    ("old", "new", "grown"),
    [
        (requests(cpu="25m"), requests(cpu="26m"), True),
        (requests(cpu="25m"), requests(cpu=0.025), False),
        (requests(cpu="25m"), requests(cpu=1), True),
        (requests(), requests(memory="1"), True),
        (requests(memory="1Gi"), requests(memory="1024Mi"), False),
        (requests(memory="1000Mi"), requests(memory="1e9"), False),
        (requests(memory="128Mi"), requests(), False),
        (requests("limits", memory="64Mi"), requests(memory="64Mi"), False),
        (requests(), requests("limits", memory="64Mi"), True),
        (requests(memory="junk"), requests(memory="junk2"), False),
    ],
)
def test_what_a_node_must_have_free_is_compared(old: DaemonSet, new: DaemonSet, *, grown: bool) -> None:
    assert levels(said("ROLL-006", new, old)) == ({"warn"} if grown else set())


def test_without_a_rolling_update_nothing_is_taken_from_a_node() -> None:
    strategy = {"updateStrategy": {"type": "OnDelete"}}
    more = DaemonSet(fields=requests(cpu="1").fields, spec=strategy)
    assert said("ROLL-006", more, DaemonSet(spec=strategy)) == []
    surge = rolling(maxSurge=1, maxUnavailable=0).spec
    assert said("ROLL-006", DaemonSet(fields=more.fields, spec=surge), DaemonSet(spec=surge)) == []


def test_an_old_release_cannot_even_delete_the_evicted_pod() -> None:
    for release, stuck in (("1.12.6", True), ("1.13.4", False)):
        old = DaemonSet(release=release)
        (found,) = said("ROLL-006", DaemonSet(release=release, fields=requests(cpu="1").fields), old)
        assert ("cannot be deleted" in found.message) is stuck


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("25m", "0.025"),
        ("1", "1"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        (".5", "0.5"),
        (2, "2"),
        (0.5, "0.5"),
        ("1E", "1000000000000000000"),
        ("1Ei", "1152921504606846976"),
        ("-1", "-1"),
        ("", None),
        ("m", None),
        ("1 ", None),
        ("1mi", None),
        (True, None),
        (None, None),
        ("9" * 5000, None),
        (float("inf"), None),
        (10**400, None),
        ("1K", None),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: Any, read: str | None) -> None:
    assert quantity(text) == (None if read is None else Decimal(read))


def test_a_restart_is_never_denied_by_a_rollout_rule() -> None:
    for example in (status(numberUnavailable=3), rolling(maxUnavailable="100%"), requests(cpu="4")):
        change = Example(example, before=example).change()
        whole = change.object
        template = {**whole["spec"]["template"], "metadata": {"annotations": RESTART}}
        restarted = {**whole, "spec": {**whole["spec"], "template": template}}
        verdict = evaluated(change_of("DaemonSet", restarted, whole, "UPDATE"))
        assert not verdict.denials
