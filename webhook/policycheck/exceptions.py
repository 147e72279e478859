"""Exceptions that never apply, or soon no longer."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from webhook.catalogue import Catalogue
from webhook.catalogue.rule import Rule
from webhook.cni.neighbors import KINDS, NAMESPACE, Kind
from webhook.model import Path, Target
from webhook.policy import Diagnostic, Loaded, Policy, PolicyException, stands_for
from webhook.policycheck.levels import is_always_certain
from webhook.printable import named
from webhook.similar import nearest

SOON: Final = timedelta(days=14)
"""How long before its end an exception is reported."""

_RESOURCE: Final = re.compile(r"(?P<kind>[A-Za-z]+) (?:(?P<namespace>[a-z0-9-]+)/)?(?P<name>[^\s/]+)")
_CLUSTER_SCOPED: Final = frozenset({"ENIConfig", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"})
_NEIGHBORS: Final[Mapping[str, Kind]] = {row.target: row for row in KINDS.values()}

Clauses = tuple[str, str, str]
"""What is found, what is expected, and the nearest known name."""


def exceptions_in_vain(loaded: Loaded, rules: Catalogue, today: date) -> Iterator[Diagnostic]:
    """Each exception that has no effect, with the first reason, and each that ends soon."""
    written, policy = loaded.written, loaded.as_written
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(policy.exceptions):
        path: Path = ("exceptions", index)
        if one.until < today:
            yield written.warning((*path, "until"), f"{_named(one)} ended on {one.until}", "remove it")
            continue
        if (one.rule, one.resource) in seen:
            found = f"{_named(one)} is listed twice, and only the first one counts"
            yield written.warning((*path, "rule"), found, "remove one of them")
            continue
        seen.add((one.rule, one.resource))
        meant = _meant(one, policy, rules)
        if unfit := _rule_unfit(one, meant, loaded.policy):
            yield written.warning((*path, "rule"), *unfit)
        elif wrong := _resource_unfit(one, meant, rules):
            yield written.warning((*path, "resource"), *wrong)
        elif one.until <= today + SOON:
            yield written.warning((*path, "until"), _ending(one, today), "extend it, or correct the object")


def _named(one: PolicyException) -> str:
    return f"the exception of {one.rule} for {one.resource}"


def _ending(one: PolicyException, today: date) -> str:
    days = (one.until - today).days
    left = ("today", "tomorrow")[days] if days <= 1 else f"in {days} days"
    return f"{_named(one)} ends {left}, on {one.until}"


def _meant(one: PolicyException, policy: Policy, rules: Catalogue) -> tuple[Rule, ...]:
    """The rules that the ID of an exception stands for."""
    named = {other.rule for other in policy.exceptions if other.resource == one.resource}
    found = map(rules.get, stands_for(one.rule, named, rules.former))
    return tuple(rule for rule in found if rule is not None)


def _rule_unfit(one: PolicyException, meant: tuple[Rule, ...], policy: Policy) -> Clauses | None:
    """Why no exception of these rules has an effect; None if one may have."""
    if meant and all(map(is_always_certain, meant)):
        return (
            f"{_named(one)} has no effect: what the rule finds is certain to fail, and always denied",
            "remove it",
            "",
        )
    levels = [policy.rules.get(rule.id) or rule.level for rule in meant]
    if levels and "deny" not in levels:
        return f"{_named(one)} has no effect: the rule does not deny anything (level {levels[0]})", "remove it", ""
    return None


def _resource_unfit(one: PolicyException, meant: Iterable[Rule], rules: Catalogue) -> Clauses | None:
    """Why a resource is none that these rules are about; None if it may be one."""
    match = _RESOURCE.fullmatch(one.resource)
    if not match:
        example = "write it as messages do: DaemonSet kube-system/aws-node, or ENIConfig us-west-2a"
        return f"the resource {named(one.resource)} is not the name of an object", example, ""
    kind = match["kind"]
    known = sorted({kind_of(target) for rule in rules for target in rule.targets})
    if kind not in known:
        near = nearest(kind, known)
        return f"no rule is about the kind {kind}", f"allowed here: {', '.join(known)}", near[0] if near else ""
    targets = {target for rule in meant for target in rule.targets}
    fitting = sorted(map(kind_of, targets))
    if targets and kind not in fitting:
        return f"{one.rule} is not about objects of kind {kind}", f"allowed here: {', '.join(fitting)}", ""
    return _name_unfit(kind, match["namespace"] or "", match["name"])


def _name_unfit(kind: str, namespace: str, name: str) -> Clauses | None:
    """Why there is no object of this name that a rule is about."""
    row = _NEIGHBORS.get(kind)
    if kind in _CLUSTER_SCOPED and namespace:
        return f"{kind} is cluster-scoped, and never has a namespace", f"write {kind} {name}", ""
    if kind not in _CLUSTER_SCOPED and not namespace:
        return f"{kind} {name} lacks its namespace", f"write {kind} {(row and row.namespace) or NAMESPACE}/{name}", ""
    if row is None or ((not row.names or name in row.names) and row.namespace in {"", namespace}):
        return None
    allowed = [f"{kind} {row.namespace}/{one}" if row.namespace else f"{kind} {one}" for one in sorted(row.names)]
    return f"no rule is about this {kind}", f"allowed here: {', '.join(allowed)}", ""


def kind_of(target: Target) -> str:
    """The kind of the objects that a target stands for."""
    return "DaemonSet" if target == "aws-node" else target
