"""POD-005: nodes that are left without the CNI, and nodes on which it does not belong."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import shape_of
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.selection import COMPUTE_TYPE, Labels, Selection, labels_of, runs_on
from webhook.cni.stock import stock
from webhook.cni.tables import Tables
from webhook.cni.version import Version
from webhook.facts import Fact, Facts, Node
from webhook.model import Edit, Level, Problem, text

_PRIORITY, _NEARLY = "system-node-critical", "system-cluster-critical"
_CILIUM = "io.cilium/aws-node-enabled"
"""The label by which the guide of Cilium takes aws-node off all nodes (docs.cilium.io, "Installation on EKS")."""

_NAMED = 3
_ELSEWHERE = ("fargate", "hybrid", "auto")

_NARROW = [{"key": "CriticalAddonsOnly", "operator": "Exists"}, {"operator": "Exists", "effect": "NoSchedule"}]
_TEAM = DaemonSet(pod={"nodeSelector": {"team": "web"}})
_BOTH = Facts(nodes=Fact((Node(name="ip-10-0-1-1", labels={"team": "web"}), Node(name="ip-10-0-1-2")), "cluster"))
_WEB = Facts(nodes=Fact((Node(name="ip-10-0-1-1", labels={"team": "web"}),), "cluster"))


@rule(
    "POD-005",
    "Nodes are left without the CNI",
    level="deny",
    link=links.MANAGE,
    formerly=("B4",),
    needs=("nodes",),
    reads=("rest",),
    bad=(
        Example(DaemonSet(pod={"tolerations": _NARROW})),
        Example(DaemonSet(pod={"tolerations": None}), fixed=DaemonSet()),
        Example(DaemonSet(pod={"priorityClassName": "high"})),
        Example(DaemonSet(pod={"priorityClassName": None}), fixed=DaemonSet()),
        Example(_TEAM, facts=_BOTH),
        Example(_TEAM, level="warn"),
        Example(DaemonSet(pod={"nodeSelector": {_CILIUM: "true"}}), facts=_BOTH, level="warn"),
        Example(DaemonSet(pod={"affinity": None}), level="warn"),
    ),
    good=(
        Example(DaemonSet(pod={"tolerations": [{"operator": "Exists"}, *_NARROW]})),
        Example(DaemonSet(pod={"nodeSelector": {"kubernetes.io/os": "linux"}})),
        Example(_TEAM, facts=_WEB),
    ),
)
def without_cni(case: AwsNodeCase) -> Iterator[Problem]:
    """A node without ipamd never becomes Ready, and on a node that loses it no new pod gets an address.

    So aws-node tolerates every taint, cannot be evicted for another pod, and runs on all nodes but those that bring a
    network of their own.
    """
    if case.new.main is None:
        return
    yield from _priority(case)
    yield from _tolerations(case)
    yield from _left_out(case)
    yield from _strangers(case)


_LOSE = "they lose ipamd, and new ones never become Ready"


def _priority(case: AwsNodeCase) -> Iterator[Problem]:
    found = case.new.pod.get("priorityClassName")
    if found == _PRIORITY:
        return
    fix = Edit(POD_SPEC, "priorityClassName", _PRIORITY, f"priorityClassName: {_PRIORITY}")
    yield Problem(
        path=(*POD_SPEC, "priorityClassName"),
        evidence=(("priorityClassName", text(found) or None),),
        level="warn" if found == _NEARLY else "deny",
        wrong=f"priorityClassName is {text(found)[:100] or 'absent'}, not {_PRIORITY}",
        effect="a full node may evict aws-node or refuse it, and is then without the CNI",
        remedy=f"Set priorityClassName: {_PRIORITY}",
        fixes=() if found else (fix,),
    )


def _tolerations(case: AwsNodeCase) -> Iterator[Problem]:
    if case.new.selection.tolerates_all:
        return
    listed = case.new.pod.get("tolerations")
    toleration = {"operator": "Exists"}
    yield Problem(
        path=(*POD_SPEC, "tolerations"),
        evidence=(("toleration of every taint", None),),
        level="deny",
        wrong=f"aws-node {'does not tolerate every taint' if listed else 'has no tolerations'}",
        effect=f"tainted nodes get no CNI: {_LOSE}, since each new node is tainted not-ready",
        remedy="Add a toleration that is operator: Exists alone, without a key and an effect",
        fixes=() if listed else (Edit((*POD_SPEC, "tolerations"), None, toleration, "toleration operator: Exists"),),
    )


def _left_out(case: AwsNodeCase) -> Iterator[Problem]:
    """By the nodeSelector and by the affinity, each a problem of its own."""
    selection = case.new.selection
    labels, terms = selection.said()
    before = case.old.selection.said() if case.old is not None else ("", "")
    if selection.extra_labels:
        out = _missed(case, lambda node: selection.by_labels(_labels(node)))
        for_cilium = selection.extra_labels == {_CILIUM}
        yield from _narrowed(("nodeSelector", labels), out, kept=labels == before[0], for_cilium=for_cilium)
    if selection.narrowed(runs_on(case.new.version)):
        out = _missed(case, lambda node: selection.by_affinity(_labels(node), node.name))
        yield from _narrowed(("required node affinity", terms), out, kept=terms == before[1])


def _missed(case: AwsNodeCase, admits: Callable[[Node], bool]) -> list[str] | None:
    """The nodes that need the CNI and are not admitted; None where the nodes are not known."""
    if case.facts.nodes is None:
        return None
    on = runs_on(case.new.version)
    return [node.name for node in case.facts.nodes.value if _needs_cni(node, on) and not admits(node)]


def _needs_cni(node: Node, architectures: tuple[str, ...]) -> bool:
    return node.compute == "ec2" and node.os == "linux" and node.arch in architectures


def _labels(node: Node) -> Labels:
    return labels_of(node.os, node.arch, node.labels)


def _narrowed(
    what: tuple[str, str], out: list[str] | None, *, kept: bool, for_cilium: bool = False
) -> Iterator[Problem]:
    """Without facts only a change is told: nothing says then whether any node is left out."""
    if out == [] or (out is None and kept):
        return
    level: Level = "deny" if out and not for_cilium else "warn"
    more = "" if out is None or len(out) <= _NAMED else ", …"
    nodes = "node" if out and len(out) == 1 else "nodes"
    count = f"{len(out)} {nodes} ({', '.join(out[:_NAMED])}{more})" if out else "the nodes that do not match"
    way = f"; where Cilium takes over, its guide uses nodeSelector {_CILIUM} alone"
    yield Problem(
        path=(*POD_SPEC, "nodeSelector" if what[0] == "nodeSelector" else "affinity"),
        evidence=(what,),
        level=level,
        wrong=f"the {what[0]} of aws-node leaves out {count}",
        effect=f"{_LOSE}, unless another CNI takes over, as Cilium's guide does by this label" if for_cilium else _LOSE,
        remedy=("Remove it" if what[0] == "nodeSelector" else "Restore that of the official manifest")
        + ("" if for_cilium else way),
    )


def _strangers(case: AwsNodeCase) -> Iterator[Problem]:
    """Compute that the official manifest of the release keeps away from, and this object does not."""
    shape = shape_of(case) if case.new.version is not None else None
    selection = case.new.selection
    for kind in _ELSEWHERE if shape is not None else ():
        node = labels_of("linux", "amd64", {COMPUTE_TYPE: kind})
        if shape is not None and not _official(shape, case.tables).admits(node) and selection.admits(node):
            yield Problem(
                path=(*POD_SPEC, "affinity"),
                evidence=((f"{COMPUTE_TYPE} {kind}", "not kept away from"),),
                level="warn",
                wrong=f"the affinity of aws-node does not exclude nodes of {COMPUTE_TYPE} {kind}",
                effect="it is scheduled to nodes that bring a network of their own, and fails there",
                remedy="Restore the affinity of the official manifest",
            )


@lru_cache(maxsize=128)
def _official(shape: Version, tables: Tables) -> Selection:
    return Selection(stock(shape, releases=tables.releases)["spec"]["template"]["spec"])
