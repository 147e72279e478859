"""Laws over the whole catalogue: a rule that breaks one is not a rule of this product."""

import contextlib
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.changes import MANIFESTS, NOW, daemonset, evaluated, guard, review, shown
from webhook import rules
from webhook.catalogue import FAMILIES, Catalogue, family
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import Rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import change_of
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.cni.version import Version
from webhook.engine.defaults import add_defaults
from webhook.engine.evaluation import Basis, Evaluation
from webhook.engine.pipeline import complete, decide, validate
from webhook.facts import NOTHING_KNOWN, Fact, Facts, Node
from webhook.model import Change, Finding, Source, Verdict, at
from webhook.policy import BUILT_IN, Defaults, Policy
from webhook.reference.markdown import page
from webhook.review.answer import answer
from webhook.rules import CATALOGUE

BAD = [
    pytest.param(rule, example, id=f"{rule.id}-{index}") for rule in CATALOGUE for index, example in enumerate(rule.bad)
]
EVERY_BAD = [pytest.param(parameters.values[1], id=str(parameters.id)) for parameters in BAD]
GOOD = [pytest.param(example, id=f"{rule.id}-{index}") for rule in CATALOGUE for index, example in enumerate(rule.good)]
SUPPORTED = [release for release in VERSIONS if release >= (1, 12, 0)]


FACTS = Facts(
    kubernetes=Fact((1, 33), "cluster"),
    nodes=Fact((Node(name="a"), Node(name="b", arch="arm64"), Node(name="f", compute="fargate")), "cluster"),
    aws_node=Fact((), "cluster"),
    workloads=Fact((), "cluster"),
    cluster_role_binding=Fact(None, "cluster"),
)


def judged(change: Change, policy: Policy = BUILT_IN) -> Verdict:
    return evaluated(change, policy)


def denials(verdict: Verdict) -> list[str]:
    return [finding.message for finding in verdict.findings if finding.level == "deny"]


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_finds_in_a_bad_example_what_it_says(rule: Rule, example: Example) -> None:
    found = [finding for finding in shown(example).findings if finding.rule == rule.id]
    assert min(finding.level for finding in found) == (example.level or rule.level)
    assert any(finding.problem.certain for finding in found) == example.certain


@pytest.mark.parametrize("rule", [rule for rule in CATALOGUE if rule.bad], ids=lambda rule: rule.id)
def test_reaches_the_level_that_it_names(rule: Rule) -> None:
    assert any(example.level in {None, rule.level} for example in rule.bad)


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_adds_the_defaults_that_a_bad_example_expects(rule: Rule, example: Example) -> None:
    """The object is compared as a whole: nothing else is added, and nothing is lost."""
    alone = Catalogue((rule,))
    done = add_defaults(Evaluation(example.change(), Basis(example.policy, example.facts, alone, NOW)))
    expected = example.fixed.build() if example.fixed else example.change().object
    assert done.change.object == expected


@pytest.mark.parametrize("example", GOOD)
def test_no_rule_fires_on_a_good_example(example: Example) -> None:
    verdict = shown(example)
    assert not verdict.said
    assert not verdict.skipped


@pytest.mark.parametrize("rule", CATALOGUE.rules, ids=lambda rule: rule.id)
def test_has_a_reason_a_title_and_a_link(rule: Rule) -> None:
    assert rule.why.endswith(".")
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.link.startswith("https://")


@pytest.mark.parametrize("example", EVERY_BAD)
def test_messages_are_whole_sentences_that_begin_with_the_rule(example: Example) -> None:
    for finding in shown(example).findings:
        problem = finding.problem
        assert finding.message.startswith(f"{finding.rule}: ")
        assert finding.message.endswith(finding.link)
        for clause in (problem.wrong, problem.effect, problem.remedy):
            assert clause
            assert not clause.endswith((".", " "))
        assert problem.remedy[0].isupper()
        assert problem.evidence


