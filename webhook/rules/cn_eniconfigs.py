"""CN-001 and CN-004: whether the nodes find the ENIConfigs that custom networking needs."""

from collections.abc import Iterator
from dataclasses import replace

from webhook.catalogue import links
from webhook.catalogue.examples import BY_ZONE, ONE_ZONE, DaemonSet, Example
from webhook.catalogue.nodes import eniconfig_of, listed, needed_nodes, number
from webhook.catalogue.parts import brings, default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.resolution import ANNOTATION_KEY, CUSTOM_NETWORKING, DEFAULT, LABEL_KEY, ZONE, keys_of
from webhook.facts import EniConfig, Fact, Facts, Node, need
from webhook.model import Edit, Problem

_TWO_ZONES = Facts(
    nodes=Fact(
        (Node(name="node-1", labels={ZONE: "us-west-2a"}), Node(name="node-2", labels={ZONE: "us-west-2b"})), "cluster"
    ),
    eni_configs=ONE_ZONE.eni_configs,
)
_ON = {CUSTOM_NETWORKING: "true"}


@rule(
    "CN-001",
    "Custom networking on nodes without an ENIConfig",
    level="deny",
    link=links.CUSTOM_NETWORKING,
    needs=("nodes", "eni_configs"),
    bad=(
        Example(DaemonSet(env=BY_ZONE | {LABEL_KEY: "team"}), before=DaemonSet(env=BY_ZONE), facts=ONE_ZONE),
        Example(DaemonSet(env=BY_ZONE), before=DaemonSet(), facts=_TWO_ZONES, level="warn"),
        Example(DaemonSet(env=_ON), facts=ONE_ZONE, level="warn", fixed=DaemonSet(env=BY_ZONE)),
    ),
    good=(
        Example(DaemonSet(env=BY_ZONE), facts=ONE_ZONE),
        Example(DaemonSet(env=BY_ZONE, annotations={"a": "b"}), before=DaemonSet(env=BY_ZONE)),
    ),
)
def without_eniconfig(case: AwsNodeCase) -> Iterator[Problem]:
    """A node takes its interfaces from the ENIConfig that an annotation, a label or the name "default" leads to.

    Where there is none, ipamd gets no interface and a new node never becomes Ready. The switch itself only warns: the
    chart sends ENIConfigs after the DaemonSet, and nodes heal once theirs exists.
    """
    if not case.new.custom_networking or not brings(case, CUSTOM_NETWORKING, LABEL_KEY, ANNOTATION_KEY):
        return
    keys, nodes = keys_of(case.new), needed_nodes(case)
    configs = need(case.facts.eni_configs, "eni_configs")
    existing = frozenset(one.name for one in configs)
    without = [node for node in nodes if eniconfig_of(keys, node) not in existing]
    if not without:
        return
    had = [node for node in without if _had_one(case, node, existing)]
    shown = had or without
    wanted = listed(eniconfig_of(keys, node) for node in shown)
    main = case.new.required
    yield Problem(
        path=main.where(LABEL_KEY if main.may_have(LABEL_KEY) else CUSTOM_NETWORKING),
        evidence=(*main.as_read(CUSTOM_NETWORKING), *main.evidence(LABEL_KEY, ANNOTATION_KEY)),
        level="deny" if had else "warn",
        wrong=f"{len(shown)} of {number(len(nodes), 'node')}, such as {shown[0].name}, would use an ENIConfig that "
        f"does not exist ({wanted}){' instead of the one in use' if had else ''}",
        effect="ipamd gets no interface there: running nodes cannot grow, and new ones never become Ready",
        remedy=f"Create ENIConfig {wanted} before this change",
        fixes=_by_zone(case, nodes, existing),
    )


def _had_one(case: AwsNodeCase, node: Node, existing: frozenset[str]) -> bool:
    """Whether a node had an ENIConfig before the change."""
    old = case.old
    if old is None or old.main is None or not old.custom_networking:
        return False
    return eniconfig_of(keys_of(old), node) in existing


def _by_zone(case: AwsNodeCase, nodes: tuple[Node, ...], existing: frozenset[str]) -> tuple[Edit, ...]:
    """The zone as the key, where no key is set and every node then finds its ENIConfig."""
    main = case.new.required
    keys = replace(keys_of(case.new), label=ZONE)
    if main.may_have(ANNOTATION_KEY) or any(eniconfig_of(keys, node) not in existing for node in nodes):
        return ()
    return default_env(case, LABEL_KEY, ZONE)


_SGP = "ENABLE_POD_ENI"


@rule(
    "CN-004",
    "ENIConfig default together with security groups for pods",
    level="deny",
    link=links.SECURITY_GROUPS,
    needs=("nodes",),
    bad=(
        Example(
            DaemonSet(env=_ON | {_SGP: "true"}),
            facts=Facts(nodes=ONE_ZONE.nodes, eni_configs=Fact((EniConfig(name=DEFAULT),), "cluster")),
        ),
    ),
)
def default_with_groups(case: AwsNodeCase) -> Iterator[Problem]:
    """The VPC resource controller is told the name of a node's ENIConfig, but not the name "default".

    It then makes the branch interfaces of pods in the subnet of the node.
    """
    view = case.new
    if not (view.custom_networking and view.pod_eni):
        return
    if not brings(case, CUSTOM_NETWORKING, _SGP, LABEL_KEY, ANNOTATION_KEY):
        return
    keys, nodes = keys_of(view), needed_nodes(case)
    found = [node for node in nodes if eniconfig_of(keys, node) == DEFAULT]
    if not found:
        return
    main = view.required
    yield Problem(
        path=main.where(LABEL_KEY if main.may_have(LABEL_KEY) else CUSTOM_NETWORKING),
        evidence=(*main.as_read(CUSTOM_NETWORKING, _SGP), *main.evidence(LABEL_KEY, ANNOTATION_KEY)),
        level="deny",
        wrong=f"{len(found)} of {number(len(nodes), 'node')}, such as {found[0].name}, would use ENIConfig {DEFAULT} "
        f"with {_SGP}=true",
        effect="the VPC resource controller is not told of it, and makes the branch interfaces of pods in the node's "
        "subnet",
        remedy=f"Name the ENIConfigs after their zones, and set {LABEL_KEY}={ZONE}",
    )
