"""A rollback to a pod template that a ControllerRevision holds: what it is spared, and what it is not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.changes import NOW, evaluated, guard
from webhook.catalogue.examples import DaemonSet, Example
from webhook.engine.pipeline import complete, decide, validate
from webhook.facts import Fact, Facts
from webhook.facts.templates import template_hash
from webhook.model import Change, Finding, Verdict, at
from webhook.policy import BUILT_IN, Policy

CONFLICT = {"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5", "MINIMUM_IP_TARGET": "5"}
NO_TARGET = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "0"}


def holding(*held: Any) -> Facts:
    """The facts of a cluster whose ControllerRevisions hold the pod templates of these objects."""
    templates = (at(one.build() if isinstance(one, DaemonSet) else one, "spec", "template") for one in held)
    return Facts(templates=Fact(frozenset(map(template_hash, templates)), "cluster"))


def found(verdict: Verdict, rule: str) -> Finding:
    """The gravest finding of a rule."""
    return min((one for one in verdict.findings if one.rule == rule), key=lambda finding: finding.level)


def back(now: DaemonSet, before: DaemonSet | None = None, policy: Policy = BUILT_IN, **facts: Any) -> Verdict:
    """The verdict on a change to a template that is held."""
    example = Example(now, before=before or DaemonSet())
    return evaluated(example.change(), policy, facts=replace(holding(now), **facts))


@pytest.mark.parametrize(
    ("rule", "now", "before", "policy"),
    [
        ("IPT-004", DaemonSet(env=CONFLICT), DaemonSet(), BUILT_IN),
        ("IMG-003", DaemonSet(images={"aws-node": "elsewhere.example/amazon-k8s-cni:v1.23.1"}), DaemonSet(), BUILT_IN),
        ("VER-004", DaemonSet(release="1.23.1"), DaemonSet(release="1.19.6"), BUILT_IN),
        ("ENV-002", DaemonSet(env={"MAX_ENI": "0"}), DaemonSet(), BUILT_IN),
        ("SNAT-001", DaemonSet(env={"AWS_VPC_K8S_CNI_EXTERNALSNAT": "true"}), DaemonSet(),
         Policy(mode="enforce", rules={"SNAT-001": "deny"})),
    ],
)  # fmt: skip
def test_rules_of_policy_of_steps_and_of_conflicts_warn(
    rule: str, now: DaemonSet, before: DaemonSet, policy: Policy
) -> None:
    change = Example(now, before=before).change()
    assert found(evaluated(change, policy, facts=holding(before)), rule).level == "deny"
    spared = found(evaluated(change, policy, facts=holding(before, now)), rule)
    assert (spared.level, spared.enforced, spared.introduced) == ("warn", "warn", True)
    assert spared.message.endswith(
        "(not denied: a rollback to a pod template that a ControllerRevision of aws-node holds)"
    )


def test_what_is_certain_is_denied() -> None:
    assert found(back(DaemonSet(env=NO_TARGET)), "PFX-001").level == "deny"


def test_a_hazardous_downgrade_is_denied() -> None:
    verdict = back(DaemonSet(release="1.11.4"), DaemonSet(release="1.12.6"))
    assert found(verdict, "VER-005").level == "deny"


def test_what_lies_outside_the_template_is_denied() -> None:
    now = DaemonSet(env=CONFLICT, spec={"updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%"}}})
    levels = {finding.rule: finding.level for finding in back(now).findings}
    assert (levels["IPT-004"], levels["ROLL-001"]) == ("warn", "deny")


def is_denied(change: Change, facts: Facts) -> bool:
    return bool(evaluated(change, facts=facts).denials)


def test_only_an_update_of_a_guarded_object_goes_back() -> None:
    bad = DaemonSet(env=CONFLICT)
    update, create = Example(bad, before=DaemonSet()).change(), Example(bad).change()
    assert not is_denied(update, holding(bad))
    assert is_denied(create, holding(bad))
    assert is_denied(replace(update, old_target=None), holding(bad))
    assert is_denied(update, Facts())
    assert is_denied(update, holding())


def test_what_stays_in_its_template_is_no_rollback() -> None:
    """A new annotation says that a digest is another release, while the pods stay as they are."""
    digest = {"aws-node": f"602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni@sha256:{'0' * 64}"}
    said = [DaemonSet(images=digest, annotations={"cni-guard.dev/cni-version": one}) for one in ("1.23.1", "1.22.1")]
    change = Example(said[1], before=said[0]).change()
    here = {finding.rule: finding.level for finding in evaluated(change, facts=holding(said[1])).findings}
    assert here == {finding.rule: finding.level for finding in evaluated(change).findings}


def test_a_time_of_restart_makes_no_other_template() -> None:
    now = DaemonSet(env=CONFLICT)
    change = Example(now, before=DaemonSet()).change()
    metadata = change.object["spec"]["template"]["metadata"]
    metadata |= {
        "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-06-01T12:00:00Z"},
        "creationTimestamp": None,
    }
    assert not is_denied(change, holding(now))
    metadata["annotations"]["team"] = "net"
    assert is_denied(change, holding(now))


def test_no_default_is_added() -> None:
    """With a default it would be another template than the one that is held."""
    now = DaemonSet(env={**CONFLICT, "ENABLE_POD_ENI": "true"}, init_env={"DISABLE_TCP_EARLY_DEMUX": None})
    change = Example(now, before=DaemonSet()).change()
    facts = holding(now)
    assert complete(change, guard(), NOW).patch
    assert not complete(change, guard(facts=facts), NOW).patch
    assert not decide(change, guard(facts=facts), NOW).denials


def test_a_policy_that_observes_tells_that_it_would_pass() -> None:
    now = DaemonSet(env=CONFLICT)
    change = Example(now, before=DaemonSet()).change()
    verdict = validate(change, guard(Policy(mode="observe"), holding(now)), NOW)
    assert found(verdict, "IPT-004").enforced == "warn"
