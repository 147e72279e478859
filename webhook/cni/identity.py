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
    """Whether a DaemonSet runs the CNI, by its name, its service account or an image.

    Where its metadata gives no name, which only a file can hold, a container that is called so tells as well.
    """
    metadata = _metadata(daemonset)
    # A manifest may leave its namespace to the command line: kubectl apply -n kube-system.
    if metadata.get("namespace", "") in {NAMESPACE, ""}:
        accounts = (at(daemonset, *POD_SPEC, key) for key in ("serviceAccountName", "serviceAccount"))
        if NAME in (metadata.get("name"), *accounts):
            return True
        if not metadata.keys() & {"name", "generateName"} and _has_a_container_of_the_name(daemonset):
            return True
    return any(_runs_the_cni(container) for container in _containers(daemonset))


def _metadata(daemonset: Json) -> dict[str, str]:
    """Name and namespace in the metadata; of one that the API server refuses, what its author meant.

    A blank that is missing after a colon makes a text of ``name:aws-node``: of the whole metadata, of the end of the
    value above it, or of a key without a value.
    """
    raw = at(daemonset, "metadata")
    found: dict[str, str] = {}
    broken: list[str] = []
    for part in raw if isinstance(raw, list) else (raw,):
        if not isinstance(part, dict):
            broken += text(part).split()
            continue
        broken += [key for key, value in part.items() if value is None and isinstance(key, str)]
        for name in _NAMES:
            first, *rest = text(part.get(name)).split() or [""]
            broken += rest
            if first:
                found[name] = first
    for word in broken:
        name, _, value = word.partition(":")
        # What stands in a field of its own comes first.
        found.setdefault(name, value)
    return found


_NAMES = ("name", "namespace", "generateName")


def _has_a_container_of_the_name(daemonset: Json) -> bool:
    return any(at(container, "name") == NAME for container in _containers(daemonset))


def _containers(daemonset: Json) -> list[Json]:
    """The containers; a mapping where the list belongs is one container, or holds them by their names."""
    found: list[Json] = []
    for kind in ("containers", "initContainers"):
        listed = at(daemonset, *POD_SPEC, kind)
        if isinstance(listed, list):
            found += listed
        elif isinstance(listed, dict):
            found += (listed, *listed.values())
    return found


def _runs_the_cni(container: Json) -> bool:
    image = text(at(container, "image"))
    # The reference is parsed only where it can matter: most DaemonSets of a cluster are not this one.
    if IMAGE not in image:
        return False
    parsed = images.parse_image(image)
    return parsed is None or parsed.basename == IMAGE