@pytest.mark.parametrize("example", EVERY_BAD)
def test_names_a_place_in_the_object(example: Example) -> None:
    """A path leads to what stands there, or to the place where the missing part belongs."""
    change = example.change()
    shown = change.object if change.object is not None else change.old
    for finding in judged(change).findings:
        assert at(shown, *finding.problem.path[:-1]) is not None or finding.rule.startswith(("ENIC", "DEL"))


def test_a_file_holds_rules_of_its_family_in_their_order() -> None:
    """From an id to its file without a search; and a rule is listed by being there."""
    found = []
    for path in sorted(Path(rules.__file__).parent.glob("[!_]*.py")):
        ids = re.findall(r'^@rule\(\s*"([A-Z0-9-]+)"', path.read_text(), re.MULTILINE)
        assert ids, path.name
        assert ids == sorted(ids), path.name
        assert {family(one).lower() for one in ids} == {path.stem.partition("_")[0]}, path.name
        assert family(ids[0]) in FAMILIES
        found += ids
    assert sorted(found) == sorted(CATALOGUE.ids)


def test_the_page_is_fresh() -> None:
    file = Path(rules.__file__).with_name("README.md")
    assert file.read_text() == page(CATALOGUE), "run `make rules`"


# --- fixes -----------------------------------------------------------------------------------------------------------


def filled(change: Change) -> tuple[Change, tuple[Finding, ...]]:
    done = add_defaults(Evaluation(change, Basis(BUILT_IN, NOTHING_KNOWN, CATALOGUE, NOW)))
    return done.change, done.findings


@pytest.mark.parametrize("example", EVERY_BAD)
def test_a_fix_heals_and_heals_once(example: Example) -> None:
    change = example.change()
    after, told = filled(change)
    assert (after == change) == (not told)
    healed = {(finding.rule, edit.says) for finding in told for edit in finding.problem.fixes}
    left = {(f.rule, edit.says) for f in judged(after).findings for edit in f.problem.fixes}
    assert not healed & left
    mended = {rule for rule, _ in healed} - {"ENV-008"}  # whose other problems have no fix
    assert not mended & {finding.rule for finding in judged(after).findings}
    assert filled(after) == (after, ())


@pytest.mark.parametrize("example", EVERY_BAD)
def test_a_fix_changes_nothing_that_was_written(example: Example) -> None:
    change = example.change()
    kept = deepcopy(change.object)
    after, _ = filled(change)
    assert change.object == kept
    assert contains(after.object, kept)


@pytest.mark.parametrize("example", EVERY_BAD)
def test_no_list_holds_two_entries_of_one_name_that_were_not_there(example: Example) -> None:
    change = example.change()
    assert repeated(filled(change)[0].object) == repeated(change.object)


@pytest.mark.parametrize("example", EVERY_BAD)
def test_a_fix_brings_no_denial(example: Example) -> None:
    change = example.change()
    refused = {f.rule for f in judged(change).findings if f.level == "deny"}
    assert {f.rule for f in judged(filled(change)[0]).findings if f.level == "deny"} <= refused


