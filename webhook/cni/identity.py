"""Which objects are guarded, by what they do rather than by their name.

A DaemonSet that runs the CNI's image or uses its service account is aws-node, whatever its name. The service account
counts because an image can be renamed.
"""

from collections.abc import Iterator, Mapping

from webhook.cni import dns, images, meant
from webhook.cni.aws_node import POD_SPEC
from webhook.model import Change, Json, at, text

NAMESPACE = "kube-system"
NAME = "aws-node"
IMAGE = "amazon-k8s-cni"

AWS_NODE = ("apps", "DaemonSet")
ENICONFIG = ("crd.k8s.amazonaws.com", "ENIConfig")


def is_guarded(change: Change) -> bool:
    """Whether rules apply to this change; on UPDATE either side is enough."""
    if change.kind == ENICONFIG[1]:
        return True
    return any(is_aws_node(side) for side in (change.object, change.old) if side is not None)


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
