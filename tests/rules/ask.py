"""How the tests of single rules ask the catalogue."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.changes import NOW, evaluated
from webhook.catalogue.rule import Case
from webhook.cni.aws_node import AwsNode
from webhook.cni.eniconfig import EniConfig
from webhook.cni.identity import change_of
from webhook.cni.tables import KNOWN
from webhook.facts import NOTHING_KNOWN, Facts
from webhook.model import Finding, Problem, Source
from webhook.policy import BUILT_IN, Policy
from webhook.rules import CATALOGUE

Object = dict[str, Any]


def said(
    rule: str,
    new: Any,
    old: Any = None,
    *,
    kind: str = "DaemonSet",
    policy: Policy = BUILT_IN,
    file: str = "",
    facts: Facts = NOTHING_KNOWN,
) -> list[Finding]:
    """What one rule says of a change; no rule may fail on it."""
    change = change_of(kind, new, old, "UPDATE" if old else "CREATE", source=Source(file) if file else None)
    verdict = evaluated(change, policy, facts=facts)
    assert verdict.errors == ()
    return [finding for finding in verdict.findings if finding.rule == rule]


def problems(rule: str, new: Any, *, kind: str = "DaemonSet") -> list[Problem]:
    """What one rule yields of a new object, asked by itself: an object of any size."""
    asked = CATALOGUE.get(rule)
    assert asked is not None
    view = EniConfig(new) if kind == "ENIConfig" else AwsNode(new)
    return list(asked.check(Case(change_of(kind, new), view, None, BUILT_IN, NOTHING_KNOWN, NOW, KNOWN)))


def grows_linearly(cost: Callable[[int], float], size: int) -> bool:
    """Whether eight times the size costs less than 24 times as much; a square would cost 64 times.

    Args:
        cost: CPU seconds of one run at a size; of three runs the fastest counts, since others share the machine.
        size: The smaller size.
    """
    small, large = (min(cost(times * size) for _ in range(3)) for times in (1, 8))
    return large < 24 * max(small, 0.02)


def levels(found: list[Finding]) -> set[str]:
    """The levels of findings."""
    return {finding.level for finding in found}


def changed(whole: Object, change: Callable[[Object], Any]) -> Object:
    """A copy with a change."""
    copy = deepcopy(whole)
    change(copy)
    return copy


def pod(daemonset: Object) -> Object:
    """The pod's spec."""
    spec: Object = daemonset["spec"]["template"]["spec"]
    return spec


def main(daemonset: Object) -> Object:
    """Container aws-node of an official manifest."""
    first: Object = pod(daemonset)["containers"][0]
    return first
