"""POD-007: how aws-node knows which node it is on."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import harms, is_known, reading_of
from webhook.cni.container import Container
from webhook.cni.reading import FATAL, Reading
from webhook.model import Edit, Problem, at, text

_IDENTITY = (
    ("aws-node", "MY_NODE_NAME"),
    ("aws-node", "MY_POD_NAME"),
    ("aws-eks-nodeagent", "MY_NODE_NAME"),
)


def _without(name: str, field: str) -> Example:
    reference = {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}
    return Example(DaemonSet(env={name: None}), level="warn", fixed=DaemonSet(env={name: reference}))


_OF_ANOTHER_POD = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


@rule(
    "POD-007",
    "aws-node is not told which node it is on",
    level="deny",
    link=links.MANAGE,
    formerly=("B3",),
    rests_on_releases=True,
    bad=(
        env(MY_NODE_NAME="ip-10-0-1-2.ec2.internal", certain=True),
        Example(DaemonSet(env={"MY_NODE_NAME": _OF_ANOTHER_POD}), certain=True),
        _without("MY_NODE_NAME", "spec.nodeName"),
        _without("MY_POD_NAME", "metadata.name"),
    ),
)
def wrong_identity(case: AwsNodeCase) -> Iterator[Problem]:
    """Ipamd and the network policy agent take the name of their node from the pod's own field.

    With any other value every node claims to be the same one; without one ipamd watches every node and pod of the
    cluster and cannot initialize its own.
    """
    for role, name in _IDENTITY:
        holder = next((one for one in case.new.roles if one.role == role), None)
        reading = reading_of(case, holder, name) if holder is not None and not holder.defects else None
        if holder is None or reading is None:
            continue
        if holder.lacks(name):
            yield _absent(holder, name, reading)
        elif name == "MY_NODE_NAME" and (source := _other_source(holder, name, reading)):
            yield _elsewhere(case, holder, reading, source)


def _other_source(holder: Container, name: str, reading: Reading) -> str:
    """What a variable is taken from instead of the pod's field; empty where it is that, or where ENV-006 speaks."""
    if (value := holder.known_text(name)) is not None:
        return f'the text "{value[:100]}"' if value else ""
    field = text(at(holder.raw, "env", holder.index.get(name, -1), "valueFrom", "fieldRef", "fieldPath"))
    return f"field {field[:100]}" if field and field != reading.field_path else ""


def _absent(holder: Container, name: str, reading: Reading) -> Problem:
    entry = {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": reading.field_path}}}
    return Problem(
        path=holder.where(name),
        evidence=holder.evidence(name),
        level="warn",
        wrong=f"{name} is absent in container {holder.role}",
        effect="it cannot tell which node it is on" if name == "MY_NODE_NAME" else "its events name no pod",
        remedy=f"Take it from fieldRef {reading.field_path}, as the official manifest does",
        fixes=(Edit((*holder.path, "env"), None, entry, f"{holder.role} env {name} from {reading.field_path}"),),
    )


def _elsewhere(case: AwsNodeCase, holder: Container, reading: Reading, source: str) -> Problem:
    is_ipamd = holder.role == "aws-node"
    fatal = is_ipamd and reading.on_empty in FATAL and harms(case, reading)
    return Problem(
        path=holder.where("MY_NODE_NAME"),
        evidence=(*holder.evidence("MY_NODE_NAME"), (f"{holder.role} MY_NODE_NAME from", source)),
        level="deny",
        certain=fatal and is_known(case),
        wrong=f"MY_NODE_NAME of container {holder.role} comes from {source}, not from {reading.field_path}",
        effect="every node claims to be the same one: ipamd fails to start, or manages the wrong node"
        if is_ipamd
        else "the agent enforces the policies of another node",
        remedy=f"Take it from fieldRef {reading.field_path}, as the official manifest does",
    )
