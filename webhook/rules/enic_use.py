"""ENIC-004 to ENIC-006: ENIConfigs and the nodes that use them."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import BY_ZONE, ONE_ZONE, DaemonSet, ENIConfig, Example
from webhook.catalogue.nodes import eniconfig_of, listed, needed_nodes, number, running_keys
from webhook.catalogue.rule import EniConfigCase, rule
from webhook.cni.resolution import DEFAULT, ZONE
from webhook.facts import EniConfig, Fact, Facts, Node, need
from webhook.model import CouldNotCheckError, Json, Level, Problem
from webhook.printable import named

_SUBNET, _OTHER = "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
_SPEC = {"subnet": _SUBNET, "securityGroups": ["sg-0123456789abcdef0"]}
_A, _B = "us-west-2a", "us-west-2b"


def _running(**env: str) -> Fact[tuple[Json, ...]]:
    return Fact((DaemonSet(env=env).build(),), "cluster")


_IN_USE = Facts(aws_node=_running(**BY_ZONE), nodes=ONE_ZONE.nodes, eni_configs=ONE_ZONE.eni_configs)
_SPARE = Facts(
    aws_node=_running(**BY_ZONE),
    nodes=ONE_ZONE.nodes,
    eni_configs=Fact((EniConfig(name=_A, subnet=_SUBNET), EniConfig(name=_B), EniConfig(name=DEFAULT)), "cluster"),
)
_SWITCHED_OFF = Facts(aws_node=_running(), nodes=ONE_ZONE.nodes, eni_configs=ONE_ZONE.eni_configs)
_TWO_ZONES = Facts(
    aws_node=_running(AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"),
    nodes=Fact((Node(name="node-1", zone=_A), Node(name="node-2", zone=_B)), "cluster"),
    eni_configs=Fact((), "cluster"),
)
_NO_NODES = Facts(aws_node=_running(**BY_ZONE), nodes=Fact((), "cluster"), eni_configs=ONE_ZONE.eni_configs)


def _users(case: EniConfigCase, name: str) -> tuple[Node, ...]:
    """The nodes that use an ENIConfig; none while custom networking is off.

    Raises:
        CouldNotCheckError: It is not known.
    """
    keys = running_keys(case)
    if keys is None:
        return ()
    return tuple(node for node in needed_nodes(case) if eniconfig_of(keys, node) == name)


@rule(
    "ENIC-004",
    "An ENIConfig for nodes of several zones",
    level="warn",
    target="ENIConfig",
    link=links.CUSTOM_NETWORKING,
    needs=("aws_node", "nodes", "eni_configs"),
    bad=(
        Example(ENIConfig(spec=_SPEC, name=DEFAULT), facts=_TWO_ZONES),
        Example(
            ENIConfig(spec=_SPEC, name=_B),
            facts=Facts(
                aws_node=_running(**BY_ZONE),
                nodes=Fact(
                    (Node(name="node-1", zone=_A, labels={ZONE: _A}), Node(name="node-2", zone=_B, labels={ZONE: _B})),
                    "cluster",
                ),
                eni_configs=Fact((EniConfig(name=_A, subnet=_SUBNET),), "cluster"),
            ),
        ),
    ),
    good=(Example(ENIConfig(spec=_SPEC), facts=_IN_USE),),
)
def several_zones(case: EniConfigCase) -> Iterator[Problem]:
    """A subnet lies in one zone, and EC2 attaches its interfaces only to instances of this zone.

    In which zone a subnet lies, only AWS knows; that it cannot lie in two, the nodes tell.
    """
    if case.facts.aws_node is None or case.facts.nodes is None or not isinstance(case.new.subnet, str):
        return
    if case.old is not None and case.old.subnet == case.new.subnet:
        return
    if (keys := running_keys(case)) is None:
        return
    configs = case.facts.eni_configs.value if case.facts.eni_configs is not None else ()
    sharing = {case.new.name, *(one.name for one in configs if one.subnet == case.new.subnet)}
    used = [(eniconfig_of(keys, node), node) for node in needed_nodes(case)]
    zones = sorted({zone for name, node in used if name in sharing and (zone := _zone(node))})
    if all(name != case.new.name for name, _ in used):
        return
    if len(zones) > 1:
        yield Problem(
            path=("spec", "subnet"),
            evidence=(("ENIConfig spec.subnet", case.new.subnet), ("zones of its nodes", ", ".join(zones))),
            level="warn",
            wrong=f"subnet {case.new.subnet[:50]} of ENIConfig {listed(sorted(sharing))} serves nodes in "
            f"{listed(zones)}",
            effect="a subnet lies in one zone, and nodes of another one cannot attach its interfaces: they get no "
            "addresses",
            remedy="Use an ENIConfig for each zone, with a subnet of this zone",
        )


def _zone(node: Node) -> str:
    return node.zone or node.labels.get(ZONE, "")


@rule(
    "ENIC-005",
    "An ENIConfig that is deleted while in use",
    level="deny",
    target="ENIConfig",
    operations=("DELETE",),
    link=links.CUSTOM_NETWORKING,
    needs=("aws_node", "nodes", "eni_configs"),
    bad=(
        Example(None, before=ENIConfig(spec=_SPEC), facts=_IN_USE),
        Example(None, before=ENIConfig(spec=_SPEC), facts=_NO_NODES),
        Example(None, before=ENIConfig(spec=_SPEC, name=DEFAULT), facts=_SPARE, level="warn"),
        Example(None, before=ENIConfig(spec=_SPEC), level="warn"),
    ),
    good=(
        Example(None, before=ENIConfig(spec=_SPEC, name=_B), facts=_SPARE),
        Example(None, before=ENIConfig(spec=_SPEC), facts=_SWITCHED_OFF),
    ),
)
def deleted_in_use(case: EniConfigCase) -> Iterator[Problem]:
    """Nodes ask for their ENIConfig with each new interface: without it they cannot grow, and new ones are not Ready.

    To clean up after custom networking was switched off is the same request: what runs in the cluster tells them apart.
    """
    name = case.new.name
    try:
        if running_keys(case) is None:
            return
        using = _users(case, name)
        others = {one.name for one in need(case.facts.eni_configs, "eni_configs")} - {name}
    except CouldNotCheckError:
        yield _deleted(case, "warn", "is deleted, and whether nodes use it is not known")
        return
    if using:
        yield _deleted(case, "deny", f"is deleted while {_used_by(using)}")
    elif not others:
        yield _deleted(case, "deny", "is the last one, and is deleted while custom networking is on")
    elif name == DEFAULT:
        yield _deleted(case, "warn", "is deleted: nodes that carry no key fall back to it")


def _used_by(using: tuple[Node, ...]) -> str:
    verb = "uses" if len(using) == 1 else "use"
    return f"{number(len(using), 'node')} {verb} it, such as {using[0].name}"


def _deleted(case: EniConfigCase, level: Level, fault: str) -> Problem:
    return Problem(
        path=("metadata", "name"),
        evidence=(("ENIConfig", case.new.name), ("deleted", "while it may be in use")),
        level=level,
        wrong=f"ENIConfig {named(case.new.name)} {fault}",
        effect="nodes that use it get no further interfaces, and new ones never become Ready",
        remedy="Lead the nodes to another ENIConfig first, or switch custom networking off and replace them",
    )


@rule(
    "ENIC-006",
    "An ENIConfig that is changed while in use",
    level="warn",
    target="ENIConfig",
    operations=("UPDATE",),
    link=links.CUSTOM_NETWORKING,
    needs=("aws_node", "nodes"),
    bad=(
        Example(ENIConfig(spec=_SPEC | {"subnet": _OTHER}), before=ENIConfig(spec=_SPEC), facts=_IN_USE),
        Example(
            ENIConfig(spec=_SPEC | {"securityGroups": ["sg-0123456789abcdef1"]}),
            before=ENIConfig(spec=_SPEC),
            facts=_IN_USE,
        ),
    ),
    good=(
        Example(ENIConfig(spec=_SPEC), before=ENIConfig(spec=_SPEC)),
        Example(ENIConfig(spec=_SPEC | {"subnet": _OTHER}), before=ENIConfig(spec=_SPEC), facts=_SWITCHED_OFF),
    ),
)
def changed_in_use(case: EniConfigCase) -> Iterator[Problem]:
    """The ENIConfig is read for each interface that is made; those that a node has stay as they are."""
    old = case.old
    if old is None:
        return
    moved = old.subnet != case.new.subnet
    if not moved and old.security_groups == case.new.security_groups:
        return
    using = _users(case, case.new.name)
    if using:
        field = "subnet" if moved else "securityGroups"
        yield Problem(
            path=("spec", field),
            evidence=((f"ENIConfig spec.{field} before", repr(old.spec.get(field))[:200]),),
            level="warn",
            wrong=f"spec.{field} of ENIConfig {named(case.new.name)} changes while {_used_by(using)}",
            effect="only new interfaces follow, so one node can hold pods of both"
            + (f" {named(str(old.subnet)[:50])} and {named(str(case.new.subnet)[:50])}" if moved else " kinds"),
            remedy="Replace the nodes afterwards, one group at a time",
        )
