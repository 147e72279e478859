"""PFX-003: prefixes that cannot be had, or that are kept unused."""

from collections.abc import Callable, Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import EVALUATED_AT, DaemonSet, Example, env
from webhook.catalogue.nodes import served
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.instances import is_metal, is_xen
from webhook.cni.overruled import overruled_by
from webhook.facts import Fact, Facts, Node
from webhook.model import Problem

_MODE, _TARGET, _IPV6 = "ENABLE_PREFIX_DELEGATION", "WARM_PREFIX_TARGET", "ENABLE_IPv6"
_PREFIX = 16
"""Addresses of a prefix."""


def _of_type(*types: str) -> Facts:
    nodes = tuple(Node(name=f"ip-10-0-0-{number}", instance_type=one) for number, one in enumerate(types))
    return Facts(nodes=Fact(nodes, "file", EVALUATED_AT))


_PREFIXES = DaemonSet(env={_MODE: "true"})


@rule(
    "PFX-003",
    "Prefixes that some nodes cannot have, or that are kept unused",
    level="warn",
    needs=("nodes",),
    link=links.PREFIXES,
    bad=(
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET="3"),
        Example(_PREFIXES, facts=_of_type("m5.large", "m4.large")),
        Example(DaemonSet(release="1.10.4", env={_MODE: "true"}), facts=_of_type("m5.metal")),
    ),
    good=(
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET="1"),
        Example(_PREFIXES, facts=_of_type("m5.large", "i3.metal")),
    ),
)
def wasted_prefixes(case: AwsNodeCase) -> Iterator[Problem]:
    """A prefix is 16 addresses in a row: a node keeps each spare one from all others.

    Instances without the Nitro hypervisor cannot take prefixes, and fall back to single addresses without a word to the
    kubelet, whose limit of pods is then too high. Bare metal takes them from 1.11.0 on. Whether a subnet has 16 free
    addresses in a row, only AWS knows.
    """
    if not case.new.prefix_delegation or case.new.ipv6:
        return
    main = case.new.required
    spare = case.new.target(_TARGET)
    if spare > 1 and not overruled_by(case.new, _TARGET):
        yield Problem(
            path=main.where(_TARGET),
            evidence=(*main.evidence(_TARGET), *main.as_read(_MODE, "WARM_IP_TARGET", "MINIMUM_IP_TARGET", _IPV6)),
            level="warn",
            wrong=f"{_TARGET}={spare} keeps {spare} whole prefixes spare on every node",
            effect=f"{spare * _PREFIX} addresses of the subnet lie idle per node",
            remedy=f"Set {_TARGET}=1, or WARM_IP_TARGET=5 and MINIMUM_IP_TARGET=16",
        )
    yield from _without(
        case,
        is_xen,
        "have no Nitro hypervisor",
        "they fall back to single addresses, and a limit of pods that counts on prefixes overfills them",
    )
    if not case.tables.behaves(case.new.version, "prefixes-on-metal"):
        first = case.tables.behaviors["prefixes-on-metal"]
        yield from _without(case, is_metal, "are bare metal", f"prefixes work on them from CNI {first} on")


def _without(case: AwsNodeCase, kind: Callable[[str], bool], wrong: str, effect: str) -> Iterator[Problem]:
    """Nodes of a kind that cannot take prefixes; nothing where the nodes are not known."""
    nodes = served(case.facts.nodes.value) if case.facts.nodes is not None else ()
    found = [node.instance_type for node in nodes if kind(node.instance_type)]
    if found:
        main = case.new.required
        types = ", ".join(sorted(set(found))[:5])
        yield Problem(
            path=main.where(_MODE),
            evidence=(*main.as_read(_MODE, _IPV6), ("nodes", wrong)),
            level="warn",
            wrong=f"{len(found)} of {len(nodes)} nodes ({types}) {wrong}",
            effect=effect,
            remedy="Replace these nodes by ones of a newer instance type, or give them a lower limit of pods",
        )
