"""POD-009 and POD-010: which pods the DaemonSet owns, whether it is alone, and what keeps them from being ready."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import POD_SPEC, AwsNode
from webhook.cni.identity import IMAGE, NAME, NAMESPACE
from webhook.cni.selection import labels_of, runs_on
from webhook.cni.stock import stock
from webhook.facts import Fact, Facts
from webhook.model import Json, Level, Problem, at, text
from webhook.printable import named

_CHART = {"matchLabels": {"app.kubernetes.io/instance": "aws-vpc-cni", "app.kubernetes.io/name": "aws-node"}}
_SECOND = DaemonSet(metadata={"name": "aws-vpc-cni", "namespace": "kube-system"})
_RUNNING = Facts(aws_node=Fact((stock(),), "cluster"))


@rule(
    "POD-009",
    "A second DaemonSet runs the CNI, or the selector changes",
    level="deny",
    link=links.MANAGE,
    needs=("aws_node", "nodes"),
    reads=("rest",),
    bad=(
        Example(DaemonSet(spec={"selector": _CHART}), before=DaemonSet()),
        Example(_SECOND, facts=_RUNNING),
        Example(_SECOND, level="warn"),
    ),
    good=(Example(DaemonSet(), facts=_RUNNING),),
)
def second_daemonset(case: AwsNodeCase) -> Iterator[Problem]:
    """Two DaemonSets that run ipamd on one node fight over its ports, its interfaces and its state file.

    A selector cannot change: the Helm chart has another one than the EKS manifest, unless originalMatchLabels is set.
    """
    if case.old is not None and _selector(case.old) != _selector(case.new):
        yield Problem(
            path=("spec", "selector"),
            evidence=(("selector", repr(_selector(case.new))[:500]),),
            level="deny",
            wrong="the selector changes",
            effect="the API server refuses it: the selector of a DaemonSet cannot change",
            remedy="Keep the selector; in Helm, set originalMatchLabels: true to adopt the DaemonSet of EKS",
        )
    if _runs_cni(case.new):
        yield from _beside(case)


def _selector(view: AwsNode) -> tuple[tuple[str, ...], ...]:
    """The selector, whatever its order."""
    found = at(view.raw, "spec", "selector")
    labels, expressions = at(found, "matchLabels"), at(found, "matchExpressions")
    listed = [(f"{key}", text(value)) for key, value in labels.items()] if isinstance(labels, dict) else []
    further = [_expression(one) for one in expressions] if isinstance(expressions, list) else []
    return tuple(sorted((*listed, *further)))


def _expression(entry: Json) -> tuple[str, ...]:
    values = at(entry, "values")
    known = sorted(map(text, values)) if isinstance(values, list) else []
    return (text(at(entry, "key")), text(at(entry, "operator")), *known)


def _runs_cni(view: AwsNode) -> bool:
    return view.main is not None and view.main.image is not None and view.main.image.basename == IMAGE


def _place(raw: Json) -> tuple[str, str]:
    return text(at(raw, "metadata", "namespace")) or NAMESPACE, text(at(raw, "metadata", "name"))


def _beside(case: AwsNodeCase) -> Iterator[Problem]:
    """Other DaemonSets of the CNI; where they are not known, a name that is not the usual one."""
    place = _place(case.new.raw)
    official = (NAMESPACE, NAME)
    if case.facts.aws_node is None:
        if place != official and place[1]:
            yield _second(place, official, "warn", known=False)
        return
    for other in map(AwsNode, case.facts.aws_node.value):
        there = _place(other.raw)
        if there != place and _runs_cni(other) and (shared := _overlap(case, other)) is not False:
            yield _second(place, there, "deny" if shared else "warn", known=True)


def _overlap(case: AwsNodeCase, other: AwsNode) -> bool | None:
    """Whether both run on one node; None where nodes are not known and both select some of them."""
    one, two = case.new.selection, other.selection
    if case.facts.nodes is not None:
        linux = [node for node in case.facts.nodes.value if node.compute == "ec2" and node.os == "linux"]
        labelled = ((labels_of(node.os, node.arch, node.labels), node.name) for node in linux)
        return any(one.admits(*node) and two.admits(*node) for node in labelled)
    both = one.labels.keys() & two.labels.keys()
    if any(one.labels[key] != two.labels[key] for key in both):
        return False
    return None if _is_narrow(case.new) or _is_narrow(other) else True


def _is_narrow(view: AwsNode) -> bool:
    return bool(view.selection.extra_labels) or view.selection.narrowed(runs_on(view.version))


def _second(place: tuple[str, str], other: tuple[str, str], level: Level, *, known: bool) -> Problem:
    mine, there = ("/".join(one) for one in (place, other))
    return Problem(
        path=("metadata", "name"),
        evidence=(("DaemonSet", mine), ("another DaemonSet of the CNI", there if known else None)),
        level=level,
        wrong=f"DaemonSets {named(mine)} and {named(there)} both run the CNI"
        if known
        else f"DaemonSet {named(mine)} runs the CNI under another name than {there}",
        effect="two ipamd on one node fight over its ports, its interfaces and its state file"
        if known
        else "tools and the EKS add-on do not find it, and beside that one two ipamd would run on each node",
        remedy=f"Change {there} instead of adding a second one" if known else f"Name it {there}",
    )


@rule(
    "POD-010",
    "A readiness gate on aws-node",
    level="warn",
    link=links.MANAGE,
    reads=("rest",),
    bad=(Example(DaemonSet(pod={"readinessGates": [{"conditionType": "target-health.elbv2.k8s.aws/x"}]})),),
)
def readiness_gate(case: AwsNodeCase) -> Iterator[Problem]:
    """The controller that would set the condition often needs a node that is Ready, which aws-node makes it."""
    gates = case.new.pod.get("readinessGates")
    if case.new.main is None or not isinstance(gates, list) or not gates:
        return
    names = [text(at(gate, "conditionType"))[:100] for gate in gates[:_GATES]]
    yield Problem(
        path=(*POD_SPEC, "readinessGates"),
        evidence=(("readinessGates", ", ".join(sorted(names))),),
        level="warn",
        wrong=f"aws-node has a readiness gate ({', '.join(names)})",
        effect="while a node is not Ready its condition is not set, so the pod is never ready and the rollout stops",
        remedy="Remove readinessGates from the pod template",
    )


_GATES = 5
