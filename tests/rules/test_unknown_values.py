"""A value that is not known at admission switches off only what depends on it."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.changes import evaluated
from webhook.catalogue.examples import DaemonSet, Example, container
from webhook.catalogue.rule import Rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.tables import CONTAINERS, KNOWN
from webhook.cni.variables import by_name
from webhook.model import Change, Finding, Verdict, at
from webhook.rules import CATALOGUE

BAD = [
    pytest.param(rule, example, id=f"{rule.id}-{index}")
    for rule in CATALOGUE
    for index, example in enumerate(rule.bad)
    if isinstance(example.now, DaemonSet)
]
REFERENCES: list[dict[str, Any]] = [
    {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "x", "optional": True}}},
    {"valueFrom": {"secretKeyRef": {"name": "cni", "key": "x"}}},
    {"value": "$(SOMETHING)"},
]


def judged(change: Change) -> Verdict:
    return evaluated(change)


def said(verdict: Verdict, rule: Rule) -> list[tuple[Any, ...]]:
    return [
        (f.problem.path, f.problem.evidence, f.level, f.problem.certain, f.introduced, f.problem.wrong)
        for f in verdict.findings
        if f.rule == rule.id
    ]


def unchecked(verdict: Verdict) -> list[tuple[str, str]]:
    return [(skipped.rule, skipped.reason) for skipped in verdict.skipped]


def named(findings: list[Finding]) -> set[str]:
    return {name for finding in findings for name, _ in finding.problem.evidence}


def entries(change: Change) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every variable that is written out, of the CNI's containers in the new object."""
    for kind in ("containers", "initContainers"):
        for holder in at(change.object, *POD_SPEC, kind) or ():
            if holder.get("name") in CONTAINERS and isinstance(holder.get("env"), list):
                for index, entry in enumerate(holder["env"]):
                    yield holder["name"], index, entry


def with_reference(change: Change, holder: str, name: str, reference: dict[str, Any]) -> Change:
    """The change with a value replaced by a reference, on both sides where they agree on it."""
    sides = [deepcopy(change.object), deepcopy(change.old)]
    found = [
        [e for e in container(side, holder).get("env", ()) if e.get("name") == name] if side else [] for side in sides
    ]
    agree = found[0] == found[1]
    for side, listed in zip(sides, found, strict=True):
        if side is sides[0] or agree:
            for entry in listed:
                entry.clear()
                entry.update({"name": name, **reference})
    return replace(change, object=sides[0], old=sides[1])


def unnamed(change: Change, rule: Rule, verdict: Verdict) -> list[tuple[str, str]]:
    """Container and name of each value that the evidence of a rule does not name.

    ROLL-003 is the exception: it asks whether the object still carries a value.
    """
    if rule.id in {"ENV-006", "ROLL-003"}:
        return []
    rests_on = named([f for f in verdict.findings if f.rule == rule.id])
    found = [(holder, entry.get("name")) for holder, _, entry in entries(change)]
    return [(holder, name) for holder, name in found if name is not None and f"{holder} env {name}" not in rests_on]


@pytest.mark.parametrize("reference", REFERENCES, ids=["optional", "secret", "expansion"])
@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_finding_needs_only_what_its_evidence_names(rule: Rule, example: Example, reference: dict[str, Any]) -> None:
    """One value less at a time, then all of them together."""
    change = example.change()
    verdict = judged(change)
    expected = said(verdict, rule)
    together = change
    for holder, name in unnamed(change, rule, verdict):
        assert said(judged(with_reference(change, holder, name, reference)), rule) == expected, (holder, name)
        together = with_reference(together, holder, name, reference)
    assert said(judged(together), rule) == expected


