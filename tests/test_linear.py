"""One request never stops the guard: whatever an author makes long costs time in proportion, and has a limit."""

import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from tests.changes import NOW, guard, review
from webhook.catalogue.examples import DaemonSet
from webhook.cni import aws_node, container, limits, mounts, template
from webhook.cni import eniconfig as eniconfig_view
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.engine.outcome import Outcome, _common
from webhook.model import Operation, Path, Problem, at
from webhook.review.answer import answer
from webhook.review.decision import Endpoint
from webhook.rules import CATALOGUE, img_registries, pod_refused

FEW = 1_000
"""Entries of the shorter list; the longer one has eight times as many."""
FEW_TOGETHER = 60
"""Where all lists grow at once."""
LIFTED = (aws_node, container, eniconfig_view, mounts, pod_refused, img_registries, template)
"""The modules that read a limit."""

LISTS = ("POD_LISTS", "CONTAINER_LISTS", "ENICONFIG_ROOT", "ENICONFIG_SPEC")
WIDEST = 24
"""A square gives 64, a line 8; a machine that does other things beside gives up to twice that."""
NOTICEABLE = 0.02
"""Seconds below which a time says nothing about growth."""
ROOM = 400_000
"""Bytes of the entries that the shorter list has at most, so that a review of the longer one can be read."""
TRIES = 2
"""More tries of which the least time counts: whatever else the machine does only adds to it."""

SAMPLES = {"command": ["/app/run"], "args": ["--x=y"], "ports": [{"containerPort": 1}]}


def whole() -> dict[str, Any]:
    """An aws-node with one of each list that a pod, its containers and its metadata can have, and a sidecar."""
    daemonset = stock()
    daemonset["metadata"] |= {
        "annotations": {"a": "b"},
        "finalizers": ["a.example/b"],
        "ownerReferences": [{"name": "x"}],
        "managedFields": [{"manager": "eks", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}],
    }
    pod = daemonset["spec"]["template"]["spec"]
    pod |= {"imagePullSecrets": [{"name": "x"}], "nodeSelector": {"a": "b"}, "hostAliases": [{"ip": "10.0.0.1"}]}
    pod["containers"].append(
        {
            "name": "beside",
            "image": "docker.io/example/helper:1",
            "env": [{"name": "A", "value": "b"}],
            "securityContext": {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}},
            "volumeMounts": [{"name": pod["volumes"][0]["name"], "mountPath": "/x"}],
        }
    )
    for one in (*pod["containers"], *pod["initContainers"]):
        one["envFrom"] = [{"configMapRef": {"name": "x"}, "prefix": "A_"}]
        for name, sample in SAMPLES.items():
            one.setdefault(name, deepcopy(sample))
    return daemonset


def eniconfig() -> dict[str, Any]:
    """An ENIConfig with one of each list and mapping."""
    made: dict[str, Any] = deepcopy(CATALOGUE.get("ENIC-001").good[0].change().object)  # type: ignore[union-attr]
    made["metadata"] |= {"annotations": {"a": "b"}, "labels": {"a": "b"}, "finalizers": ["a.example/b"]}
    return made


