"""The nodes that aws-node serves, and what custom networking gives them."""

from collections.abc import Iterable
from typing import Any

from webhook.catalogue.rule import Case
from webhook.cni.aws_node import AwsNode
from webhook.cni.resolution import Keys, keys_of
from webhook.facts import Node, need
from webhook.model import CouldNotCheckError, UnknownValueError

AnyCase = Case[Any]


def served(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes on which aws-node runs: Linux on EC2, without Fargate, hybrid nodes and those of EKS Auto Mode."""
    return tuple(node for node in nodes if node.compute == "ec2" and node.os == "linux")


def needed_nodes(case: AnyCase) -> tuple[Node, ...]:
    """The nodes that aws-node serves.

    Raises:
        CouldNotCheckError: They are not known.
    """
    nodes = need(case.facts.nodes, "nodes")
    return served(nodes)


def number_of_nodes(case: AnyCase) -> int | None:
    """How many nodes aws-node serves: seen, or stated in the policy."""
    if case.facts.nodes is not None:
        return len(served(case.facts.nodes.value))
    return case.policy.cluster.nodes


def number(count: int, noun: str) -> str:
    """A number with its noun: ``1 node``, ``2 nodes``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def eniconfig_of(keys: Keys, node: Node) -> str:
    """The name of the ENIConfig that a node uses."""
    return keys.eniconfig(node.labels, node.annotations)


def running_keys(case: AnyCase) -> Keys | None:
    """The keys that the running aws-node looks for; None while custom networking is off.

    Raises:
        CouldNotCheckError: It is not known, or a value of it is not.
    """
    running = need(case.facts.aws_node, "aws_node")
    try:
        for raw in running:
            view = AwsNode(raw, case.policy.versions.digests)
            if view.main is not None and view.custom_networking:
                return keys_of(view)
    except UnknownValueError as unknown:
        raise CouldNotCheckError(f"in the running aws-node, {unknown}") from unknown
    return None


def listed(names: Iterable[str]) -> str:
    """Some names, for a message: ``a, b and 3 more``."""
    found = [name or '""' for name in dict.fromkeys(names)]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


_NAMED = 5
