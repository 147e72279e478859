"""VER-003 and VER-005: how old a release may be, and what a step down in version breaks."""

from itertools import pairwise
from typing import Any

import pytest

from tests.changes import NOW, evaluated
from tests.rules.ask import levels, said
from webhook.catalogue.examples import DIGEST, DaemonSet, Example
from webhook.cni.downgrades import HAZARDS
from webhook.cni.floors import FLOORS, floor_for
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version
from webhook.facts import Fact, Facts
from webhook.model import ADDON_MANAGER, Finding, User
from webhook.policy import BUILT_IN, Cluster, Policy, Versions

V = Version.of


def on(kubernetes: str, **versions: Any) -> Policy:
    return Policy(mode="enforce", cluster=Cluster(kubernetes=kubernetes), versions=Versions(**versions))


@pytest.mark.parametrize(("kubernetes", "floor"), [(key, floor) for key, floor in FLOORS.items()])
def test_each_kubernetes_version_has_its_floor(kubernetes: tuple[int, int], floor: Version) -> None:
    policy = on(f"{kubernetes[0]}.{kubernetes[1]}")
    for release in (one for one in VERSIONS if one >= V("1.12.0")):
        expected = {"deny"} if release < floor else set()
        assert levels(said("VER-003", stock(release), policy=policy)) == expected, release


def test_a_kubernetes_version_beyond_the_table_only_warns() -> None:
    assert levels(said("VER-003", stock("1.16.4"), policy=on("1.34"))) == {"warn"}
    assert said("VER-003", stock("1.17.1"), policy=on("1.34")) == []
    assert levels(said("VER-003", stock("1.18.6"), policy=on("1.34", floors={"1.34": "1.19.4"}))) == {"deny"}
    assert levels(said("VER-003", stock("1.18.6"), policy=on("1.35", floors={"1.34": "1.19.4"}))) == {"warn"}


def test_the_policy_moves_a_floor_both_ways() -> None:
    assert levels(said("VER-003", stock("1.18.6"), policy=on("1.33", floors={"1.33": "1.19.4"}))) == {"deny"}
    assert said("VER-003", stock("1.16.4"), policy=on("1.33", floors={"1.33": "1.16.0"})) == []
    assert floor_for((1, 27), {}) is None
    assert floor_for((1, 27), {"1.26": "1.12.0"}) == (V("1.12.0"), True)


def test_the_higher_of_two_floors_counts_and_is_named() -> None:
    (found,) = said("VER-003", stock("1.18.6"), policy=on("1.33", floor="1.19.6"))
    assert "minimum 1.19.6 of the policy" in found.message
    (found,) = said("VER-003", stock("1.16.4"), policy=on("1.33", floor="1.13.4"))
    assert "minimum 1.17.1 for Kubernetes 1.33" in found.message


def test_the_server_wins_over_the_policy_and_without_both_only_the_absolute_floor_counts() -> None:
    change = Example(DaemonSet(release="1.16.4")).change()
    facts = Facts(kubernetes=Fact((1, 33), "cluster", NOW))
    assert "VER-003" in {f.rule for f in evaluated(change, on("1.30"), facts=facts).findings}
    assert "VER-003" not in {f.rule for f in evaluated(change, on("1.30")).findings}
    quiet = evaluated(change)
    assert "VER-003" not in {f.rule for f in quiet.findings} | {one.rule for one in quiet.skipped}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1.15.5", "1.16.4", {"warn"}),
        ("1.17.1", "1.16.4", {"warn"}),
        ("1.16.4", "1.16.4", set()),
        ("1.16.4", "1.17.1", set()),
        ("1.16.2", "1.16.4", {"warn"}),
    ],
)
def test_a_step_only_warns_and_no_policy_raises_it(old: str, new: str, expected: set[str]) -> None:
    policy = Policy(mode="enforce", cluster=Cluster(kubernetes="1.33"), rules={"VER-003": "deny"})
    assert levels(said("VER-003", stock(new), stock(old), policy=policy)) == expected


def test_a_release_that_does_not_run_at_all_is_left_to_ver_002() -> None:
    assert said("VER-003", stock("1.11.5"), policy=on("1.33")) == []
    assert levels(said("VER-002", stock("1.11.5"), policy=on("1.33"))) == {"deny"}
    assert levels(said("VER-003", stock("1.11.5"), policy=on("1.33", floor="1.13.4"))) == {"deny"}


def test_the_remedy_of_a_floor_is_a_release_that_may_run() -> None:
    for kubernetes in range(28, 34):
        (found,) = said("VER-003", stock("1.12.6"), policy=on(f"1.{kubernetes}"))
        target = found.problem.remedy.rpartition(" ")[2]
        assert not [f for f in said("VER-002", stock(target)) if f.level == "deny"], target
        assert said("VER-003", stock(target), policy=on(f"1.{kubernetes}")) == []


