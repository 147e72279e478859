"""What rules about a living cluster have in common."""

from webhook.catalogue.rule import AwsNodeCase
from webhook.facts import need


def nodes_of(case: AwsNodeCase) -> int | None:
    """How many nodes aws-node runs on; None where that is not known."""
    if case.facts.nodes is None:
        return None
    return sum(node.compute == "ec2" and node.os == "linux" for node in case.facts.nodes.value)


def daemon_set(case: AwsNodeCase, name: str, image: str) -> str:
    """The DaemonSet of this name, or with an image that contains this text, as namespace/name; empty if there is none.

    Raises:
        CouldNotCheckError: The workloads of the cluster are not known.
    """
    for one in need(case.facts.workloads, "workloads"):
        if one.kind == "DaemonSet" and (one.name == name or any(image in used for used in one.images)):
            return f"{one.namespace}/{one.name}"
    return ""


def on_or_off(value: bool) -> str:  # noqa: FBT001 - the value of a switch
    """A switch, in words."""
    return "on" if value else "off"
