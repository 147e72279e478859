"""IPT-002 and IPT-005: targets against the number and the size of the nodes."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.nodes import number, number_of_nodes, served
from webhook.catalogue.parts import default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.facts import Fact, Facts, Node
from webhook.model import Edit, Problem
from webhook.policy import Cluster, Policy, Targets

_WARM, _MINIMUM, _PREFIXES = "WARM_IP_TARGET", "MINIMUM_IP_TARGET", "ENABLE_PREFIX_DELEGATION"
_PREFIX = 16
"""The addresses of a prefix: a smaller warm target costs prefixes no more calls than one of them."""
_SPARE = 2
"""How many addresses MINIMUM_IP_TARGET has beyond the pods of a node (docs/eni-and-ip-target.md)."""
_USUAL_PODS = 10

_LARGE = Facts(nodes=Fact(tuple(Node(name=f"node-{index}") for index in range(101)), "cluster"))
_TEN_PODS = Policy(mode="enforce", targets=Targets(pods_per_node=10))
_IS_LARGE = Policy(mode="enforce", targets=Targets(profile="large-cluster"))


@rule(
    "IPT-002",
    "WARM_IP_TARGET that strains the EC2 API",
    level="deny",
    link=links.TARGETS,
    needs=("nodes",),
    bad=(
        Example(DaemonSet(env={_WARM: "5"}), facts=_LARGE),
        env(WARM_IP_TARGET="5", level="warn"),
        env(WARM_IP_TARGET="5", ENABLE_PREFIX_DELEGATION="true", level="warn"),
        Example(DaemonSet(env={_WARM: "2", _MINIMUM: "12"}), facts=_LARGE, level="warn"),
        Example(DaemonSet(env={_WARM: "2", _MINIMUM: "12"}), policy=_IS_LARGE, level="warn"),
        Example(
            DaemonSet(env={_WARM: "2"}),
            policy=_TEN_PODS,
            level="warn",
            fixed=DaemonSet(env={_WARM: "2", _MINIMUM: "12"}),
        ),
        Example(DaemonSet(env={_WARM: "5"}), policy=Policy(mode="enforce", cluster=Cluster(nodes=500))),
    ),
    good=(
        env(WARM_IP_TARGET="2", MINIMUM_IP_TARGET="12"),
        env(ENABLE_PREFIX_DELEGATION="true", WARM_IP_TARGET="16"),
        Example(DaemonSet(env={_WARM: "5", _MINIMUM: "16", _PREFIXES: "true"}), facts=_LARGE),
    ),
)
def many_calls(case: AwsNodeCase) -> Iterator[Problem]:
    """With WARM_IP_TARGET each few pods cost a call of EC2, whose limits hold for the account and region as a whole.

    Once it throttles, no node gets addresses. MINIMUM_IP_TARGET takes the calls of an ordinary node away, and in a
    large cluster, which the policy defines (targets.largeCluster), WARM_ENI_TARGET or prefix delegation take nearly
    all.
    """
    view = case.new
    warm = view.target(_WARM)
    if warm == 0 or view.ipv6:
        return
    alone = view.target(_MINIMUM) == 0
    nodes, targets = number_of_nodes(case), case.policy.targets
    large = nodes is not None and nodes > targets.large_cluster
    strains = alone and warm < _PREFIX if view.prefix_delegation else alone or large or _is_meant_large(case)
    if not strains:
        return
    main = view.required
    yield Problem(
        path=main.where(_WARM),
        evidence=(*main.evidence(_WARM), *main.as_read(_MINIMUM, _PREFIXES, "ENABLE_IPv6")),
        level="deny" if large and alone else "warn",
        wrong=f"{_WARM}={main.get(_WARM)}{f' without {_MINIMUM}' if alone else ''}"
        + (f" on {number(nodes, 'node')}" if nodes is not None else ""),
        effect="each few pods cost an EC2 call, and once the API throttles, no node of the account and region gets "
        "addresses",
        remedy=_remedy(case, alone=alone, large=large),
        fixes=_minimum(case) if alone and not large else (),
    )


def _is_meant_large(case: AwsNodeCase) -> bool:
    return case.policy.targets.profile == "large-cluster"


def _remedy(case: AwsNodeCase, *, alone: bool, large: bool) -> str:
    if large or _is_meant_large(case) or not alone:
        return "Go back to WARM_ENI_TARGET 1 without the IP targets, or use prefix delegation"
    pods = case.policy.targets.pods_per_node or _USUAL_PODS
    return (
        f"Set {_MINIMUM}={pods + _SPARE} for {number(pods, 'pod')} per node, or as many as fit yours, "
        "or go back to WARM_ENI_TARGET 1"
    )


def _minimum(case: AwsNodeCase) -> tuple[Edit, ...]:
    pods = case.policy.targets.pods_per_node
    return () if pods is None or _is_meant_large(case) else default_env(case, _MINIMUM, str(pods + _SPARE))


@rule(
    "IPT-005",
    "Targets beyond what a node can hold",
    level="warn",
    link=links.TARGETS,
    needs=("nodes",),
    bad=(
        Example(
            DaemonSet(env={_WARM: "2", _MINIMUM: "40"}),
            facts=Facts(nodes=Fact((Node(name="a", pods=29), Node(name="b", pods=17)), "cluster")),
        ),
    ),
    good=(
        Example(
            DaemonSet(env={_WARM: "2", _MINIMUM: "29"}),
            facts=Facts(nodes=Fact((Node(name="a", pods=29), Node(name="b", pods=17)), "cluster")),
        ),
    ),
)
def beyond_the_node(case: AwsNodeCase) -> Iterator[Problem]:
    """A node takes no more addresses than it can run pods, so that a greater minimum promises what no node has.

    Whether the subnets have so many free addresses, only AWS knows.
    """
    minimum = case.new.target(_MINIMUM)
    if minimum == 0 or case.new.ipv6 or case.facts.nodes is None:
        return
    sizes = [node.pods for node in served(case.facts.nodes.value)]
    known = [pods for pods in sizes if pods is not None]
    if not known or len(known) < len(sizes) or minimum <= max(known):
        return
    main = case.new.required
    yield Problem(
        path=main.where(_MINIMUM),
        evidence=(
            *main.evidence(_MINIMUM),
            *main.as_read("ENABLE_IPv6"),
            ("pods of the largest node", str(max(known))),
        ),
        level="warn",
        wrong=f"{_MINIMUM}={minimum} on nodes that run at most {number(max(known), 'pod')}",
        effect="a node stops at as many addresses as it can run pods, and takes all of them from its subnet at once",
        remedy=f"Set {_MINIMUM} to about the pods that a node really runs",
    )
