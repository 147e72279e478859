"""Loading of a policy file: YAML in, a frozen `Policy` or the line and the reason why not."""

from collections.abc import Collection
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from webhook import documents
from webhook.model import Json, Path
from webhook.policy.former import Former, named_rules, warning, with_current_ids
from webhook.policy.schema import path_of, schema, unknown_keys, way_out
from webhook.policy.sections import Policy
from webhook.similar import nearest


class PolicyError(Exception):
    """A policy that does not load; the message names the file, the line and the reason."""


class Loaded(NamedTuple):
    """A policy, and what its owner should change in it before the next minor version."""

    policy: Policy
    warnings: tuple[str, ...]


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
    document = _only_document(text, file)

    def fail(path: Path, reason: str) -> PolicyError:
        place = document.positions.get(path) or next(
            document.positions[path[:cut]] for cut in range(len(path), -1, -1) if path[:cut] in document.positions
        )
        return PolicyError(f"{file}:{place.line}:{place.column}: {reason}")

    for path, known in unknown_keys(document.value, schema()):
        raise fail(path, f"unknown key {_dotted(path)}{_nearest(str(path[-1]), known)}")
    try:
        policy = msgspec.convert(_with_off(document.value), Policy)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        place = f" at {where.strip('`').removeprefix('$.')}" if where else ""
        raise fail(path_of(where), f"{reason}{place}{way_out(reason, where)}") from error
    outdated: list[str] = []
    for path, rule, named in named_rules(policy):
        if rule not in rules and rule not in former:
            raise fail(path, f"there is no rule {rule}{_nearest(rule, rules)}")
        if reason := warning(rule, named, rules, former):
            outdated.append(str(fail(path, reason)))
    return Loaded(with_current_ids(policy, former), tuple(outdated))


def _only_document(text: str, file: str) -> documents.Document:
    try:
        found = documents.load(text)
    except documents.DocumentError as error:
        raise PolicyError(f"{file}:{error.line}:{error.column}: {error.reason}") from error
    if not found or not found[0].value:
        raise PolicyError(f"{file}:1:1: the policy is empty; set at least `mode: observe` or `mode: enforce`")
    if len(found) > 1:
        place = found[1].positions[()]
        raise PolicyError(f"{file}:{place.line}:{place.column}: a second YAML document; a policy is one document")
    return found[0]


def _with_off(value: Json) -> Json:
    """Accept `off` without quotes as a level, although YAML 1.1 reads it as false."""
    rules = value.get("rules") if isinstance(value, dict) else None
    if not isinstance(rules, dict):
        return value
    return value | {"rules": {rule: "off" if level is False else level for rule, level in rules.items()}}


def _nearest(word: str, known: Collection[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean {near[0]}?" if near else f"; allowed here: {', '.join(sorted(known))}"


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)
