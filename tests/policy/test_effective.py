"""The policy in force, shown: it says the same as the file, and where each setting comes from."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.test_loading import BEFORE, FULL
from webhook import policy
from webhook.policy import effective
from webhook.rules import CATALOGUE


def read(text: str) -> policy.Loaded:
    return policy.read(text, "policy.yaml", CATALOGUE.ids, CATALOGUE.former)


def shown(loaded: policy.Loaded) -> str:
    sources = effective.sources(loaded, CATALOGUE.former)
    return "\n".join(effective.as_yaml(effective.values(loaded.policy), sources))


@pytest.mark.parametrize("text", [FULL, BEFORE, "mode: enforce\n", "mode: enforce\nacknowledge: []\n"])
def test_what_is_shown_is_the_policy_itself(text: str) -> None:
    loaded = read(text)
    again = policy.load(shown(loaded), "shown.yaml", CATALOGUE.ids)
    assert again == loaded.policy


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(
    [
        "y",
        "off",
        "1e3",
        "0x1",
        "~",
        "-",
        "- a",
        "a: b",
        "a #b",
        "1.33",
        ".inf",
        "'",
        '"',
        "\\",
        "1_0",
        "<<",
        "\x85",
        "\ufeff",
    ]
)


@given(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_any_text_is_shown_as_it_is(text: str, env: dict[str, str]) -> None:
    loaded = read(FULL)
    exception = msgspec.structs.replace(loaded.policy.exceptions[0], owner=text, resource=text)
    odd = msgspec.structs.replace(
        loaded.policy, exceptions=(exception,), defaults=policy.Defaults(env={"aws-node": env})
    )
    text = "\n".join(effective.as_yaml(effective.values(odd), {}))
    assert policy.load(text, "shown.yaml", CATALOGUE.ids) == odd


def test_each_setting_says_where_it_comes_from() -> None:
    loaded = read("mode: enforce\nrollout:\n  maxUnavailable: 25\nversions: {blocked: []}\n")
    found: dict[Any, str] = dict(effective.sources(loaded, CATALOGUE.former))
    assert found == {
        ("mode",): "policy.yaml:1",
        ("rollout", "maxUnavailable"): "policy.yaml:3",
        ("versions", "blocked"): "policy.yaml:4",
    }
    lines = shown(loaded).splitlines()
    assert "  maxUnavailable: 25  # policy.yaml:3" in lines
    assert "onCrash: deny  # built-in" in lines


def test_a_current_id_says_where_its_former_one_is() -> None:
    found = effective.sources(read(BEFORE), CATALOGUE.former)
    assert found["rules", "POD-008"] == "policy.yaml:2"
    assert found["acknowledge", 1] == "policy.yaml:3"
    rules = [one.rule for one in read(BEFORE).policy.exceptions]
    assert {found["exceptions", index, "rule"] for index in range(len(rules))} == {"policy.yaml:5"}
    two = read("mode: enforce\nrules:\n  VER-001: warn\n  VER-002: deny\n")
    assert effective.sources(two, CATALOGUE.former)["rules", "VER-009"] == "policy.yaml:4", "the strictest counts"


def test_each_exception_of_a_former_id_keeps_its_own_line() -> None:
    one = "- {rule: ENV-006, resource: %s, owner: net, reason: z, until: 2099-01-01}\n"
    loaded = read("mode: enforce\nexceptions:\n" + one % "a" + one % "b")
    found = effective.sources(loaded, CATALOGUE.former)
    for index, exception in enumerate(loaded.policy.exceptions):
        assert found["exceptions", index, "owner"] == f"policy.yaml:{3 if exception.resource == 'a' else 4}"
