"""How the levels are put on: by what the change brings, by the policy, by who asks."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.changes import NOW, evaluated
from webhook.budget import OverBudgetError, Spend
from webhook.catalogue import Catalogue
from webhook.catalogue.examples import DaemonSet, Example, container, env
from webhook.catalogue.rule import AwsNodeCase, Rule, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.engine.evaluation import Basis, Evaluation
from webhook.engine.levels import ACKNOWLEDGE
from webhook.facts import NOTHING_KNOWN
from webhook.model import ADDON_MANAGER, Problem, User, Verdict
from webhook.policy import BUILT_IN, Blocked, Cluster, ExtraVariable, Images, Policy, PolicyException, Versions
from webhook.rules import CATALOGUE


def judged(example: Example, policy: Policy = BUILT_IN) -> Verdict:
    return evaluated(example.change(), policy)


def levels(verdict: Verdict) -> dict[str, str]:
    """The gravest level of each rule."""
    return {f.rule: f.level for f in sorted(verdict.findings, key=lambda finding: finding.level == "deny")}


CONFLICT = {"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5", "MINIMUM_IP_TARGET": "5"}
NO_TARGET = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "0"}


def test_a_problem_that_was_there_before_only_warns() -> None:
    restart = Example(DaemonSet(env=CONFLICT, annotations={"a": "b"}), before=DaemonSet(env=CONFLICT))
    verdict = judged(restart)
    assert levels(verdict) == {"IPT-004": "warn"}
    assert not verdict.findings[0].introduced


@pytest.mark.parametrize("touched", ["WARM_ENI_TARGET", "WARM_IP_TARGET"])
def test_touching_it_means_mending_it(touched: str) -> None:
    changed = Example(DaemonSet(env=CONFLICT | {touched: "7"}), before=DaemonSet(env=CONFLICT))
    assert levels(judged(changed)) == {"IPT-004": "deny"}


def test_evidence_does_not_depend_on_the_order_of_entries() -> None:
    reordered = dict(reversed(CONFLICT.items()))
    assert levels(judged(Example(DaemonSet(env=reordered), before=DaemonSet(env=CONFLICT)))) == {"IPT-004": "warn"}


def test_even_a_certain_crash_that_was_there_before_only_warns() -> None:
    same = Example(DaemonSet(env=NO_TARGET, annotations={"a": "b"}), before=DaemonSet(env=NO_TARGET))
    assert levels(judged(same)) == {"PFX-001": "warn"}


def test_a_change_is_refused_for_what_it_brings_and_not_for_what_it_leaves() -> None:
    change = Example(DaemonSet(env=CONFLICT | {"MAX_ENI": "0"}), before=DaemonSet(env=CONFLICT))
    assert levels(judged(change)) == {"IPT-004": "warn", "ENV-002": "deny"}


def test_a_step_into_the_same_fault_is_judged_and_a_step_out_passes() -> None:
    worse = judged(Example(DaemonSet(release="1.22.2"), before=DaemonSet(release="1.22.1")))
    assert any(f.rule == "VER-002" and f.level == "deny" for f in worse.findings)
    assert not judged(Example(DaemonSet(release="1.22.4"), before=DaemonSet(release="1.22.1"))).denials


@pytest.mark.parametrize(("cap", "level"), [("warn", "warn"), ("deny", "deny")])
def test_the_policy_caps_a_rule(cap: Any, level: str) -> None:
    assert levels(judged(Example(DaemonSet(env=CONFLICT)), Policy(mode="enforce", rules={"IPT-004": cap}))) == {
        "IPT-004": level
    }


def test_the_policy_raises_a_warning_and_silences_a_rule() -> None:
    switch = Example(DaemonSet(env={"AWS_VPC_K8S_CNI_EXTERNALSNAT": "true"}), before=DaemonSet())
    assert levels(judged(switch)) == {"SNAT-001": "warn"}
    assert levels(judged(switch, Policy(mode="enforce", rules={"SNAT-001": "deny"}))) == {"SNAT-001": "deny"}
    assert levels(judged(switch, Policy(mode="enforce", rules={"SNAT-001": "off"}))) == {}


@pytest.mark.parametrize("rule_id", ["ROLL-003", "VER-002", "ENV-001"])
def test_a_policy_closes_no_way_back(rule_id: str) -> None:
    """A rule that denies leaves ways back open by warning: a policy that raises its warnings does not close them."""
    strict = Policy(mode="enforce", rules={rule_id: "deny"})
    rollback = Example(DaemonSet(release="1.22.1"), before=DaemonSet(release="1.22.4", env={"MAX_ENI": "3"}))
    copied = Example(DaemonSet(env={"MAX_ENI": "3"}, init_env={"MAX_ENI": "3"}), before=DaemonSet())
    for example in (rollback, copied):
        assert not judged(example, strict).denials


def test_a_policy_raises_the_warnings_of_a_rule_that_can_deny_too() -> None:
    policy = Policy(mode="enforce", rules={"IPT-003": "deny"})
    assert levels(judged(env(WARM_ENI_TARGET="0"))) == {"IPT-003": "warn"}
    assert levels(judged(env(WARM_ENI_TARGET="0"), policy)) == {"IPT-003": "deny"}


BLOCKED = ["1.22.4", "1.23.0", "1.23.1"]


@pytest.mark.parametrize("release", ["1.20.5", "1.22.4", "1.23.1", "1.99.0", "1.22.9", "1.16.3"])
@pytest.mark.parametrize("before", [None, "1.21.2", "1.23.1", "1.15.5"])
def test_no_message_sends_anyone_to_a_blocked_release(release: str, before: str | None) -> None:
    versions = Versions(blocked=tuple(Blocked(release=one, reason="our tests", use=one) for one in BLOCKED))
    images = {"aws-node": f"602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v{release}"}
    old = DaemonSet(release=before) if before else None
    verdict = judged(Example(DaemonSet(images=images), before=old), Policy(mode="enforce", versions=versions))
    sent = [finding.problem.remedy for finding in verdict.findings if finding.rule in {"VER-002", "VER-009"}]
    assert sent or release == "1.20.5"
    assert not [remedy for remedy in sent if any(f"CNI {one}" in remedy or f"to {one}" in remedy for one in BLOCKED)]


@pytest.mark.parametrize("cap", ["warn", "off"])
def test_what_is_certain_is_never_lowered(cap: Any) -> None:
    policy = Policy(
        mode="enforce",
        rules={"PFX-001": cap},
        acknowledge=("PFX-001",),
        exceptions=(exception_for("PFX-001"),),
    )
    example = Example(DaemonSet(env=NO_TARGET, annotations={ACKNOWLEDGE: "PFX-001"}))
    assert levels(judged(example, policy)) == {"PFX-001": "deny"}


def test_mode_observe_only_warns_and_remembers_what_it_would_have_refused() -> None:
    verdict = judged(
        Example(DaemonSet(env=CONFLICT | NO_TARGET | {"WARM_IP_TARGET": None, "MINIMUM_IP_TARGET": None})),
        Policy(mode="observe"),
    )
    assert verdict.denials == ()
    assert {(f.rule, f.level, f.enforced) for f in verdict.findings} >= {("PFX-001", "warn", "deny")}


def exception_for(rule_id: str, resource: str = "DaemonSet kube-system/aws-node", days: int = 0) -> PolicyException:
    return PolicyException(
        rule=rule_id, resource=resource, owner="net", reason="migration", until=(NOW + timedelta(days=days)).date()
    )


@pytest.mark.parametrize(
    ("exception", "level"),
    [
        (exception_for("IPT-004"), "warn"),
        (exception_for("IPT-004", days=-1), "deny"),
        (exception_for("IPT-001"), "deny"),
        (exception_for("IPT-004", resource="DaemonSet kube-system/other"), "deny"),
    ],
)
def test_an_exception_counts_for_its_rule_its_object_and_until_its_day(exception: PolicyException, level: str) -> None:
    verdict = judged(Example(DaemonSet(env=CONFLICT)), Policy(mode="enforce", exceptions=(exception,)))
    assert levels(verdict) == {"IPT-004": level}
    assert (level == "warn") == ("excepted until 2026-06-01 by net: migration" in verdict.findings[0].message)


RESET = DaemonSet(release="1.22.4", env={"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"})


@pytest.mark.parametrize(
    ("before", "now", "level"),
    [
        ({}, {ACKNOWLEDGE: "ROLL-003 back to the defaults"}, "warn"),
        ({ACKNOWLEDGE: "ROLL-003 back to the defaults"}, {ACKNOWLEDGE: "ROLL-003 back to the defaults"}, "deny"),
        ({ACKNOWLEDGE: "ROLL-003 an older one"}, {ACKNOWLEDGE: "ROLL-003 back to the defaults"}, "warn"),
        ({}, {ACKNOWLEDGE: "IPT-004"}, "deny"),
        ({}, {}, "deny"),
    ],
)
def test_an_acknowledgement_counts_only_in_the_change_that_brings_it(
    before: dict[str, str], now: dict[str, str], level: str
) -> None:
    old = DaemonSet(release=RESET.release, env=RESET.env, annotations=before)
    verdict = judged(Example(DaemonSet(annotations=now), before=old))
    assert levels(verdict)["ROLL-003"] == level


NOT_NEW = "The acknowledgement does not count: this request does not change it. Write a new reason"
NOT_LISTED = "The acknowledgement does not count: the policy does not list ROLL-003 under acknowledge"


@pytest.mark.parametrize(
    ("before", "now", "listed", "why"),
    [
        ("ROLL-003 meant", "ROLL-003 meant", None, NOT_NEW),
        ("ROLL-003 meant", "ROLL-003 meant\nIPT-004 other", ("ROLL-003",), NOT_NEW),
        ("", "ROLL-003 meant", ("IPT-004",), NOT_LISTED),
        ("ROLL-003 meant", "ROLL-003 meant", (), NOT_LISTED),
        ("ROLL-003 meant", "", None, ""),
        ("", "IPT-004 other", None, ""),
        ("", "", (), ""),
    ],
)
def test_a_denial_says_why_an_acknowledgement_does_not_count(
    before: str, now: str, listed: tuple[str, ...] | None, why: str
) -> None:
    old = DaemonSet(release=RESET.release, env=RESET.env, annotations={ACKNOWLEDGE: before})
    policy = Policy(mode="enforce", acknowledge=listed)
    verdict = judged(Example(DaemonSet(annotations={ACKNOWLEDGE: now}), before=old), policy)
    (found,) = [one for one in verdict.findings if one.rule == "ROLL-003"]
    assert found.level == "deny"
    assert why in found.message
    assert ("does not count" in found.message) == bool(why)
    # A way that is not open is not named.
    assert ("or acknowledge it" in found.message) == (listed is None or "ROLL-003" in listed)


def test_only_rules_that_the_policy_lists_can_be_acknowledged() -> None:
    example = Example(DaemonSet(env=CONFLICT, annotations={ACKNOWLEDGE: "IPT-004 a test\nROLL-003 a test"}))
    assert levels(judged(example)) == {"IPT-004": "deny"}
    assert levels(judged(example, Policy(mode="enforce", acknowledge=("IPT-004",)))) == {"IPT-004": "warn"}


@pytest.mark.parametrize(
    ("before", "now", "level"),
    [
        ("", "IPT-004 a test", "warn"),
        ("", "IPT-004: a test", "warn"),
        ("", "ROLL-003 another\nIPT-004 a test", "warn"),
        ("", "ROLL-003 IPT-004 a test", "deny"),
        ("", "not IPT-004 of course", "deny"),
        ("", "IPT-004", "deny"),
        ("", "IPT-004 ", "deny"),
        ("", "IPT-004 :", "deny"),
        ("", "IPT-004::", "deny"),
        ("", "IPT-004 -", "deny"),
        ("", "IPT-0045 a test", "deny"),
        ("", "ipt-004 a test", "deny"),
        ("IPT-004 a test", "IPT-004 a test\nROLL-003 another", "deny"),
        ("IPT-004 a test", "IPT-004 another test", "warn"),
    ],
)
def test_an_acknowledgement_is_a_rule_and_a_reason_at_the_start_of_a_line(before: str, now: str, level: str) -> None:
    old = DaemonSet(annotations={ACKNOWLEDGE: before})
    verdict = judged(
        Example(DaemonSet(env=CONFLICT, annotations={ACKNOWLEDGE: now}), before=old),
        Policy(mode="enforce", acknowledge=("IPT-004",)),
    )
    assert levels(verdict) == {"IPT-004": level}


EKS = User(ADDON_MANAGER)


@pytest.mark.parametrize(
    ("example", "rule_id", "level"),
    [
        (Example(DaemonSet(env=CONFLICT), user=EKS), "IPT-004", "warn"),
        (Example(DaemonSet(env=NO_TARGET), user=EKS), "PFX-001", "deny"),
        (Example(DaemonSet(release="1.22.1"), user=EKS), "VER-002", "deny"),
        (Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.20.5"), user=EKS), "VER-004", "warn"),
        (Example(None, before=DaemonSet(), user=EKS), "DEL-001", "warn"),
    ],
)
def test_the_manager_of_the_add_on_is_refused_only_certain_crashes_and_blocked_releases(
    example: Example, rule_id: str, level: str
) -> None:
    found = [f.level for f in judged(example).findings if f.rule == rule_id]
    assert level in found
    assert level == "deny" or "deny" not in found


def test_the_policy_blocks_a_release_and_knows_digests_mirrors_and_variables() -> None:
    digest = "sha256:" + "ab" * 32
    policy = Policy(
        mode="enforce",
        versions=Versions(blocked=(Blocked(release="1.23.1", reason="our load tests"),), digests={digest: "1.23.1"}),
        images=Images(registries=("registry.example.com/mirror",)),
        environment=(ExtraVariable(name="OURS"),),
    )
    images = {
        name: f"registry.example.com/mirror/{repository}"
        for name, repository in (
            ("aws-node", f"amazon-k8s-cni@{digest}"),
            ("aws-vpc-cni-init", "amazon-k8s-cni-init:v1.23.1"),
            ("aws-eks-nodeagent", "amazon/aws-network-policy-agent:v1.4.2"),
        )
    }
    verdict = judged(Example(DaemonSet(images=images, env={"OURS": "1"})), policy)
    assert levels(verdict) == {"VER-002": "deny"}
    assert "our load tests" in verdict.denials[0]
    other = judged(
        Example(DaemonSet(images=images | {"aws-node": f"registry.example.com/mirrored/amazon-k8s-cni@{digest}"})),
        policy,
    )
    assert levels(other)["IMG-003"] == "deny"


@pytest.mark.parametrize(("kubernetes", "denied"), [("1.25", False), ("1.26", True), ("1.33", True)])
def test_a_release_that_a_kubernetes_version_rules_out(kubernetes: str, denied: bool) -> None:
    verdict = judged(
        Example(DaemonSet(release="1.11.5")), Policy(mode="enforce", cluster=Cluster(kubernetes=kubernetes))
    )
    assert ("CRI" in "".join(verdict.denials)) == denied
    assert verdict.skipped == ()


def test_a_value_that_nobody_can_know_is_skipped_and_shown() -> None:
    unknown = {"MINIMUM_IP_TARGET": {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "minimum"}}}}
    verdict = judged(Example(DaemonSet(env=unknown)))
    assert {skipped.rule for skipped in verdict.skipped} >= {"IPT-001"}
    assert "MINIMUM_IP_TARGET comes from valueFrom (configMapKeyRef)" in verdict.skipped[0].reason
    assert levels(verdict) == {"ENV-006": "warn"}


# --- what the past excuses -------------------------------------------------------------------------------------------

REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"


def at_tag(tag: str, **differences: Any) -> DaemonSet:
    """The manifest of the newest release under another tag."""
    images = {
        "aws-node": f"{REGISTRY}/amazon-k8s-cni:{tag}",
        "aws-vpc-cni-init": f"{REGISTRY}/amazon-k8s-cni-init:{tag}",
    }
    return DaemonSet(images=images, **differences)


TABLE_RULES = [
    pytest.param(rule, example.now, id=f"{rule.id}-{index}")
    for rule in CATALOGUE
    if rule.rests_on_releases
    for index, example in enumerate(rule.bad)
    if isinstance(example.now, DaemonSet)
    and example.before is None
    and example.now.release == "1.23.1"
    and not {"aws-node", "aws-vpc-cni-init"} & example.now.images.keys()
]


@pytest.mark.parametrize(("table_rule", "now"), TABLE_RULES)
def test_an_unknown_release_launders_nothing(table_rule: Rule, now: DaemonSet) -> None:
    """What is only a warning because the tables do not know the release is no excuse once it is known."""
    fields = {name: getattr(now, name) for name in DaemonSet.__dataclass_fields__ if name not in {"images", "release"}}
    direct = judged(Example(now))
    hidden = judged(Example(at_tag("v1.99.0", **fields)))
    back = judged(Example(now, before=at_tag("v1.99.0", **fields)))
    assert "deny" not in {f.level for f in hidden.findings if f.rule == table_rule.id}
    for finding in direct.findings:
        if finding.rule != table_rule.id or finding.level != "deny":
            continue
        (again,) = [f for f in back.findings if f.rule == finding.rule and f.problem.wrong == finding.problem.wrong]
        # A step down from an unknown release looks like a rollback: what is not certain only warns.
        untouched = finding.problem.evidence in {f.problem.evidence for f in hidden.findings if f.rule == finding.rule}
        kept = finding.problem.certain or not untouched
        assert again.level == ("deny" if kept else "warn")
    restart = judged(Example(replace(now, annotations={"a": "b"}), before=now))
    assert "deny" not in {f.level for f in restart.findings}


def test_an_object_that_was_not_guarded_excuses_nothing() -> None:
    stranger = DaemonSet(env=CONFLICT | {"WARM_IP_TARGETS": "5"}).build()
    stranger["metadata"] |= {"name": "other", "namespace": "default"}
    spec = stranger["spec"]["template"]["spec"]
    del spec["serviceAccountName"]
    ours = deepcopy(stranger)
    for kind in ("containers", "initContainers"):
        for one in spec[kind]:
            one["image"] = "registry.example.com/other:1"
    assert {"IPT-004", "ENV-001"} <= denied(ours, stranger)
    assert denied(ours, ours) == set()


# --- limits ----------------------------------------------------------------------------------------------------------


def flooded(count: int, **settings: str) -> DaemonSet:
    return DaemonSet(env={f"NAME_{number}": "" for number in range(count)} | settings)


@pytest.mark.parametrize(
    ("before", "now", "level"),
    [(None, 300, "deny"), (10, 300, "deny"), (300, 301, "deny"), (300, 300, "warn"), (301, 300, "warn")],
)
def test_a_list_over_its_limit_is_denied_unless_it_was_as_long_before(before: int | None, now: int, level: str) -> None:
    old = None if before is None else flooded(before)
    verdict = judged(Example(flooded(now), before=old))
    assert levels(verdict) == {"POD-013": level}
    assert all("is too long to be read" in skipped.reason for skipped in verdict.skipped)


def test_a_list_that_is_not_read_hides_nothing_silently() -> None:
    """Whatever stands in it, the rules that would need it say so, and no default is added to it."""
    verdict = judged(Example(flooded(300, MINIMUM_IP_TARGET="5", ENABLE_PREFIX_DELEGATION="true")))
    assert {"IPT-001", "PFX-001", "ENV-008"} <= {skipped.rule for skipped in verdict.skipped}
    assert not [edit for finding in verdict.findings for edit in finding.problem.fixes]


ABOUT_VARIABLES = [
    pytest.param(one, example, id=f"{one.id}-{index}")
    for one in CATALOGUE
    for index, example in enumerate(one.bad)
    if any(
        finding.rule == one.id and " env " in name
        for finding in judged(example).findings
        for name, _ in finding.problem.evidence
    )
]


@pytest.mark.parametrize(("one", "example"), ABOUT_VARIABLES)
def test_what_a_rule_says_of_variables_is_never_silently_lost(one: Rule, example: Example) -> None:
    """Each rule that speaks of a variable says that it could not look, where the lists are too long to be read."""
    change = example.change()
    for kind in ("initContainers", "containers"):
        for holder in change.object["spec"]["template"]["spec"][kind]:
            holder["env"] = [*(holder.get("env") or ()), *({"name": f"MORE_{n}", "value": "x"} for n in range(300))]
    verdict = evaluated(change)
    assert one.id in {skipped.rule for skipped in verdict.skipped} | {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize("name", ["containers", "initContainers", "volumes"])
def test_lists_of_the_pod_have_limits_too(name: str) -> None:
    daemonset = stock()
    listed = daemonset["spec"]["template"]["spec"][name]
    listed += [{"name": f"more-{number}"} for number in range(101)]
    assert "POD-013" in denied(daemonset)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true"),
        ("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "0.0.0.0/0"),
        ("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "10.1.2.3/0"),
        ("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "128.0.0.0/1, 0.0.0.0/1"),
    ],
)
def test_a_switch_of_snat_names_the_setting_that_did_it(name: str, value: str) -> None:
    verdict = judged(Example(DaemonSet(env={name: value}), before=DaemonSet()))
    assert [f.problem.wrong for f in verdict.findings if f.rule == "SNAT-001"] == [
        f"SNAT by the CNI goes on → off ({name}={value})"
    ]


# --- what a release is told ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "way_out"),
    [
        (None, "1.16.3", "Use CNI 1.16.4"),
        ("1.15.5", "1.16.3", "Upgrading is right: go to CNI 1.16.4 instead"),
        ("1.18.6", "1.16.3", "Use CNI 1.16.4"),
        ("1.21.2", "1.22.1", "Upgrading is right: go to CNI 1.22.4 instead"),
        (None, "1.19.6", "Go on to CNI 1.20.5, and step by step to 1.22.4"),
        ("1.18.6", "1.19.6", "Go on to CNI 1.20.5, and step by step to 1.22.4"),
        ("1.18.6", "1.19.2", "Upgrading is right: go to CNI 1.19.6 instead"),
        ("1.20.1", "1.22.1", "Upgrading is right: go to CNI 1.21.2 first, and step by step to 1.22.4"),
    ],
)
def test_the_way_out_of_a_release_is_a_step_that_is_accepted(before: str | None, now: str, way_out: str) -> None:
    old = None if before is None else DaemonSet(release=before)
    verdict = judged(Example(DaemonSet(release=now), before=old))
    remedies = {finding.problem.remedy for finding in verdict.findings if finding.rule == "VER-002"}
    assert remedies == {way_out}
    (step,) = re.findall(r"(?:Use|[Gg]o (?:on )?to) CNI ([0-9.]+[0-9])", way_out)
    stored = now if "Go on" in way_out or before is None else before
    followed = judged(Example(DaemonSet(release=step), before=DaemonSet(release=stored)))
    assert followed.denials == ()


@pytest.mark.parametrize(
    ("before", "use", "way_out"),
    [
        ("1.22.4", "1.23.0", "Use CNI 1.23.0"),
        ("1.22.4", "1.22.4", "Use CNI 1.22.4"),
        ("1.20.5", "1.22.4", "Upgrading is right: go to CNI 1.21.2 first, and step by step to 1.22.4"),
    ],
)
def test_the_way_out_of_a_blocked_release_is_the_one_that_the_policy_names(before: str, use: str, way_out: str) -> None:
    versions = Versions(blocked=(Blocked(release="1.23.1", reason="our load tests", use=use),))
    verdict = judged(Example(DaemonSet(), before=DaemonSet(release=before)), Policy(mode="enforce", versions=versions))
    assert {one.problem.remedy for one in verdict.findings if one.rule == "VER-002"} == {way_out}


NAMED = re.compile(r"(?:[Uu]se|[Gg]o (?:on )?to) CNI ([0-9.]+[0-9])")
ABOUT_RELEASES = Catalogue([one for one in CATALOGUE if one.id in {"VER-002", "VER-004", "VER-009"}])


def about_release(now: str, before: str, policy: Policy) -> Verdict:
    """The verdict on an upgrade by the rules about releases."""

    def at_release(release: str) -> DaemonSet:
        return DaemonSet(images={"aws-node": f"{REGISTRY}/amazon-k8s-cni:v{release}"})

    return evaluated(Example(at_release(now), before=at_release(before)).change(), policy, rules=ABOUT_RELEASES)


@pytest.mark.parametrize("before", [str(one) for one in KNOWN.last_patches.values() if one >= (1, 12, 0)])
@pytest.mark.parametrize(
    "blocked", [(), ("1.19.6", "1.21.2"), ("1.15.5", "1.20.5")], ids=["none", "last-patches", "others"]
)
@pytest.mark.parametrize("skip", [1, 2])
def test_no_way_out_of_a_release_is_refused_as_a_step(before: str, blocked: tuple[str, ...], skip: int) -> None:
    """From what runs, where the change is denied; from what the change brings, where it only warns."""
    versions = Versions(blocked=tuple(Blocked(release=one, reason="our tests") for one in blocked), max_minor_skip=skip)
    policy = Policy(mode="enforce", versions=versions)
    for now in ("1.99.0", "1.19.99", "1.22.1-rc1", *(str(one) for one in KNOWN.versions if str(one) != before)):
        verdict = about_release(now, before, policy)
        for finding in verdict.findings:
            if finding.rule != "VER-004" and (found := NAMED.search(finding.problem.remedy)):
                followed = about_release(found[1], before if verdict.denials else now, policy)
                assert followed.denials == (), (now, finding.problem.remedy)


def test_age_and_cves_are_told_only_when_the_version_changes() -> None:
    old = DaemonSet(release="1.19.6")
    assert "VER-002" in levels(judged(Example(old)))
    for touched in (replace(old, annotations={"a": "b"}), replace(old, env={"WARM_IP_TARGET": "5"})):
        assert "VER-002" not in levels(judged(Example(touched, before=old)))
    armed = replace(old, env={"ENABLE_POD_ENI": "true"})
    assert "VER-002" not in levels(judged(Example(armed, before=old)))


def test_one_release_is_one_message() -> None:
    for before, now in ((None, "1.22.1"), ("1.22.1", "1.16.0"), ("1.15.5", "1.16.3")):
        old = None if before is None else DaemonSet(release=before)
        verdict = judged(Example(DaemonSet(release=now), before=old))
        assert sum(text.startswith("VER-002") for text in (*verdict.denials, *verdict.warnings)) == 1


# --- the budget ------------------------------------------------------------------------------------------------------


def spent(calls: int) -> Spend:
    """A budget that ends after a number of looks at it."""
    left = [calls]

    def spend() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OverBudgetError(0.0)

    return spend


GROWN = DaemonSet(env={"MAX_ENI": "3"})


@pytest.mark.parametrize(
    ("example", "level"),
    [
        (Example(GROWN), "deny"),
        (Example(GROWN, before=DaemonSet()), "deny"),
        (Example(DaemonSet(), before=GROWN), "warn"),
        (Example(replace(GROWN, annotations={"a": "b"}), before=GROWN), "warn"),
        (Example(replace(GROWN, images={"aws-node": "cni:v1.9.0"}), before=GROWN), "deny"),
        (Example(GROWN, before=DaemonSet(), user=EKS), "warn"),
        (Example(None, before=GROWN), "deny"),
    ],
)
@pytest.mark.parametrize("calls", range(20))
def test_what_exceeds_the_budget_is_a_rule_that_failed(example: Example, level: str, calls: int) -> None:
    verdict = Evaluation(example.change(), Basis(BUILT_IN, NOTHING_KNOWN, CATALOGUE, NOW, spend=spent(calls))).verdict
    if verdict.overrun:
        assert verdict.overrun.level == level
        assert verdict.overrun.message in (verdict.denials if level == "deny" else verdict.warnings)
        assert set(verdict.overrun.unrun).isdisjoint(finding.rule for finding in verdict.findings)
    else:
        assert calls > 0


def test_a_first_restart_of_what_exceeds_the_budget_passes() -> None:
    """`kubectl rollout restart` adds an annotation to the pod template, and the object grows by it."""
    change = Example(GROWN, before=GROWN).change()
    change.object["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": str(NOW)}
    verdict = Evaluation(change, Basis(BUILT_IN, NOTHING_KNOWN, CATALOGUE, NOW, spend=spent(1))).verdict
    assert verdict.overrun
    assert verdict.overrun.level == "warn"


def test_what_was_found_before_the_budget_ended_is_kept() -> None:
    basis = Basis(BUILT_IN, NOTHING_KNOWN, CATALOGUE, NOW, spend=spent(15))
    verdict = Evaluation(Example(DaemonSet(env=CONFLICT, release="1.22.1")).change(), basis).verdict
    assert verdict.overrun
    assert "VER-002" in {finding.rule for finding in verdict.findings}


# --- crashes ---------------------------------------------------------------------------------------------------------


@rule("TST-001", "crashes", level="deny", link="https://example.com", bad=())
def crashes(case: AwsNodeCase) -> Iterator[Problem]:
    """Crashes where MAX_ENI is set, after a finding."""
    if case.new.required.get("MAX_ENI"):
        yield Problem(path=(), evidence=(("a", "b"),), level="warn", wrong="a", effect="b", remedy="C")
        raise ZeroDivisionError("division by zero")


@rule("TST-002", "crashes harmlessly", level="warn", link="https://example.com", bad=())
def crashes_harmlessly(case: AwsNodeCase) -> Iterator[Problem]:
    """Crashes always."""
    yield from ()
    raise KeyError(case.new.raw["kind"])


def crashed(example: Example, policy: Policy = BUILT_IN) -> dict[str, str]:
    catalogue = Catalogue((crashes, crashes_harmlessly))
    return {c.rule: c.level for c in evaluated(example.change(), policy, rules=catalogue).errors}


BREAKS = DaemonSet(env={"MAX_ENI": "3"})


@pytest.mark.parametrize(
    ("example", "level"),
    [
        (Example(BREAKS), "deny"),
        (Example(BREAKS, before=DaemonSet()), "deny"),
        (Example(DaemonSet(env={"MAX_ENI": "4"}), before=BREAKS), "warn"),
        (Example(BREAKS, user=EKS), "warn"),
    ],
)
def test_a_rule_that_crashes_refuses_what_it_could_have_refused(example: Example, level: str) -> None:
    assert crashed(example) == {"TST-001": level, "TST-002": "warn"}


def test_a_crash_warns_on_a_change_of_metadata_alone_and_where_the_policy_says_so() -> None:
    both = BREAKS.build()
    labelled = both | {"metadata": both["metadata"] | {"labels": {"a": "b"}}}
    verdict = evaluated(change_of("DaemonSet", labelled, both, "UPDATE"), rules=Catalogue((crashes,)))
    assert [c.level for c in verdict.errors] == ["warn"]
    assert crashed(Example(BREAKS), Policy(mode="enforce", on_crash="warn"))["TST-001"] == "warn"
    assert crashed(Example(BREAKS), Policy(mode="observe"))["TST-001"] == "warn"


def test_what_a_rule_found_before_it_crashed_is_kept() -> None:
    verdict = evaluated(Example(BREAKS).change(), rules=Catalogue((crashes,)))
    assert [f.rule for f in verdict.findings] == ["TST-001"]
    assert "ZeroDivisionError: division by zero" in verdict.errors[0].message


def test_an_object_that_is_not_ours_is_not_judged() -> None:
    other = {"metadata": {"name": "kube-proxy", "namespace": "kube-system"}, "spec": {}}
    assert evaluated(change_of("DaemonSet", other)) == Verdict(change_of("DaemonSet", other))


def test_a_missing_container_is_refused() -> None:
    empty = {
        "metadata": {"name": "aws-node", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": None}}},
    }
    verdict = evaluated(change_of("DaemonSet", empty))
    assert [one.partition(":")[0] for one in verdict.denials] == ["POD-001"]
    assert "POD-001: there is no container aws-node" in verdict.denials[0]


def test_env_helper_matches_its_name() -> None:
    assert env(MAX_ENI="3").change().object == BREAKS.build()


# --- ways around -----------------------------------------------------------------------------------------------------

EVIL = "docker.io/evil/amazon-k8s-cni:v1.23.1"


def denied(daemonset: dict[str, Any], old: dict[str, Any] | None = None) -> set[str]:
    change = change_of("DaemonSet", daemonset, old, "UPDATE" if old else "CREATE")
    verdict = evaluated(change)
    assert not verdict.errors
    return {finding.rule for finding in verdict.findings if finding.level == "deny"}


def test_a_renamed_container_is_judged_in_its_role() -> None:
    renamed = DaemonSet(env={"MAX_ENI": "ten"}, images={"aws-node": EVIL}, repeat=("WARM_ENI_TARGET",)).build()
    container(renamed, "aws-node")["name"] = "cni"
    assert denied(renamed) == {"IMG-003", "ENV-002"}
    assert levels(evaluated(change_of("DaemonSet", renamed)))["ENV-013"] == "warn"
    init = DaemonSet(images={"aws-vpc-cni-init": "docker.io/evil/amazon-k8s-cni-init:v1.22.4"}).build()
    container(init, "aws-vpc-cni-init")["name"] = "init"
    assert denied(init) == {"IMG-001", "IMG-003"}


def test_a_decoy_does_not_hide_the_real_one() -> None:
    decoy = stock("1.23.1")
    spec = decoy["spec"]["template"]["spec"]
    spec["initContainers"].append(dict(container(decoy, "aws-node")))
    spec["containers"][0] |= {"name": "real", "image": EVIL}
    assert "IMG-003" in denied(decoy)
    assert levels(evaluated(change_of("DaemonSet", decoy)))["POD-011"] == "warn"
    second = stock("1.23.1")
    second["spec"]["template"]["spec"]["containers"].append({"name": "real", "image": "evil/amazon-k8s-cni:latest"})
    assert denied(second) == {"POD-011"}


CRASHES = DaemonSet(env={"AWS_VPC_K8S_CNI_VETHPREFIX": "eth"})
ROLE_LISTS = {"aws-node": "containers", "aws-vpc-cni-init": "initContainers", "aws-eks-nodeagent": "containers"}


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("name", ["aws-node", "decoy"])
def test_a_decoy_in_the_other_list_does_not_hide_a_renamed_aws_node(name: str, place: str) -> None:
    decoy = CRASHES.build()
    spec = decoy["spec"]["template"]["spec"]
    copy = deepcopy(container(stock("1.23.1"), "aws-node")) | {"name": name}
    spec["initContainers"].insert(0 if place == "first" else len(spec["initContainers"]), copy)
    spec["containers"][0]["name"] = "real"
    assert denied(decoy) == {"ENV-004"}
    verdict = evaluated(change_of("DaemonSet", decoy))
    assert {f.problem.certain for f in verdict.findings if f.rule == "ENV-004"} == {True}
    assert levels(verdict)["POD-011"] == "warn"


@pytest.mark.parametrize("role", ROLE_LISTS)
@pytest.mark.parametrize("keeps_name", [True, False], ids=["by-name", "renamed"])
def test_a_container_in_the_wrong_list_has_no_role(role: str, keeps_name: bool) -> None:
    """It does not do there what its role needs, whatever it is called."""
    moved = stock("1.23.1")
    spec = moved["spec"]["template"]["spec"]
    kind = ROLE_LISTS[role]
    other = "initContainers" if kind == "containers" else "containers"
    one = container(moved, role)
    spec[kind].remove(one)
    spec[other].append(one if keeps_name else one | {"name": "moved"})
    view = AwsNode(moved)
    assert role not in {holder.role for holder in view.roles}
    assert [holder.raw for holder in view.others] == [spec[other][-1]]
    assert "POD-011" in levels(evaluated(change_of("DaemonSet", moved)))
    assert role != "aws-node" or "POD-001" in denied(moved)


def test_a_change_that_makes_an_old_problem_graver_is_judged() -> None:
    armed = DaemonSet(release="1.22.2", env={"ENABLE_SUBNET_DISCOVERY": "true"})
    safe = DaemonSet(release="1.22.2", env={"ENABLE_SUBNET_DISCOVERY": "false"})
    assert denied(armed.build(), safe.build()) == {"VER-002"}
    assert denied(safe.build(), armed.build()) == set()
    typo, again = DaemonSet(env={"WARM_IP_TARGETS": "5"}), DaemonSet(env={"WARM_IP_TARGETS": "50"})
    assert denied(again.build(), typo.build()) == {"ENV-001"}
    twice = DaemonSet(repeat=("WARM_ENI_TARGET",)).build()
    other = DaemonSet(repeat=("WARM_ENI_TARGET",)).build()
    container(other, "aws-node")["env"][-1] = {"name": "WARM_ENI_TARGET", "value": "0"}
    assert "ENV-013" in denied(other, twice)


def test_an_unknown_value_hides_no_other_one() -> None:
    unknown: dict[str, Any] = {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "x"}}}
    assert "VER-002" in denied(DaemonSet(release="1.22.3", env={"ENABLE_POD_ENI": unknown}).build())
    fatal: dict[str, Any] = {"ENABLE_IPv6": unknown, "AWS_VPC_K8S_CNI_VETHPREFIX": "eth"}
    assert "ENV-004" in denied(DaemonSet(env=fatal).build())
    empty: dict[str, Any] = {"ENABLE_POD_ENI": unknown, "POD_SECURITY_GROUP_ENFORCING_MODE": "", "CLUSTER_ENDPOINT": ""}
    assert "ENV-003" in denied(DaemonSet(env=empty).build())
    cidrs: dict[str, Any] = {"AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": unknown, "AWS_EXTERNAL_SERVICE_CIDRS": "junk"}
    assert "SNAT-003" in denied(DaemonSet(env=cidrs).build())


def test_a_release_newer_than_the_tables_may_be_given_by_digest() -> None:
    """The annotation serves an image given by digest, and lifts nothing beside a tag."""
    said = {"cni-guard.dev/cni-version": "9.9.9"}
    image = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni"
    for suffix, lifted in ((":latest", False), ("@sha256:" + "1" * 64, True)):
        bad = DaemonSet(env={"MAX_ENI": "0"}, images={"aws-node": image + suffix}, annotations=said).build()
        assert ("ENV-002" not in denied(bad)) is lifted


def test_the_garbage_collector_needs_a_permit_too() -> None:
    collector = User("system:serviceaccount:kube-system:generic-garbage-collector")
    assert levels(judged(Example(None, before=DaemonSet(), user=collector))) == {"DEL-001": "deny"}


@pytest.mark.parametrize("kubernetes", ["1.26", "1.33"])
def test_a_floor_never_stands_in_the_way_of_a_step_upwards(kubernetes: str) -> None:
    policy = Policy(mode="enforce", cluster=Cluster(kubernetes=kubernetes))
    for before, now in (("1.9.3", "1.10.4"), ("1.10.4", "1.11.5"), ("1.11.5", "1.12.6")):
        assert judged(Example(DaemonSet(release=now), before=DaemonSet(release=before)), policy).denials == ()


@pytest.mark.parametrize(
    ("tag", "said"),
    [("v1.99.0", "CNI 1.99.0 is not known to this guard"), ("v1.18.99", "CNI 1.18.99 was never released")],
)
def test_a_release_that_is_not_in_the_tables_warns(tag: str, said: str) -> None:
    registry = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
    images = {
        "aws-node": f"{registry}/amazon-k8s-cni:{tag}",
        "aws-vpc-cni-init": f"{registry}/amazon-k8s-cni-init:{tag}",
    }
    verdict = judged(Example(DaemonSet(release="1.18.6" if "18" in tag else "1.23.1", images=images)))
    assert said in " ".join(verdict.warnings)
    assert verdict.denials == ()


def test_all_reasons_of_a_blocked_release_are_told() -> None:
    policy = Policy(mode="enforce", versions=Versions(blocked=(Blocked(release="1.22.1", reason="our own tests"),)))
    (denial,) = judged(Example(DaemonSet(release="1.22.1")), policy).denials
    for reason in ("our own tests", "floods the EC2 API", "own primary address is given to a pod"):
        assert reason in denial


@pytest.mark.parametrize(
    ("endpoint", "fine"),
    [
        ("https://ABC.gr7.us-west-2.eks.amazonaws.com", True),
        ("https://10.0.0.1:6443", True),
        ("https://[fd00::1]:443", True),
        ("https://", False),
        ("https://EKS_CLUSTER_API_ENDPOINT", False),
        ("https://<endpoint>", False),
        ("http://a.b", False),
    ],
)
def test_an_endpoint_has_a_host(endpoint: str, fine: bool) -> None:
    assert ("ENV-014" in levels(judged(Example(DaemonSet(env={"CLUSTER_ENDPOINT": endpoint}))))) != fine


def test_a_generated_name_inherits_no_exception() -> None:
    twin = DaemonSet(env=CONFLICT).build()
    del twin["metadata"]["name"]
    twin["metadata"]["generateName"] = "aws-node"
    policy = Policy(mode="enforce", exceptions=(exception_for("IPT-004"),))
    verdict = evaluated(change_of("DaemonSet", twin), policy)
    assert levels(verdict) == {"IPT-004": "deny"}
    bare = DaemonSet(env=CONFLICT).build()
    del bare["metadata"]["namespace"]
    verdict = evaluated(change_of("DaemonSet", bare), policy)
    assert levels(verdict) == {"IPT-004": "warn"}
