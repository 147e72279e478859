"""In an outage the guard lets the cure through: mending, in part or in whole, is never refused."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice, permutations
from typing import Any

import pytest

from tests.changes import evaluated
from webhook.catalogue.examples import DaemonSet, ENIConfig, Example
from webhook.cni.aws_node import VERSION_ANNOTATION
from webhook.model import Change, Verdict
from webhook.rules import CATALOGUE

COMPARES = {"ROLL-003", "VER-004", "VER-005", "SNAT-001", "IP6-004", "POD-009"}
"""Rules about the difference of two objects: neither side alone has their findings."""

INEXCUSABLE = {rule.id for rule in CATALOGUE if not rule.excusable}
"""Rules for which keeping a fault is the fault."""


def judged(change: Change) -> Verdict:
    return evaluated(change)


def faults(example: DaemonSet | ENIConfig) -> frozenset[tuple[Any, ...]]:
    """What is wrong with an object by itself: by rule and evidence, and how grave."""
    return frozenset(
        (finding.rule, finding.problem.evidence, finding.level, finding.problem.certain)
        for finding in judged(Example(example).change()).findings
    )


def states(kind: type[DaemonSet] | type[ENIConfig]) -> list[Any]:
    found = [
        side
        for rule in CATALOGUE
        for example in (*rule.bad, *rule.good)
        for side in (example.now, example.before)
        if isinstance(side, kind)
    ]
    return list({repr(side): side for side in found}.values())


@pytest.mark.parametrize("kind", [DaemonSet, ENIConfig])
def test_a_change_that_only_removes_findings_is_never_denied(kind: type[DaemonSet] | type[ENIConfig]) -> None:
    """For all pairs of examples."""
    known = [(state, faults(state)) for state in states(kind)]
    tried = 0
    for (before, had), (after, has) in permutations(known, 2):
        if has <= had:
            tried += 1
            change = Example(after, before=before).change()
            denied = {f.rule for f in judged(change).findings if f.level == "deny"} - COMPARES
            assert not denied - INEXCUSABLE, (before, after)
    assert tried > len(known)


def meet(one: DaemonSet, other: DaemonSet) -> bool:
    """Whether what one says has another meaning beside the other."""
    if one.repeat and set(one.repeat) & other.env.keys():
        return True
    shaped = {"aws-vpc-cni-init": one.init_fields, "aws-eks-nodeagent": one.agent_fields}
    if any(shaped.get(name) or "volumes" in one.pod for name in other.renamed):
        return True  # what a container may do counts otherwise where it is not the CNI's
    speaks_of_another = one.annotations.get(VERSION_ANNOTATION, one.release) != one.release
    return speaks_of_another and bool(other.images or other.probe_address)


def flags(one: DaemonSet) -> frozenset[str]:
    """The flags of the agent that an example sets."""
    words = (*one.arguments, *(one.agent_fields.get("args") or ()))
    return frozenset(word.partition("=")[0] for word in words)


_MAPPINGS = ("env", "images", "fields", "spec", "pod", "status", "init_fields", "agent_fields")


def changes(one: DaemonSet) -> set[str]:
    """The containers in which an example changes something."""
    init, agent = one.init_env or one.init_fields, one.agent_fields or one.arguments
    found = {
        *one.images,
        *one.renamed,
        *(["aws-vpc-cni-init"] if init else []),
        *(["aws-eks-nodeagent"] if agent else []),
    }
    of_main = one.env or one.fields or one.without or one.repeat or one.probe_address
    return found | ({"aws-node"} if of_main else set())


def _speak_of_one_place(one: DaemonSet, other: DaemonSet) -> bool:
    if any(getattr(one, name).keys() & getattr(other, name).keys() for name in _MAPPINGS):
        return True
    if set(one.without_containers) & changes(other) or set(other.without_containers) & changes(one):
        return True
    return bool(flags(one) & flags(other))


def combined(one: DaemonSet, other: DaemonSet) -> DaemonSet | None:
    """An object with the faults of both; None where they speak of one place."""
    parts = (
        [bool(side.fields or side.without) for side in (one, other)],
        [bool(side.probe_address) for side in (one, other)],
    )
    if one.release != other.release or any(all(pair) for pair in zip(parts[0], reversed(parts[1]), strict=True)):
        return None
    if _speak_of_one_place(one, other):
        return None
    if (
        meet(one, other)
        or meet(other, one)
        or any("env" in a.fields and b.env for a, b in ((one, other), (other, one)))
    ):
        return None
    if one.probe_address and other.probe_address:
        return None
    merged: dict[str, Any] = {}
    for name in DaemonSet.__dataclass_fields__:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine and theirs and not isinstance(mine, dict | str):
            merged[name] = mine + theirs if isinstance(mine, tuple) else theirs
        elif isinstance(mine, dict) and isinstance(theirs, dict):
            merged[name] = {**mine, **theirs}
        else:
            merged[name] = mine or theirs
    return DaemonSet(**merged)


def causes(example: DaemonSet) -> Counter[tuple[Any, ...]]:
    """The faults of an object by what they rest on, whatever it says."""
    found = judged(Example(example).change()).findings
    return Counter((f.rule, f.level, f.problem.certain, *(name for name, _ in f.problem.evidence)) for f in found)


SHARDS = 4
"""Parts of the law about pairs, which run side by side."""

PAIRS = 6_000
"""Pairs that are tried: with hundreds of examples, all of them would take ten minutes."""


def pairs(shard: int) -> Iterator[tuple[DaemonSet, DaemonSet]]:
    """A share of the pairs of examples, spread over all of them."""
    every = list(combinations(states(DaemonSet), 2))
    step = max(len(every) // PAIRS, 1)
    return islice(every, shard * step, None, SHARDS * step)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_mending_one_of_two_faults_is_never_refused(shard: int) -> None:
    alone = {repr(state): causes(state) for state in states(DaemonSet)}
    for one, other in pairs(shard):
        both = combined(one, other)
        if both is None:
            continue
        had = causes(both)
        for left in (one, other):
            if alone[repr(left)] <= had:
                change = Example(left, before=both).change()
                denied = {f.rule for f in judged(change).findings if f.level == "deny"} - COMPARES
                # Where one fault is that an entry is absent, the other alone has one more.
                absent = {"POD-013"} if None in both.env.values() else set()
                assert not denied - INEXCUSABLE - absent, (both, left)


def test_a_label_or_a_restart_of_any_example_passes() -> None:
    for state in states(DaemonSet):
        labelled = replace(state, annotations={**state.annotations, "a": "b"})
        change = Example(labelled, before=state).change()
        assert not {f.rule for f in judged(change).findings if f.level == "deny"} - INEXCUSABLE, state
