"""The structure found in the bytes of JSON agrees with what a parser finds."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.bounds import structure

TEXTS = st.text(st.sampled_from('\\"[]{}:, ax\u2028\n'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=60,
)


def depth(value: Any) -> int:
    """Levels of arrays and objects."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def values(value: Any) -> int:
    """Values and keys."""
    if isinstance(value, dict):
        return 1 + sum(1 + values(one) for one in value.values())
    return 1 + (sum(map(values, value)) if isinstance(value, list) else 0)


def keys(value: Any) -> int:
    """Keys."""
    if isinstance(value, dict):
        return sum(1 + keys(one) for one in value.values())
    return sum(map(keys, value)) if isinstance(value, list) else 0


def deep(value: Any, levels: int) -> Any:
    """The value below so many arrays and objects."""
    for level in range(levels):
        value = {"]": value} if level % 2 else [value]
    return value


@given(VALUES, st.integers(0, 40), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_depth_values_and_keys_are_those_of_the_document(
    value: Any,
    levels: int,
    separators: tuple[str, str],
    ascii_only: bool,
) -> None:
    value = deep(value, levels)
    found = structure(json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode(), 10_000)
    assert found is not None
    assert found.depth == depth(value)
    assert found.keys == keys(value)
    assert values(value) <= found.values <= 2 * values(value)


@given(st.text(st.sampled_from('\\"[]{}:, a'), max_size=30))
def test_what_is_not_json_is_measured_too(text: str) -> None:
    found = structure(text.encode(), 10_000)
    assert found is not None
    assert found.depth >= 0


@given(st.integers(1, 3), st.integers(65_500, 65_600))
def test_a_string_across_a_step_stays_one(count: int, length: int) -> None:
    value: list[Any] = [",[{" * length] * count + [[]]
    found = structure(json.dumps(value).encode(), 100)
    assert found is not None
    assert (found.depth, found.keys) == (2, 0)


def test_more_strings_than_may_be_are_not_looked_at() -> None:
    body = json.dumps(["a"] * 11).encode()
    assert structure(body, 11) is not None
    assert structure(body, 10) is None


MAKERS: dict[str, Callable[[int], bytes]] = {
    "blanks": lambda n: b" " * n,
    "quotes": lambda n: b'"' * n,
    "backslashes": lambda n: b"\\" * n,
    "strings": lambda n: b'"a",' * (n // 4),
    "separators in strings": lambda n: b'",",' * (n // 4),
    "pairs": lambda n: b"[]" * (n // 2),
    "opened": lambda n: b"[" * n,
    "nested": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
    "combs": lambda n: b"[" * (n // 4) + b"[]]" * (n // 4),
    "nests": lambda n: (b"[" * 500 + b"]" * 500) * (n // 1000),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_time_is_linear(make: Callable[[int], bytes]) -> None:
    def seconds(size: int) -> float:
        body = make(size)
        taken = []
        for _ in range(3):
            started = time.thread_time()
            found = structure(body, size)
            assert found is None or found.depth + found.values >= 0
            taken.append(time.thread_time() - started)
        return min(taken)

    assert seconds(8 * 2**18) < 24 * seconds(2**18) + 0.01
