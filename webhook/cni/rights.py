"""What a container may do on its node: its security context, with what it takes from the pod's.

Source: containerd, internal/cri/server (WithCapabilities): a capability that is dropped by name is gone, whatever is
added; of ``ALL`` the added ones are the exception. The kubelet takes user and group from the pod where the container
has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.cni.container import Container
from webhook.model import Json, at

_ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a container."""

    privileged: bool
    added: frozenset[str]
    dropped: frozenset[str]
    user: int | None
    """None where the image says it: root for those of the CNI."""
    non_root: bool
    read_only_root: bool

    def has(self, capability: str) -> bool:
        """Whether the container asks for a capability and keeps it."""
        if self.privileged:
            return True
        return bool(self.added & {capability, _ALL}) and capability not in self.dropped


def rights(container: Container, pod: Mapping[str, Json]) -> Rights:
    """Read the rights of a container."""
    own, shared = container.raw.get("securityContext"), pod.get("securityContext")
    user, non_root = (
        at(shared, name) if at(own, name) is None else at(own, name) for name in ("runAsUser", "runAsNonRoot")
    )
    return Rights(
        privileged=at(own, "privileged") is True,
        added=_names(at(own, "capabilities", "add")),
        dropped=_names(at(own, "capabilities", "drop")),
        user=user if isinstance(user, int) and not isinstance(user, bool) else None,
        non_root=non_root is True,
        read_only_root=at(own, "readOnlyRootFilesystem") is True,
    )


def _names(listed: Json) -> frozenset[str]:
    entries = listed if isinstance(listed, list) else ()
    return frozenset(one.upper() for one in entries if isinstance(one, str))
