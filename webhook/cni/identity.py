"""Which objects cni-guard has rules for, decided by what they do rather than by their name.

A DaemonSet that runs the CNI's image or uses its service account is aws-node whatever its name: otherwise a second
DaemonSet would bypass the rules for the first.
"""

from collections.abc import Iterator, Mapping

from webhook.cni import dns, images, meant, neighbors
from webhook.cni.aws_node import POD_SPEC
from webhook.model import Change, Json, Operation, Source, Target, User, at, text

NAMESPACE = "kube-system"
NAME = "aws-node"
IMAGE = "amazon-k8s-cni"

AWS_NODE = ("apps", "DaemonSet")
ENICONFIG = ("crd.k8s.amazonaws.com", "ENIConfig")


def change_of(  # noqa: PLR0913 - the fields of a record, most of them by name
    kind: str,
    new: Json,
    old: Json = None,
    operation: Operation = "CREATE",
    *,
    group: str | None = None,
    user: User | None = None,
    source: Source | None = None,
) -> Change:
    """Make a change, and decide what rules evaluate it as.

    Args:
        kind: The kind of the object.
        new: The object; None on DELETE.
        old: The old object; None on CREATE and for files.
        operation: The operation.
        group: The API group of the kind; None if it is known to be the right one.
        user: The user who sent the request.
        source: The file of the object.
    """
    is_foreign = group is not None and not may_be_guarded(group, kind)
    target, old_target = (
        (None, None) if is_foreign else (target_of(kind, new, old, group=group), target_of(kind, old, group=group))
    )
    return Change(kind, new, old, operation, user, source, target=target, old_target=old_target)


def may_be_guarded(group: str, kind: str) -> bool:
    """Whether cni-guard has rules for objects of this kind."""
    return (group, kind) in {AWS_NODE, ENICONFIG} or (group, kind) in neighbors.KINDS


def target_of(kind: str, *sides: Json, group: str | None = None) -> Target | None:
    """What an object of this kind is to cni-guard; of its old and new side, either is enough."""
    if kind == ENICONFIG[1]:
        return "ENIConfig"
    if kind != AWS_NODE[1]:
        return next((found for side in sides if (found := neighbors.of(group, kind, side)) is not None), None)
    return "aws-node" if any(is_aws_node(side) for side in sides if side is not None) else None


def is_the_aws_node(change: Change) -> bool:
    """Whether this is the DaemonSet kube-system/aws-node, by name."""
    return change.name == NAME and change.namespace in {NAMESPACE, ""}


def is_aws_node(daemonset: Json) -> bool:
    """Whether a DaemonSet runs the CNI, by its name, its service account or an image.

    If its name is invalid, which occurs only in files, the name of a container of the CNI counts too.
    """
    named = meant.metadata(at(daemonset, "metadata"))
    pod = at(daemonset, *POD_SPEC)
    name = named.get("name", "")
    if _is_home(named.get("namespace", "")):
        if NAME in (name, *meant.accounts(pod)):
            return True
        prefix = named.get("generateName", "").rstrip("-")
        if not any(map(dns.is_subdomain, (name, prefix))) and _is_called_so(name, pod):
            return True
    return any(map(_runs_the_cni, _containers(pod)))


def _is_home(namespace: str) -> bool:
    """Whether it is the namespace of aws-node, absent, or invalid.

    A manifest may leave the namespace to the command line: kubectl apply -n kube-system.
    """
    return namespace in {NAMESPACE, ""} or not dns.is_label(namespace)


def _is_called_so(name: str, pod: Json) -> bool:
    """Whether an invalid name is a misspelled aws-node, or a container has the name of one of the CNI."""
    if name.lower().replace("_", "-") == NAME:
        return True
    return any(text(container.get("name")) in images.REPOSITORIES for container in _containers(pod))


def _containers(pod: Json) -> Iterator[Mapping[str, Json]]:
    for kind in ("containers", "initContainers"):
        yield from meant.containers(at(pod, kind))


def _runs_the_cni(container: Mapping[str, Json]) -> bool:
    image = text(container.get("image"))
    # The reference is parsed only where it can matter: most DaemonSets of a cluster are not this one.
    if IMAGE not in image:
        return False
    parsed = images.parse_image(image)
    return parsed is None or parsed.basename == IMAGE
