"""POD-011: the CNI in a second container."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import CNI, DaemonSet, Example
from webhook.catalogue.parts import named_seconds
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Problem
from webhook.rules.img_registries import denies_impostor


@rule(
    "POD-011",
    "A second container runs the CNI",
    level="deny",
    link=links.MANAGE,
    formerly=("VER-001",),
    bad=(Example(DaemonSet(sidecar=f"{CNI}:v1.23.1")),),
)
def second_cni(case: AwsNodeCase) -> Iterator[Problem]:
    """Only one container is evaluated as aws-node, and two of them on a node fight over its interfaces.

    An init container has ended before aws-node starts, so there it only warns; IMG-003 denies one from a registry that
    is not allowed.
    """
    for other in named_seconds(case):
        is_init = other.path[-2] == "initContainers"
        if is_init and denies_impostor(case, other):
            continue
        yield Problem(
            path=other.path,
            evidence=((f"second container {other.name}", other.image_text),),
            level="warn" if is_init else "deny",
            wrong=f"container {other.label} ({other.image_text}) runs the CNI beside the one that is evaluated",
            effect="it is not evaluated, and has ended before aws-node starts"
            if is_init
            else "two of them on one node fight over its interfaces, and only one is evaluated",
            remedy="Remove it",
        )