MAPPINGS = {
    "annotations",
    "labels",
    "matchLabels",
    "nodeSelector",
    "spec",
    "env",
    "fieldsV1",
    "f:metadata",
    "resources",
}
CONTAINERS = {"containers", "initContainers"}


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The lists of an object, in each container too, and its mappings of names that an author chooses."""
    if isinstance(value, list) or not path or path[-1] in MAPPINGS:
        yield path
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value if path[-1] in CONTAINERS else value[:1])
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


def grow(changed: dict[str, Any], path: Path, count: int, kind: Kind) -> None:
    """Add `count` entries in one place of an object."""
    place = at(changed, *path)
    if isinstance(place, list):
        samples = deepcopy(place) or ["x"]
        place += [kind(samples[number % len(samples)], number) for number in range(count)]
    else:
        place |= {f"subnet{number}.example/x": "y" for number in range(count)}


def grown(original: dict[str, Any], paths: Iterable[Path], count: int, kind: Kind) -> dict[str, Any]:
    """The object with `count` more entries in each of some places."""
    changed = deepcopy(original)
    for path in paths:
        grow(changed, path, count, kind)
    return changed


def seconds(endpoint: Endpoint, body: bytes) -> float:
    """The CPU time of an answer. The collector is off: when it runs depends on what ran before."""
    gc.disable()
    try:
        started = time.thread_time()
        answered = answer(endpoint, body, guard(), NOW)
        took = time.thread_time() - started
    finally:
        gc.enable()
    decision = answered.decision
    assert decision is not None
    assert decision.verdict or decision.filled, "it was not evaluated"
    assert decision.verdict is None or decision.verdict.errors == ()
    return took


ENDPOINTS: tuple[Endpoint, ...] = ("validate", "mutate")
OPERATIONS: tuple[Operation, ...] = ("CREATE", "UPDATE")


def assert_linear(original: dict[str, Any], paths: Iterable[Path], kind: Kind, few: int) -> None:
    """Assert that eight times the entries take less than a square of the time, however the guard is asked."""
    paths = tuple(paths)
    largest = len(json.dumps(grown(original, paths, 10, kind))) // 10
    few = min(few, ROOM // largest)
    counts = (few, 8 * few)
    now = [grown(original, paths, count, kind) for count in counts]
    old = [grown(original, paths, count // 2, kind) for count in counts]
    for endpoint, operation in product(ENDPOINTS, OPERATIONS):
        bodies = [
            review(change_of(original["kind"], new, before if operation == "UPDATE" else None, operation))
            for new, before in zip(now, old, strict=True)
        ]
        took = [seconds(endpoint, body) for body in bodies]
        for _ in range(TRIES):
            if took[1] < max(WIDEST * took[0], NOTICEABLE):
                break
            took = [min(before, seconds(endpoint, body)) for before, body in zip(took, bodies, strict=True)]
        assert took[1] < max(WIDEST * took[0], NOTICEABLE), (endpoint, operation, took)


ORIGINALS = (whole(), eniconfig())
KINDS: tuple[Kind, ...] = (alike, distinct, twice, nameless)
PLACES = [
    pytest.param(original, (path,), kind, id=f"{original['kind']}-{'.'.join(map(str, path))}-{kind.__name__}")
    for original in ORIGINALS
    for path in places(original)
    for kind in KINDS
    if isinstance(at(original, *path), list) or kind is alike
]
TOGETHER = [
    pytest.param(original, tuple(places(original)), kind, id=f"{original['kind']}-all-{kind.__name__}")
    for original in ORIGINALS
    for kind in KINDS
]


@pytest.mark.parametrize(("original", "paths", "kind"), PLACES)
def test_eight_times_the_entries_take_less_than_a_square_of_the_time(
    original: dict[str, Any], paths: tuple[Path, ...], kind: Kind
) -> None:
    assert_linear(original, paths, kind, FEW)


@pytest.mark.parametrize(("original", "paths", "kind"), PLACES + TOGETHER)
def test_every_rule_is_linear_without_any_limit_too(
    original: dict[str, Any], paths: tuple[Path, ...], kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in product(LIFTED, LISTS):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, dict.fromkeys(getattr(limits, name), 10**9))
    assert_linear(original, paths, kind, FEW if len(paths) == 1 else FEW_TOGETHER)


def test_every_limit_can_be_lifted() -> None:
    """A module that reads a limit under a name of its own would keep it above."""
    ours = {module for name, module in sys.modules.items() if name.startswith("webhook.") and module is not limits}
    assert {module for module in ours if any(hasattr(module, name) for name in LISTS)} <= set(LIFTED)


LONG = 15_000
"""Characters of a text: a hundred of them are as much as an API server takes, and no list is too long for its limit."""
HELD = 12
"""Bytes that are held at most for each byte of a review, while it is built and evaluated."""


def lengthy(entry: Any, number: int) -> Any:
    """Nothing but long texts, each wrong in its place."""
    if isinstance(entry, dict):
        return {key: lengthy(value, number) for key, value in entry.items()}
    return f"{number}-{'a' * LONG}" if isinstance(entry, str) else entry


@pytest.mark.parametrize(
    ("original", "path"),
    [
        pytest.param(original, path, id=f"{original['kind']}-{'.'.join(map(str, path))}")
        for original in ORIGINALS
        for path in places(original)
        if isinstance(at(original, *path), list)
    ],
)
def test_long_texts_in_a_list_do_not_multiply(original: dict[str, Any], path: Path) -> None:
    one = len(json.dumps([lengthy(entry, 0) for entry in at(original, *path)])) // len(at(original, *path))
    now = grown(original, (path,), min(95, 100 * LONG // one), lengthy)
    for endpoint, operation in product(ENDPOINTS, OPERATIONS):
        old = original if operation == "UPDATE" else None
        body = review(change_of(original["kind"], now, old, operation))
        tracemalloc.start()
        seconds(endpoint, body)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < max(HELD * len(body), 2**20), (endpoint, operation, peak, len(body))


def test_references_to_one_long_value_do_not_multiply() -> None:
    """Built, the probe's command would have 120 million characters."""
    changed = DaemonSet(env={"A": "a" * 30_000}).build()
    holder = changed["spec"]["template"]["spec"]["containers"][0]
    holder["livenessProbe"] = {"exec": {"command": ["$(A)" * 4_000]}}
    body = review(change_of("DaemonSet", changed))
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