def with_source(change: Change, prefix: str) -> Change:
    """The change with an `envFrom` in every container, on both sides."""
    changed = deepcopy(change)
    for side in (changed.object, changed.old):
        if side:
            for kind in ("containers", "initContainers"):
                for holder in at(side, *POD_SPEC, kind):
                    holder["envFrom"] = [{"prefix": prefix, "configMapRef": {"name": "x"}}]
    return changed


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_prefix_with_which_no_known_name_begins_brings_nothing(rule: Rule, example: Example) -> None:
    change = example.change()
    before, verdict = judged(change), judged(with_source(change, "ZZ_"))
    if rule.id != "ENV-006":
        assert [one[:4] for one in said(verdict, rule)] == [one[:4] for one in said(before, rule)]
        assert unchecked(verdict) == unchecked(before)


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_source_of_any_name_hides_nothing_without_a_word(rule: Rule, example: Example) -> None:
    """`env` wins over any source; what rests on an absent variable as well is skipped, and said to be."""
    change = example.change()
    expected, verdict = said(judged(change), rule), judged(with_source(change, ""))
    kept = {(path, evidence) for path, evidence, *_ in said(verdict, rule)}
    lost = [one for one in expected if one[:2] not in kept]
    assert not lost or rule.id in {skipped.rule for skipped in verdict.skipped}


_NAMES = [
    "WARM_ENI_TARGET",
    "WARM_IP_TARGET",
    "MINIMUM_IP_TARGET",
    "WARM_PREFIX_TARGET",
    "ENABLE_PREFIX_DELEGATION",
    "MAX_ENI",
    "ENABLE_IPv6",
    "ENABLE_IPv4",
    "ENABLE_POD_ENI",
    "POD_SECURITY_GROUP_ENFORCING_MODE",
    "POD_MTU",
    "AWS_VPC_ENI_MTU",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "IP_COOLDOWN_PERIOD",
    "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS",
    "AWS_VPC_K8S_CNI_RANDOMIZESNAT",
    "NETWORK_POLICY_ENFORCING_MODE",
    "DISABLE_NETWORK_RESOURCE_PROVISIONING",
    "ENABLE_IMDS_ONLY_MODE",
    "ENABLE_SUBNET_DISCOVERY",
    "CLUSTER_ENDPOINT",
]
_TEXTS = [
    "",
    "0",
    "1",
    "2",
    "4",
    "17",
    "500",
    "1400",
    "9001",
    "true",
    "false",
    "T",
    "x",
    "0.0.0.0/0",
    "10.0.0.0/8",
    "none",
    "prng",
    "strict",
    "standard",
    "+5",
    "-1",
    "https://a.example",
]


@settings(max_examples=400, deadline=None)
@given(
    known=st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_TEXTS), max_size=5),
    unknown=st.dictionaries(st.sampled_from(_NAMES), st.sampled_from([*_TEXTS, None]), min_size=1, max_size=3),
    release=st.sampled_from(["1.23.1", "1.21.2", "1.16.4"]),
)
def test_what_is_denied_for_every_value_is_denied_for_each(
    known: dict[str, str], unknown: dict[str, str | None], release: str
) -> None:
    """Whatever the reference turns out to be, the rule that denied without knowing it denies."""
    shown = Example(DaemonSet(release=release, env={**known, **unknown}))
    hidden = Example(DaemonSet(release=release, env=known | dict.fromkeys(unknown, REFERENCES[0])))
    assert_sure(judged(hidden.change()), judged(shown.change()))
    # What a source brings, `env` does not have.
    sourced = Example(DaemonSet(release=release, env=known | dict.fromkeys(unknown.keys() - known.keys())))
    brought = {name: None if name in known else value for name, value in unknown.items()}
    written = Example(DaemonSet(release=release, env={**brought, **known}))
    assert_sure(judged(with_source(sourced.change(), "")), judged(written.change()))


def assert_sure(now: Verdict, then: Verdict) -> None:
    """What is denied, or certain, without knowing a value is so with the value known."""
    denied = {f.rule for f in now.findings if f.level == "deny"} - {"ENV-006"}
    assert denied <= {f.rule for f in then.findings if f.level == "deny"}
    certain = {f.rule for f in now.findings if f.problem.certain}
    assert certain <= {f.rule for f in then.findings if f.problem.certain}


def test_every_parser_has_values_to_try() -> None:
    for name in CONTAINERS:
        for row in by_name(name).values():
            assert KNOWN.variables[name][row.name] is row
            main = DaemonSet(env={row.name: REFERENCES[1]}) if name == "aws-node" else DaemonSet()
            assert not judged(Example(main).change()).errors