def contains(after: Any, before: Any) -> bool:
    """Whether all that was there still is, in its order; only additions are new."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(key in after and contains(after[key], before[key]) for key in before)
    if isinstance(before, list):
        return isinstance(after, list) and all(map(contains, after, before)) and len(after) >= len(before)
    return bool(after == before)


def repeated(value: Any) -> list[tuple[str, str]]:
    found = []
    if isinstance(value, dict):
        found = [one for item in value.values() for one in repeated(item)]
    if isinstance(value, list):
        names = [item["name"] for item in value if isinstance(item, dict) and "name" in item]
        found = [one for item in value for one in repeated(item)]
        found += [("twice", name) for name in set(names) if names.count(name) > 1]
    return found


# --- doors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EVERY_BAD)
def test_webhook_and_check_say_the_same(example: Example) -> None:
    """What passes both doors one after the other gets the ids and messages that `check` prints.

    But for what only files can hold, as the API server itself refuses it.
    """
    change = replace(example.change(), source=None)
    asked = guard(example.policy, example.facts)
    verdict = decide(change, asked, NOW)
    opened = complete(change, asked, NOW)
    mutated = json.loads(answer("mutate", review(change), asked, NOW).body)["response"]
    validated = json.loads(answer("validate", review(opened.change), asked, NOW).body)["response"]
    assert mutated["allowed"]
    assert validated["allowed"] == (not verdict.denials)
    assert validated.get("status", {}).get("message", "") == "\n".join(verdict.denials)
    warned = [*mutated.get("warnings", ()), *validated.get("warnings", ())]
    unchecked = [text for text in warned if " skipped: " in text]
    assert len(unchecked) == bool(verdict.skipped)
    said = sorted(text.split(":")[0] for text in warned if text not in unchecked)
    assert said == sorted(text.split(":")[0] for text in verdict.warnings)


# --- malformed objects -----------------------------------------------------------------------------------------------

JUNK: list[Any] = [None, "", "x", 0, 1.5, True, [], {}, [None], {"": None}, [[]], {"name": 5}, "\x00\u202e", "9" * 5000]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def put(value: Any, path: tuple[str | int, ...], junk: Any) -> Any:
    changed = deepcopy(value)
    at(changed, *path[:-1])[path[-1]] = junk
    return changed


ENICONFIG_OBJECT = CATALOGUE.get("ENIC-001").good[0].change().object  # type: ignore[union-attr]


@pytest.mark.parametrize("whole", [stock(), ENICONFIG_OBJECT], ids=["DaemonSet", "ENIConfig"])
def test_no_malformed_object_crashes_a_rule(whole: dict[str, Any]) -> None:
    """Each field of a real object in turn is replaced by each kind of junk; as the new object, and as the old one."""
    for path in places(whole):
        if path[0] == "kind" or len(path) > 9:
            continue
        for junk in JUNK[:: 1 if len(path) < 8 else 4]:
            broken = put(whole, path, junk)
            for change in (
                change_of(whole["kind"], broken, source=Source("x.yaml")),
                change_of(whole["kind"], whole, broken, "UPDATE"),
                change_of(whole["kind"], None, broken, "DELETE"),
            ):
                assert judged(change).errors == (), (path, junk)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["aws-node", "env", "image"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["spec", "metadata", "template", "containers", "env", "name", "value", "image", "annotations"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(json_values, json_values)
def test_no_object_at_all_crashes_a_rule(new: Any, old: Any) -> None:
    spec = {"template": {"spec": {"serviceAccountName": "aws-node", "containers": new, "initContainers": old}}}
    for change in (
        change_of("DaemonSet", {"metadata": {"name": "aws-node"}, "spec": spec}, {"spec": old}, "UPDATE"),
        change_of("ENIConfig", {"spec": new, "metadata": old}, old, "UPDATE"),
        change_of("DaemonSet", {"metadata": new, "spec": spec}, source=Source("x.yaml")),
        change_of("ENIConfig", {"metadata": new, "spec": old}, source=Source("x.yaml")),
    ):
        assert judged(change).errors == ()


# --- releases --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", SUPPORTED, ids=str)
def test_a_stock_manifest_is_denied_only_for_a_blocked_release(release: Version) -> None:
    verdict = judged(change_of("DaemonSet", stock(release)))
    assert {f.rule for f in verdict.findings if f.level == "deny"} <= {"VER-002"}
    deployed = next(f for f in at(stock(release), *POD_SPEC, "containers"))["image"].rpartition(":v")[2]
    blocked = any(
        row.level == "deny" and row.first <= Version.of(deployed) <= row.last and not row.when for row in KNOWN.unsafe
    )
    assert bool(denials(verdict)) == blocked


@pytest.mark.parametrize("release", [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST], ids=str)
def test_an_official_manifest_has_no_finding_but_about_its_release(release: Version) -> None:
    """As a file, as a new object, and restarted."""
    whole = stock(release)
    restarted = put(whole, ("metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "2026-06-01T12:00:00Z"})
    for change in (
        change_of("DaemonSet", whole, source=Source("aws-node.yaml")),
        change_of("DaemonSet", whole),
        change_of("DaemonSet", restarted, whole, "UPDATE"),
    ):
        assert {finding.rule for finding in judged(change).findings} <= {"VER-002"}


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1"])
@pytest.mark.parametrize("release", sorted({FIRST_WITH_MANIFEST, *SUPPORTED[::7], VERSIONS[-1]}), ids=str)
def test_an_official_manifest_passes_in_every_partition_with_all_facts(release: Version, region: str) -> None:
    whole = stock(release, region=region)
    labelled = put(whole, ("metadata", "labels"), {"team": "network"})
    for change in (change_of("DaemonSet", whole), change_of("DaemonSet", labelled, whole, "UPDATE")):
        verdict = evaluated(change, facts=FACTS)
        assert {finding.rule for finding in verdict.findings} <= {"VER-002", "VER-003"}
        assert verdict.skipped == ()


@pytest.mark.parametrize("known", SUPPORTED, ids=str)
def test_no_later_stock_manifest_is_denied_by_tables_that_end_earlier(known: Version) -> None:
    """Cut the tables at any release: what the guard does not know yet, it does not refuse."""
    tables = KNOWN.until(known)
    for release in (release for release in VERSIONS if release > known):
        change = change_of("DaemonSet", stock(release))
        verdict = evaluated(change, tables=tables)
        assert denials(verdict) == []
        assert not verdict.errors


def test_from_every_release_allowed_steps_lead_to_the_newest() -> None:
    """No dead end: by the last patch of the next minor, with the stock manifest of each."""
    newest = VERSIONS[-1]
    for start in SUPPORTED:
        here = start
        while here != newest:
            last = KNOWN.last_patches[here[:2]]
            following = KNOWN.last_patches[here.major, here.minor + 1] if here == last else last
            step = change_of("DaemonSet", stock(following), stock(here), "UPDATE")
            assert denials(judged(step)) == [], (start, here, following)
            here = following


@pytest.mark.skipif(not MANIFESTS.is_dir(), reason="the official manifests are not beside this checkout")
@pytest.mark.parametrize("manifest", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_official_manifest_passes(manifest: Path) -> None:
    verdict = judged(change_of("DaemonSet", daemonset(manifest)))
    assert denials(verdict) == []
    assert not verdict.errors
    assert {finding.rule for finding in verdict.findings} <= {"VER-002"}


# --- the policy ------------------------------------------------------------------------------------------------------


def test_defaults_of_the_policy() -> None:
    policy = Policy(
        mode="enforce", defaults=Defaults(env={"aws-node": {"CLUSTER_NAME": "prod", "WARM_ENI_TARGET": "5"}})
    )
    change = change_of("DaemonSet", stock())
    done = complete(change, guard(policy), NOW)
    assert [edit.says for edit in done.edits] == ["aws-node env CLUSTER_NAME=prod"]
    assert [f.rule for f in done.findings] == ["DEF-001"]
    assert not validate(done.change, guard(policy), NOW).said


def test_a_default_of_the_policy_is_not_filled_in_where_a_rule_would_refuse_it() -> None:
    policy = Policy(mode="enforce", defaults=Defaults(env={"aws-node": {"WARM_ENI_TARGET": "3"}}))
    wish = {"WARM_ENI_TARGET": None, "WARM_IP_TARGET": "5", "MINIMUM_IP_TARGET": "12"}

    change = Example(DaemonSet(env=wish)).change()
    assert complete(change, guard(policy), NOW).patch == ()


# --- traits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [rule for rule in CATALOGUE if rule.since], ids=lambda rule: rule.id)
def test_a_rule_runs_from_the_release_of_what_it_is_about(rule: Rule) -> None:
    first = KNOWN.first_with(rule.since)
    assert first is not None, "the tables do not have it"
    older = [release for release in VERSIONS if FIRST_WITH_MANIFEST <= release < first]
    for release in older[-1:]:
        for example in rule.bad:
            if isinstance(example.now, DaemonSet):
                described = replace(example.now, release=str(release))
                with contextlib.suppress(KeyError):
                    verdict = evaluated(replace(example, now=described, before=None).change())
                    assert rule.id not in {finding.rule for finding in verdict.findings}
