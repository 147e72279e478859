"""What a remedy says, followed to the letter, is accepted: alone, and together with the next allowed upgrade."""

import re
from dataclasses import replace

import pytest

from tests.changes import NOW, evaluated, guard
from webhook.catalogue.examples import DaemonSet, Example
from webhook.cni.releases import VERSIONS
from webhook.cni.tables import KNOWN
from webhook.cni.version import Version
from webhook.engine.pipeline import decide
from webhook.model import Change, Finding, Verdict, at
from webhook.rules import CATALOGUE

NAME = r"([A-Z][A-Za-z0-9_]*_[A-Za-z0-9_]+)"
NEWEST = str(VERSIONS[-1])


def judged(change: Change) -> Verdict:
    return evaluated(change)


def variable(finding: Finding) -> tuple[str, str]:
    """Container and name of the variable at the place of a finding; empty where it is at none."""
    path = finding.problem.path
    holder = at(finding.change.object, *path[:5])
    return str(at(holder, "name")), str(at(holder, "env", path[6], "name")) if path[5:6] == ("env",) and path[
        6:
    ] else ""


def with_env(example: DaemonSet, holder: str, **changes: str | None) -> DaemonSet:
    if holder == "aws-vpc-cni-init":
        return replace(example, init_env={**example.init_env, **changes}, repeat=())
    return replace(example, env={**example.env, **changes}, repeat=())


def followed(example: DaemonSet, finding: Finding) -> list[DaemonSet]:
    """What becomes of the object when its author does as the remedy says; each way that it names."""
    remedy = finding.problem.remedy
    holder, here = variable(finding)
    done: list[DaemonSet] = []
    settings = dict(re.findall(rf'{NAME}="?([^\s",)]+)"?', remedy))
    removed = re.search(rf"\b[Rr]emove {NAME}", remedy)
    if settings or removed:
        done.append(with_env(example, holder, **({removed[1]: None} if removed else {}), **settings))
    if removed and settings:
        done.append(with_env(example, holder, **{removed[1]: None}))
    if re.search(r"[Rr]emove (it|the entry|the variable)\b", remedy) and here:
        done.append(with_env(example, holder, **{here: None}))
    if (renamed := re.match(rf"Write {NAME}, or remove it", remedy)) and here:
        value = {**example.env, **example.init_env}[here]
        done.append(with_env(example, holder, **{here: None, renamed[1]: str(value)}))
    if raised := re.search(rf"Raise {NAME} to at least (\d+)", remedy):
        done.append(with_env(example, holder, **{raised[1]: raised[2]}))
    if to := re.search(rf"{NAME} too, to at least (\d+)", remedy):
        done.append(with_env(example, holder, **{to[1]: to[2]}))
    if release := re.search(r"(?:CNI|Go to|manifest of) ([0-9]+\.[0-9]+\.[0-9]+)\b(?! or newer)", remedy):
        whole = re.search("manifest", remedy)
        done.append(DaemonSet(release=release[1]) if whole else replace(example, release=release[1]))
    return done


CASES = [
    pytest.param(example, finding, way, id=f"{rule.id}-{index}-{number}-{turn}")
    for rule in CATALOGUE
    for index, example in enumerate(rule.bad)
    if isinstance(example.now, DaemonSet)
    for number, finding in enumerate(judged(example.change()).findings)
    if finding.rule == rule.id
    for turn, way in enumerate(followed(example.now, finding))
]


def test_most_rules_name_a_way_that_can_be_followed() -> None:
    rules = {str(case.id)[: len("IPT-001")] for case in CASES}
    assert {"IPT-001", "IPT-003", "IPT-004", "IPT-006", "PFX-001", "ENV-001", "ENV-002", "ENV-003"} <= rules
    assert {"ENV-004", "ENV-005", "ENV-008", "VER-002", "VER-004", "VER-006", "VER-007", "SNAT-00"} <= rules


def denials(change: Example, way: Finding) -> list[str]:
    """What refuses the change at both endpoints, but for faults of the example that the remedy is not about."""
    assert isinstance(change.before, DaemonSet)
    others = {f.rule for f in judged(Example(change.before).change()).findings} - {way.rule}
    found = decide(change.change(), guard(), NOW).findings
    return [f.message for f in found if f.level == "deny" and f.rule not in others]


@pytest.mark.parametrize(("example", "finding", "way"), CASES)
def test_a_remedy_is_accepted(example: Example, finding: Finding, way: DaemonSet) -> None:
    """From the object as it would be without the guard; where the finding is about the step, from the object before."""
    stored = (
        example.before
        if finding.rule in {"VER-004", "VER-005", "ROLL-003", "VER-007", "IP6-004"} and example.before
        else example.now
    )
    assert isinstance(stored, DaemonSet)
    assert denials(Example(way, before=stored), finding) == []


@pytest.mark.parametrize(("example", "finding", "way"), CASES)
def test_a_remedy_is_accepted_together_with_the_next_upgrade(
    example: Example, finding: Finding, way: DaemonSet
) -> None:
    assert isinstance(example.now, DaemonSet)
    if example.now.release != NEWEST or way.release != NEWEST or way.images or example.now.probe_address:
        return
    version = Version.of(NEWEST)
    before = replace(example.now, release=str(KNOWN.last_patches[version.major, version.minor - 1]))
    if before.fields:
        return
    assert denials(Example(way, before=before), finding) == []
