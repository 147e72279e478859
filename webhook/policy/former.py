"""Rule IDs of the previous minor version: what a policy that names them means."""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import msgspec

from webhook.model import Json, Path, at, text
from webhook.policy.sections import Policy

Former = Mapping[str, tuple[str, ...]]
"""IDs of the previous minor version, each with the IDs that replace it."""

_STRICTNESS = ("off", "warn", "deny")


def with_current_ids(policy: Policy, former: Former) -> Policy:
    """The policy with each former ID replaced by the IDs that it stands for.

    An ID of several former ones has the strictest of their levels.
    """
    levels: dict[str, Literal["deny", "warn", "off"]] = {}
    for rule, level in policy.rules.items():
        for new in stands_for(rule, policy.rules, former):
            levels[new] = max(level, levels.get(new, level), key=_STRICTNESS.index)
    acknowledged, excepted = frozenset(policy.acknowledge or ()), _excepted(policy)
    expanded = (new for rule in policy.acknowledge or () for new in stands_for(rule, acknowledged, former))
    return msgspec.structs.replace(
        policy,
        rules=levels,
        acknowledge=None if policy.acknowledge is None else tuple(dict.fromkeys(expanded)),
        exceptions=tuple(
            msgspec.structs.replace(one, rule=new)
            for one in policy.exceptions
            for new in stands_for(one.rule, excepted[one.resource], former)
        ),
    )


def origins(policy: Policy, former: Former) -> Mapping[Path, Path]:
    """Where the file has each rule, acknowledged rule and exception of the policy with current IDs.

    Args:
        policy: The policy with the former IDs that its file has.
        former: The IDs that were split or removed.
    """
    found: dict[Path, Path] = {}
    by_strictness = sorted(policy.rules, key=lambda rule: -_STRICTNESS.index(policy.rules[rule]))
    for rule in by_strictness:
        for new in stands_for(rule, policy.rules, former):
            found.setdefault(("rules", new), ("rules", rule))
    listed, excepted = policy.acknowledge or (), _excepted(policy)
    first: dict[str, int] = {}
    for index, rule in enumerate(listed):
        for new in stands_for(rule, frozenset(listed), former):
            first.setdefault(new, index)
    found |= {("acknowledge", new): ("acknowledge", old) for new, old in enumerate(first.values())}
    expanded = [
        index
        for index, one in enumerate(policy.exceptions)
        for _ in stands_for(one.rule, excepted[one.resource], former)
    ]
    return found | {("exceptions", new): ("exceptions", old) for new, old in enumerate(expanded)}


def outdated(rule: str, named: Collection[str], rules: Collection[str], former: Former) -> Iterator[tuple[str, str]]:
    """What is outdated about an ID in a policy, and what to change before the next minor version.

    Args:
        rule: The ID.
        named: The IDs that the policy names for the same purpose.
        rules: The IDs of all rules.
        former: The IDs that were split or removed.
    """
    further = ", ".join(new for new in stands_for(rule, named, former) if new != rule)
    if further:
        counts = f"{'also counts' if rule in rules else 'counts'} as {further}"
        yield f"{rule} {counts}, and no longer does from the next minor version on", "name the rules that you mean"
    elif rule not in rules:
        yield f"{rule} is gone, and refused from the next minor version on", "remove it"


def named_rules(value: Json) -> Iterator[tuple[Path, str, Collection[str]]]:
    """Each rule that a policy names: its place, the rule, and all rules that are named for the same purpose.

    Args:
        value: The policy as its file has it, of any shape.
    """
    levels = at(value, "rules")
    for rule in levels if isinstance(levels, dict) else ():
        yield ("rules", rule), rule, levels
    listed = at(value, "acknowledge")
    acknowledged = {index: rule for index, rule in enumerate(listed if isinstance(listed, list) else ()) if text(rule)}
    for index, rule in acknowledged.items():
        yield ("acknowledge", index), rule, set(acknowledged.values())
    exceptions = at(value, "exceptions")
    excepted = [
        (index, text(at(one, "rule")), text(at(one, "resource")))
        for index, one in enumerate(exceptions if isinstance(exceptions, list) else ())
    ]
    named: dict[str, set[str]] = {}
    for _, rule, resource in excepted:
        named.setdefault(resource, set()).add(rule)
    yield from ((("exceptions", index, "rule"), rule, named[resource]) for index, rule, resource in excepted if rule)


def stands_for(rule: str, named: Collection[str], former: Former) -> tuple[str, ...]:
    """The IDs that an ID in the policy stands for; `named` are those that the policy names for the same purpose."""
    return tuple(new for new in former.get(rule, (rule,)) if new == rule or new not in named)


def _excepted(policy: Policy) -> Mapping[str, Collection[str]]:
    """The rules that the exceptions name, by resource."""
    named: dict[str, set[str]] = {}
    for one in policy.exceptions:
        named.setdefault(one.resource, set()).add(one.rule)
    return named
