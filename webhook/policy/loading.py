"""Loading of a policy file: YAML in, a frozen `Policy` or all the reasons why not."""

from collections.abc import Collection, Iterator
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from webhook.model import Json
from webhook.policy.diagnostic import Diagnostic, PolicyError
from webhook.policy.former import Former, named_rules, outdated, with_current_ids
from webhook.policy.misfits import misfits, unknown
from webhook.policy.schema import schema
from webhook.policy.sections import Policy
from webhook.policy.written import Written, parse


class Loaded(NamedTuple):
    """A policy, and what its owner should change in it before the next minor version."""

    policy: Policy
    warnings: tuple[Diagnostic, ...]
    as_written: Policy
    """The policy with the former IDs that its file has."""
    written: Written


def load(text: str, file: str, rules: Collection[str], former: Former = MappingProxyType({})) -> Policy:
    """Parse a policy, as `read` does, without its warnings."""
    return read(text, file, rules, former).policy


def read(text: str, file: str, rules: Collection[str], former: Former = MappingProxyType({})) -> Loaded:
    """Parse a policy. A former ID counts as each ID that replaces it and that the policy does not name itself.

    An ID of several former ones has the strictest of their levels. An exception names an ID for its own resource only.

    Args:
        text: The content of the policy file.
        file: The name of the file, for error messages.
        rules: The IDs of all existing rules.
        former: The IDs that are split or gone.

    Raises:
        PolicyError: The policy does not load.
    """
    written = parse(text, file)
    value = _with_off(written.value)
    if errors := tuple(_errors(written, value, {*rules, *former})):
        raise PolicyError.of(errors)
    try:
        policy = msgspec.convert(value, Policy)
    except msgspec.ValidationError as error:
        raise PolicyError.of([written.error((), str(error), "")]) from error
    warnings = (
        written.warning(path, found, way_out)
        for path, rule, named in named_rules(value)
        for found, way_out in outdated(rule, named, rules, former)
    )
    return Loaded(with_current_ids(policy, former), tuple(warnings), policy, written)


def _errors(written: Written, value: Json, rules: Collection[str]) -> Iterator[Diagnostic]:
    """Everything that does not fit the schema, and each rule that does not exist."""
    absent = {
        path: unknown(path, f"there is no rule {rule}", rule, rules, is_key=path[0] == "rules")
        for path, rule, _ in named_rules(value)
        if rule not in rules
    }
    # That a rule does not exist says more than that its ID does not match the pattern of IDs.
    found = (one for one in misfits(value, schema()) if one.path not in absent or one.is_key != absent[one.path].is_key)
    for one in (*found, *absent.values()):
        yield written.error(one.path, one.found, one.expected, one.nearest)


def _with_off(value: Json) -> Json:
    """Accept `off` without quotes as a level, although YAML 1.1 reads it as false."""
    rules = value.get("rules") if isinstance(value, dict) else None
    if not isinstance(rules, dict):
        return value
    return value | {"rules": {rule: "off" if level is False else level for rule, level in rules.items()}}