# --- steps down ------------------------------------------------------------------------------------------------------

MULTI = {"ENABLE_MULTI_NIC": "true"}
PREFIXES = {"ENABLE_PREFIX_DELEGATION": "true"}
IPV6 = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true", **PREFIXES}
AGENT = ("--enable-network-policy=true",)


def step(old: DaemonSet, new: DaemonSet, policy: Policy = BUILT_IN, user: User | None = None) -> list[Finding]:
    verdict = evaluated(Example(new, before=old, user=user).change(), policy)
    assert verdict.errors == ()
    return [finding for finding in verdict.findings if finding.rule == "VER-005"]


@pytest.mark.parametrize(
    ("old", "env", "new", "expected"),
    [
        ("1.12.1", {}, "1.12.0", {"deny"}),
        ("1.12.6", {}, "1.12.1", set()),
        ("1.12.6", {}, "1.11.5", {"warn"}),
        ("1.12.6", {}, "1.11.4", {"deny"}),
        ("1.23.1", {}, "1.9.3", {"deny"}),
        ("1.12.0", {}, "1.11.4", {"warn"}),
        ("1.20.0", MULTI, "1.19.6", {"deny"}),
        ("1.20.5", MULTI, "1.20.0", set()),
        ("1.20.5", {"ENABLE_MULTI_NIC": "false"}, "1.19.6", {"warn"}),
        ("1.23.1", {}, "1.23.0", set()),
        ("1.22.4", {}, "1.23.1", set()),
        ("1.23.1", {}, "1.23.1", set()),
        ("1.11.5", IPV6, "1.10.0", {"deny"}),
        ("1.11.5", IPV6, "1.10.1", {"warn"}),
    ],
)
def test_each_hazard_has_its_boundary(old: str, env: dict[str, str], new: str, expected: set[str]) -> None:
    assert levels(step(DaemonSet(release=old, env=env), DaemonSet(release=new))) == expected


@pytest.mark.parametrize("new", ["1.13.4", "1.14.0"])
def test_network_policy_needs_an_agent(new: str) -> None:
    before = DaemonSet(release="1.18.6", arguments=AGENT)
    assert levels(step(before, DaemonSet(release=new))) == ({"deny"} if new < "1.14" else {"warn"})
    assert levels(step(DaemonSet(release="1.18.6"), DaemonSet(release=new))) == {"warn"}


def test_what_the_old_object_had_counts_and_not_the_new_one() -> None:
    on_before = DaemonSet(release="1.20.5", env=MULTI)
    assert levels(step(on_before, DaemonSet(release="1.19.6", env={"ENABLE_MULTI_NIC": None}))) == {"deny"}


def test_an_unknown_feature_is_not_denied() -> None:
    unknown = {"ENABLE_MULTI_NIC": {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "x"}}}}
    assert levels(step(DaemonSet(release="1.20.5", env=unknown), DaemonSet(release="1.19.6"))) == {"warn"}
    assert levels(step(DaemonSet(release="1.20.5", env=unknown), DaemonSet(release="1.11.4"))) == {"deny"}


def test_a_claim_beside_one_digest_is_not_a_downgrade() -> None:
    before, after = (
        DaemonSet(
            images={"aws-node": f"602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni@{DIGEST}"},
            annotations={"cni-guard.dev/cni-version": release},
        )
        for release in ("1.23.1", "1.11.4")
    )
    assert step(before, after) == []


def test_the_addon_manager_is_only_warned() -> None:
    found = step(DaemonSet(release="1.12.6"), DaemonSet(release="1.11.4"), user=User(ADDON_MANAGER))
    assert levels(found) == {"warn"}


def test_every_hazard_is_about_a_release_that_exists() -> None:
    for hazard in HAZARDS:
        assert hazard.first in VERSIONS
        assert all(one in VERSIONS and one < hazard.first for one in hazard.also)


def test_from_each_release_the_one_before_is_only_a_warning_but_for_the_hazards() -> None:
    releases = [one for one in VERSIONS if one >= FIRST_WITH_MANIFEST]
    for older, newer in pairwise(releases):
        found = step(DaemonSet(release=str(newer)), DaemonSet(release=str(older)))
        deployed = [
            V(one["image"].rpartition(":v")[2])
            for one in (
                stock(older)["spec"]["template"]["spec"]["containers"][0],
                stock(newer)["spec"]["template"]["spec"]["containers"][0],
            )
        ]
        crossed = deployed[0] < V("1.12.1") <= deployed[1] and deployed[0] != V("1.11.5")
        assert ("deny" in levels(found)) == crossed, (older, newer)
