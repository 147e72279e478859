"""PFX-002: prefix delegation on a living cluster."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.living import nodes_of, on_or_off
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Problem

_MODE = "ENABLE_PREFIX_DELEGATION"


@rule(
    "PFX-002",
    "Prefix delegation is switched while nodes run",
    level="warn",
    needs=("nodes",),
    link=links.PREFIXES,
    bad=(
        Example(DaemonSet(env={_MODE: "true"}), before=DaemonSet()),
        Example(DaemonSet(), before=DaemonSet(env={_MODE: "true"})),
    ),
    good=(Example(DaemonSet(env={_MODE: "true"}), before=DaemonSet(env={_MODE: "true"})),),
)
def switched(case: AwsNodeCase) -> Iterator[Problem]:
    """A node that holds single addresses and prefixes reports a wrong capacity, and its limit of pods stays as it was.

    AWS recommends new node groups, and draining the old ones afterwards.
    """
    if case.old is None or case.old.main is None or case.new.main is None or case.new.ipv6 is not case.old.ipv6:
        return
    was, now = case.old.prefix_delegation, case.new.prefix_delegation
    nodes = nodes_of(case)
    if was is now or nodes == 0 or case.new.ipv6:
        return
    main = case.new.main
    running = "running nodes hold" if nodes is None else f"{nodes} running node{'s hold' if nodes > 1 else ' holds'}"
    yield Problem(
        path=main.where(_MODE),
        evidence=((f"{_MODE} before", on_or_off(was)), *main.as_read(_MODE, "ENABLE_IPv6")),
        level="warn",
        wrong=f"prefix delegation goes {on_or_off(was)} → {on_or_off(now)}",
        effect=f"{running} single addresses and prefixes side by side and report a wrong capacity; the kubelet's limit "
        "of pods does not follow",
        remedy="Create new node groups with the right limit of pods, then drain the old ones",
    )
