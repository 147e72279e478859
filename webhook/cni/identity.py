"""Which objects the guard is about, told by what they do and not by what they are called.

A DaemonSet that runs the CNI's image, or runs under its service account, is aws-node whatever its name: the second
one is the way around the first.
"""

from webhook.cni import images
from webhook.cni.aws_node import POD_SPEC
from webhook.model import Json, Resource, at, text

NAMESPACE = "kube-system"
NAME = "aws-node"
IMAGE = "amazon-k8s-cni"

AWS_NODE = ("apps", "DaemonSet")
ENICONFIG = ("crd.k8s.amazonaws.com", "ENIConfig")


def is_guarded(resource: Resource) -> bool:
    """Whether rules apply to this resource; on UPDATE either side of the change is enough."""
    if resource.kind == ENICONFIG[1]:
        return True
    return any(is_aws_node(side) for side in (resource.object, resource.old) if side is not None)


def is_the_aws_node(resource: Resource) -> bool:
    """Whether this is the cluster's own DaemonSet, by name."""
    return resource.name == NAME and resource.namespace in {NAMESPACE, ""}


def is_aws_node(daemonset: Json) -> bool:
    """Whether a DaemonSet runs the CNI, by its name, its service account or an image."""
    namespace = text(at(daemonset, "metadata", "namespace"))
    # A manifest may leave its namespace to the command line: kubectl apply -n kube-system.
    home = namespace in {NAMESPACE, ""}
    if home and text(at(daemonset, "metadata", "name")) == NAME:
        return True
    if home and NAME in {
        at(daemonset, *POD_SPEC, key)
        for key in ("serviceAccountName", "serviceAccount")
        if isinstance(at(daemonset, *POD_SPEC, key), str)
    }:
        return True
    return any(_runs_the_cni(container) for container in _containers(daemonset))


def _containers(daemonset: Json) -> list[Json]:
    listed = (at(daemonset, *POD_SPEC, kind) for kind in ("containers", "initContainers"))
    return [container for entries in listed if isinstance(entries, list) for container in entries]


def _runs_the_cni(container: Json) -> bool:
    image = text(at(container, "image"))
    # The reference is parsed only where it can matter: most DaemonSets of a cluster are not this one.
    if IMAGE not in image:
        return False
    parsed = images.parse_image(image)
    return parsed is None or parsed.basename == IMAGE
