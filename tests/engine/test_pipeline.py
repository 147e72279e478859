"""What a manifest's author is told: both endpoints' answer, and the crash that an added default would hide."""

import pytest

from tests.changes import NOW, guard
from webhook.catalogue.examples import Example, env
from webhook.engine.pipeline import decide, foresee, validate
from webhook.model import Finding, Verdict
from webhook.policy import Defaults, Policy
from webhook.rules import CATALOGUE

EVERY_BAD = [
    pytest.param(example, id=f"{rule.id}-{index}") for rule in CATALOGUE for index, example in enumerate(rule.bad)
]
CURED = env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET=None)
OBSERVE = Policy(mode="observe")


def certain(verdict: Verdict) -> set[tuple[str, str]]:
    """The faults that are certain to fail, by rule and clause."""
    return {(one.rule, one.problem.wrong) for one in verdict.findings if one.problem.certain and one.enforced == "deny"}


def others(verdict: Verdict) -> list[Finding]:
    """All but these, and but what is said of added defaults."""
    return [one for one in verdict.findings if not one.problem.certain and not one.problem.fixes]


@pytest.mark.parametrize("example", EVERY_BAD)
def test_no_default_hides_what_is_certain_to_fail(example: Example) -> None:
    change = example.change()
    foreseen, decided = foresee(change, guard(), NOW), decide(change, guard(), NOW)
    assert certain(foreseen) == certain(validate(change, guard(), NOW)) | certain(decided)
    assert others(foreseen) == others(decided)
    assert certain(foreseen) > certain(decided) or foreseen == decided


def enforced(verdict: Verdict) -> set[tuple[str, str]]:
    """What is, or would be, denied, by rule and clause."""
    return {(one.rule, one.problem.wrong) for one in verdict.findings if one.enforced == "deny"}


@pytest.mark.parametrize("example", EVERY_BAD)
def test_observe_counts_what_enforce_would_deny(example: Example) -> None:
    """A fault that an added default cures is no denial; `check` still names it where it is certain to fail."""
    change = example.change()
    observed = decide(change, guard(OBSERVE), NOW)
    assert enforced(observed) == enforced(decide(change, guard(), NOW))
    assert enforced(foresee(change, guard(OBSERVE), NOW)) == enforced(foresee(change, guard(), NOW))
    assert not observed.denials


def test_crash_is_said_before_the_default() -> None:
    verdict = foresee(CURED.change(), guard(), NOW)
    [message] = verdict.denials
    assert verdict.warnings == ()
    crash = message.index("aws-node exits at start on every node")
    default = message.index("the webhook would add aws-node env WARM_PREFIX_TARGET=1")
    assert crash < default


def test_default_of_the_policy_that_cures_is_named() -> None:
    policy = Policy(mode="enforce", defaults=Defaults(env={"aws-node": {"WARM_IP_TARGET": "7"}}))
    [message] = foresee(CURED.change(), guard(policy), NOW).denials
    assert message.startswith("PFX-001: ")
    assert "the webhook would add aws-node env W" in message


def test_without_a_cure_it_is_what_both_endpoints_say() -> None:
    change = env(WARM_ENI_TARGET="3", WARM_IP_TARGET="5").change()
    assert foresee(change, guard(), NOW) == decide(change, guard(), NOW)
    assert certain(foresee(CURED.change(), guard(OBSERVE), NOW))
    assert not certain(decide(CURED.change(), guard(OBSERVE), NOW))
