"""ROLL-001: how many nodes restart aws-node at once, and how long each takes."""

from collections.abc import Iterator
from dataclasses import replace

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.repairs import is_repair, is_touched
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.template import STRATEGY, TEMPLATE, Share, grace_period, on_delete, rolling
from webhook.facts import Fact, Node, need
from webhook.model import Level, Path, Problem

_UNAVAILABLE: Path = (*STRATEGY, "rollingUpdate", "maxUnavailable")
_GRACE: Path = (*TEMPLATE, "spec", "terminationGracePeriodSeconds")
_SHORTEST, _LONGEST = 10, 60
"""Seconds: the official manifest has 10, and Kubernetes' own default is 30."""


def _rolling(**fields: int | str) -> DaemonSet:
    return DaemonSet(spec={"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": fields}})


@rule(
    "ROLL-001",
    "An update strategy that takes many nodes at once, or none",
    level="deny",
    needs=("nodes",),
    link=links.BEST_PRACTICES,
    bad=(
        Example(_rolling(maxUnavailable="50%")),
        Example(_rolling(maxUnavailable="100%"), before=DaemonSet()),
        Example(DaemonSet(spec={"updateStrategy": {"type": "OnDelete"}}), level="warn"),
        Example(_rolling(maxUnavailable=0, maxSurge=1), level="warn"),
        Example(DaemonSet(pod={"terminationGracePeriodSeconds": 120}), level="warn"),
    ),
    good=(Example(_rolling(maxUnavailable=1)), Example(_rolling(maxUnavailable="25%"))),
)
def strategy(case: AwsNodeCase) -> Iterator[Problem]:
    """A node cannot start pods while its aws-node restarts, about 30 seconds, so few nodes may do so at once.

    A step down in version and a change of what is denied only warn: they may be the way out of an outage.
    """
    raw = case.new.raw
    if on_delete(raw):
        yield _warning(
            (*STRATEGY, "type"),
            "updateStrategy OnDelete",
            "updateStrategy.type is OnDelete",
            "nodes keep the old pod until someone deletes it, so releases and settings mix unnoticed",
            "Use RollingUpdate with maxUnavailable 10%",
        )
    else:
        yield from _too_many(case)
    surge = rolling(raw, "maxSurge")
    if surge is not None and surge.number > 0:
        yield _warning(
            (*STRATEGY, "rollingUpdate", "maxSurge"),
            f"maxSurge {surge}",
            f"maxSurge={surge}",
            "two pods of aws-node run on one node, which share its ports and its state file",
            "Set maxSurge to 0 and maxUnavailable to 10%",
        )
    yield from _grace(case)


def _warning(path: Path, value: str, wrong: str, effect: str, remedy: str) -> Problem:
    evidence = (("how aws-node restarts", value),)
    return Problem(path=path, evidence=evidence, level="warn", wrong=wrong, effect=effect, remedy=remedy)


def _too_many(case: AwsNodeCase) -> Iterator[Problem]:
    """A share of the nodes above that of the policy; one node at a time is always right."""
    found = rolling(case.new.raw, "maxUnavailable")
    limit = case.policy.rollout.max_unavailable
    nodes = _nodes(case, found) if found is not None else None
    if found is None or (nodes is not None and found.of(nodes) <= 1):
        return
    too_high = found.number > limit if found.percent else nodes is not None and found.number * 100 > limit * nodes
    if not too_high:
        return
    of_nodes = f", {min(found.of(nodes), nodes)} of {nodes} nodes," if nodes is not None else ""
    problem = Problem(
        path=_UNAVAILABLE,
        evidence=(("maxUnavailable", str(found)),),
        level="deny",
        wrong=f"maxUnavailable={found}{of_nodes} is more than the {limit}% that the policy allows",
        effect="that many nodes cannot start pods at the same time, for about 30 seconds each",
        remedy=f"Set maxUnavailable to {min(limit, 10)}%",
    )
    lowered: Level = "warn"
    yield replace(problem, level=lowered, lowered=True) if is_repair(case, _UNAVAILABLE) else problem


def _nodes(case: AwsNodeCase, found: Share) -> int | None:
    """The number of nodes that run aws-node; an absolute number that this request brings means nothing without it."""
    known: Fact[tuple[Node, ...]] | None = case.facts.nodes
    if known is None and (found.percent or found.number <= 1 or not is_touched(case, _UNAVAILABLE)):
        return None
    return sum(node.compute == "ec2" and node.os == "linux" for node in need(known, "nodes"))


def _grace(case: AwsNodeCase) -> Iterator[Problem]:
    seconds = grace_period(case.new.raw)
    if seconds is None or _SHORTEST <= seconds <= _LONGEST:
        return
    yield _warning(
        _GRACE,
        f"terminationGracePeriodSeconds {seconds}",
        f"terminationGracePeriodSeconds={seconds}",
        "the rollout, and the gap on each node in which no pod starts, take longer"
        if seconds > _LONGEST
        else "aws-node may be killed before it has written its state",
        "Set terminationGracePeriodSeconds to 10, as the official manifest does",
    )
