"""One request never stops the guard: whatever an author makes long costs time in proportion, and has a limit."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.changes import NOW, guard, review
from webhook.cni import aws_node, container, limits
from webhook.cni.stock import stock
from webhook.model import Operation, Path, Problem, Resource, at
from webhook.outcome import Outcome, _common
from webhook.review.answer import answer
from webhook.review.decision import Endpoint
from webhook.rules import CATALOGUE
from webhook.rules.examples import DaemonSet

FEW, MANY = 1_000, 8_000
WIDEST = 24
"""A square gives 64, a line 8; a machine that does other things beside gives up to twice that."""
NOTICEABLE = 0.02
"""Seconds below which a time says nothing about growth."""

ENICONFIG = CATALOGUE.get("ENIC-001").good[0].resource().object  # type: ignore[union-attr]


def whole() -> dict[str, Any]:
    """An aws-node with one of each list that a pod, its containers and its metadata can have."""
    daemonset = stock()
    daemonset["metadata"] |= {
        "annotations": {"a": "b"},
        "finalizers": ["a.example/b"],
        "ownerReferences": [{"name": "x"}],
        "managedFields": [{"manager": "eks", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}],
    }
    for kind in ("containers", "initContainers"):
        for one in daemonset["spec"]["template"]["spec"][kind]:
            one |= {"envFrom": [{"configMapRef": {"name": "x"}, "prefix": "A_"}], "command": ["/app/run"]}
            one.setdefault("args", ["--x=y"])
            one.setdefault("ports", [{"containerPort": 1}])
    return daemonset


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The lists of an object, and its mappings of names that an author chooses."""
    if isinstance(value, list) or path[-1:] in {("annotations",), ("labels",), ("spec",)}:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def alike(entry: Any, _number: int) -> Any:
    return deepcopy(entry)


def distinct(entry: Any, number: int) -> Any:
    if isinstance(entry, str):
        return f"{entry}{number}"
    return {**entry, "name": f"WARM_IP_TARGEX{number}"} if isinstance(entry, dict) else entry


def twice(entry: Any, number: int) -> Any:
    return distinct(entry, number // 2)


def nameless(entry: Any, _number: int) -> Any:
    return {} if isinstance(entry, dict) else entry


Kind = Callable[[Any, int], Any]


def grown(original: dict[str, Any], path: Path, count: int, kind: Kind) -> dict[str, Any]:
    """The object with `count` more entries in one place."""
    changed = deepcopy(original)
    place = at(changed, *path)
    if isinstance(place, list):
        sample = place[0] if place else "x"
        place += [kind(sample, number) for number in range(count)]
    else:
        place |= {f"subnet{number}.example/x": "y" for number in range(count)}
    return changed


def seconds(door: Endpoint, body: bytes) -> float:
    """The least CPU time of two answers. The collector is off: when it runs depends on what ran before."""
    times = []
    gc.disable()
    try:
        for _ in range(2):
            started = time.thread_time()
            answer(door, body, guard(), NOW)
            times.append(time.thread_time() - started)
    finally:
        gc.enable()
    return min(times)


CASES = [
    pytest.param(original, path, kind, id=f"{original['kind']}-{'.'.join(map(str, path))}-{kind.__name__}")
    for original in (whole(), ENICONFIG)
    for path in places(original)
    for kind in (alike, distinct, twice, nameless)
    if isinstance(at(original, *path), list) or kind is alike
]


@pytest.mark.parametrize(("original", "path", "kind"), CASES)
def test_eight_times_the_entries_take_less_than_a_square_of_the_time(
    original: dict[str, Any], path: Path, kind: Kind
) -> None:
    asked: tuple[tuple[Endpoint, Operation], ...] = (("validate", "UPDATE"), ("mutate", "CREATE"))
    for door, operation in asked:
        took = []
        for count in (FEW, MANY):
            now = grown(original, path, count, kind)
            old = grown(original, path, count // 2, kind) if operation == "UPDATE" else None
            took.append(seconds(door, review(Resource(original["kind"], now, old, operation))))
        assert took[1] < max(WIDEST * took[0], NOTICEABLE), (door, operation, took)


UNBOUNDED = dict.fromkeys((*limits.POD_LISTS, *limits.CONTAINER_LISTS), 10**9)
IN_CONTAINERS = [
    parameters for parameters in CASES if "env" in str(parameters.id) or "containers" in str(parameters.id)
]


@pytest.mark.parametrize(("original", "path", "kind"), IN_CONTAINERS)
def test_every_rule_is_linear_without_any_limit_too(
    original: dict[str, Any], path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_node, "POD_LISTS", UNBOUNDED)
    monkeypatch.setattr(container, "CONTAINER_LISTS", UNBOUNDED)
    took = [
        seconds("mutate", review(Resource("DaemonSet", grown(original, path, count, kind)))) for count in (250, 2_000)
    ]
    assert took[1] < max(WIDEST * took[0], NOTICEABLE), took


def test_references_to_one_long_value_do_not_multiply() -> None:
    """Built, the probe's command would have 120 million characters."""
    changed = DaemonSet(env={"A": "a" * 30_000}).build()
    holder = changed["spec"]["template"]["spec"]["containers"][0]
    holder["livenessProbe"] = {"exec": {"command": ["$(A)" * 4_000]}}
    body = review(Resource("DaemonSet", changed))
    tracemalloc.start()
    answer("validate", body, guard(), NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_many_problems_of_one_evidence_are_compared_in_proportion() -> None:
    def took(count: int) -> float:
        problem = Problem(path=("x",), evidence=(("a", "b"),), level="warn", wrong="w", effect="e", remedy="R")
        outcomes = [Outcome((problem,) * count)] * 3
        started = time.thread_time()
        _common(outcomes, ())
        return time.thread_time() - started

    assert took(4_000) < WIDEST * max(took(500), 0.001)
