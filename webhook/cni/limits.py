"""How many entries of each list are read: more than the CNI could need, few enough to bound the time of every rule.

The official manifests have at most 3 containers, 27 variables in one, and 6 volumes (config/master/aws-k8s-cni.yaml,
1.9 to 1.23). A longer list is not read: POD-013 and ENIC-008 report it, and rules that depend on it are skipped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webhook.model import Json, Path


@dataclass(frozen=True, slots=True)
class TooLong:
    """A list with more entries than are read."""

    path: Path
    name: str
    """``containers``, ``env of container aws-node``."""
    count: int
    limit: int


def too_long(holder: Mapping[str, Json], path: Path, limits: Mapping[str, int]) -> Iterator[TooLong]:
    """The lists of a mapping that exceed their limits."""
    for name, limit in limits.items():
        entries = holder.get(name)
        if entries and isinstance(entries, (list, dict)) and len(entries) > limit:
            yield TooLong((*path, name), name, len(entries), limit)


POD_LISTS: Mapping[str, int] = MappingProxyType({"containers": 20, "initContainers": 20, "volumes": 100})
"""Entries of the lists of a pod's spec."""

CONTAINER_LISTS: Mapping[str, int] = MappingProxyType(
    {"env": 250, "envFrom": 50, "volumeMounts": 100, "command": 100, "args": 100, "ports": 100}
)
"""Entries of the lists of one container."""

ENICONFIG_ROOT: Mapping[str, int] = MappingProxyType({"the object": 50, "spec": 50})
"""Fields of an ENIConfig at its root and of its spec; it has four and two."""

ENICONFIG_SPEC: Mapping[str, int] = MappingProxyType({"securityGroups": 100})
"""Security groups of an ENIConfig. EC2 allows an interface 5, and 16 with a raised quota."""
