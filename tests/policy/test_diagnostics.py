"""What is wrong with a policy: everything at once, each at its own key."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhook import policy
from webhook.policy import PolicyError
from webhook.policy.diagnostic import MOST
from webhook.policy.misfits import KEYWORDS
from webhook.rules import CATALOGUE

ANNOTATIONS = {"$schema", "$id", "title", "description", "default", "$defs"}
"""Keywords of JSON Schema that restrict nothing."""


def errors(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as refused:
        policy.read(text, "policy.yaml", CATALOGUE.ids, CATALOGUE.former)
    return refused.value.lines


def test_all_errors_are_reported_in_the_order_of_the_file() -> None:
    assert errors(
        "mode: audit\n"
        "exceptions:\n"
        "  - rule: IPT-0044\n"
        "    resource: DaemonSet kube-system/aws-node\n"
        "    owner: ''\n"
        "    until: 2026-02-30\n"
        "rules: {ENV-001: maybe, ENV-01: warn}\n"
        "rollout: {maxUnavailable: 101}\n"
        "versions:\n"
        "  floor: v1.2.3\n"
        "  maxMinorSkip: true\n"
        "defaults: {env: {aws-nod: {A: b}}}\n"
    ) == (
        'policy.yaml:1:1: mode is "audit"; use one of enforce, observe',
        "policy.yaml:3:5: exceptions[0].reason is missing; add it",
        "policy.yaml:3:5: there is no rule IPT-0044; did you mean IPT-004?",
        'policy.yaml:5:5: exceptions[0].owner is ""; it must not be empty',
        'policy.yaml:6:5: exceptions[0].until is "2026-02-30"; write the date as YYYY-MM-DD, such as 2026-12-31',
        'policy.yaml:7:9: rules.ENV-001 is "maybe"; use one of deny, off, warn',
        "policy.yaml:7:25: there is no rule ENV-01; did you mean ENV-001?",
        "policy.yaml:8:11: rollout.maxUnavailable is 101; it must be at most 100",
        'policy.yaml:10:3: versions.floor is "v1.2.3"; it must match ^[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}$',
        "policy.yaml:11:3: versions.maxMinorSkip is true; expected an integer",
        "policy.yaml:12:18: unknown key defaults.env.aws-nod; did you mean aws-node?",
    )


def test_a_value_and_its_key_are_both_reported() -> None:
    assert errors("mode: enforce\nrules: {NOPE-001: maybe}\n")[1].startswith(
        "policy.yaml:2:9: there is no rule NOPE-001; "
    )


def test_beyond_the_most_errors_the_rest_is_counted() -> None:
    lines = errors("mode: enforce\n" + "".join(f"nothing{number}: 1\n" for number in range(MOST + 3)))
    assert len(lines) == MOST + 1
    assert lines[-1] == "and 3 more errors"


def test_a_diagnostic_is_a_value() -> None:
    with pytest.raises(PolicyError) as refused:
        policy.read("mode: enforce\nversions:\n  maxMinorSkp: 2\n", "policy.yaml", CATALOGUE.ids)
    (one,) = refused.value.errors
    assert (one.path, one.place.line, one.place.column) == (("versions", "maxMinorSkp"), 3, 3)
    assert (one.severity, one.found, one.nearest) == ("error", "unknown key versions.maxMinorSkp", "maxMinorSkip")
    assert one.expected.startswith("allowed here: allowSkip, blocked")


@pytest.mark.parametrize("text", ['{"mode": "audit"}', "mode: audit", "{mode: audit}"])
def test_json_has_the_position_of_the_key_too(text: str) -> None:
    column = text.index("mode") + (0 if '"' not in text else -1) + 1
    assert errors(text)[0].startswith(f"policy.yaml:1:{column}: mode is ")


def keywords(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, inner in node.items():
            yield key
            if key in {"properties", "$defs"}:
                for one in inner.values():
                    yield from keywords(one)
            elif key not in {"default", "required", "enum"}:
                yield from keywords(inner)
    elif isinstance(node, list):
        for one in node:
            yield from keywords(one)


def test_the_walk_knows_every_keyword_of_the_schema() -> None:
    assert set(keywords(policy.schema())) - ANNOTATIONS <= KEYWORDS


SECTIONS: dict[str, Any] = policy.schema()["$defs"]
KEYS = st.sampled_from(sorted({key for one in SECTIONS.values() for key in one["properties"]} | {"IPT-001", "1.33"}))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
SCALARS |= st.sampled_from(
    ["enforce", "deny", "IPT-001", "1.23.1", "2026-12-31", "20261231", "aws-node", "1.33", "1.2.3\n"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def shaped(node: Any) -> st.SearchStrategy[Any]:
    """Values that fit a part of the schema, with anything else in some places."""
    if "$ref" in node:
        return shaped(SECTIONS[node["$ref"].rsplit("/", 1)[-1]])
    if "anyOf" in node:
        return st.one_of([shaped(branch) for branch in node["anyOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"]) | SCALARS
    if node["type"] == "object":
        own = {key: shaped(inner) for key, inner in node.get("properties", {}).items()}
        if own:
            return st.fixed_dictionaries({}, optional=own)
        return st.dictionaries(KEYS | st.text(max_size=5), shaped(node["additionalProperties"]), max_size=2)
    return st.lists(shaped(node["items"]), max_size=2) if node["type"] == "array" else SCALARS


@given(VALUES | shaped(SECTIONS["Policy"]) | shaped(SECTIONS["Policy"]).map(lambda one: one | {"mode": "enforce"}))
def test_any_value_is_a_policy_or_an_error_that_says_where(value: Any) -> None:
    said: tuple[str, ...] = ()
    try:
        policy.read(yaml.safe_dump(value, allow_unicode=True), "policy.yaml", CATALOGUE.ids, CATALOGUE.former)
    except PolicyError as error:
        said = error.lines
    assert all(line.isprintable() for line in said)
    assert all(line.startswith(("policy.yaml:", "and ")) for line in said)
    # These are the words of msgspec: the walk over the schema leaves nothing for it to find.
    assert not any("Expected `" in line or "Invalid " in line for line in said)
