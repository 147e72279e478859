"""What rules about a switch on a living cluster have in common."""

from webhook.catalogue.rule import AwsNodeCase


def nodes_of(case: AwsNodeCase) -> int | None:
    """How many nodes aws-node runs on; None where that is not known."""
    if case.facts.nodes is None:
        return None
    return sum(node.compute == "ec2" and node.os == "linux" for node in case.facts.nodes.value)


def on_or_off(value: bool) -> str:  # noqa: FBT001 - the value of a switch
    """A switch, in words."""
    return "on" if value else "off"
