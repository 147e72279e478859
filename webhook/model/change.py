"""A change of an object, and access to the values of objects of any shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
"""JSON as the API server sent it; of any shape, since a webhook sees objects before they are validated."""

Path = tuple[str | int, ...]
"""A place in an object, ``("spec", "template", "spec", "containers", 0)``; lines are looked up only for output."""

Operation = Literal["CREATE", "UPDATE", "DELETE"]

Target = Literal[
    "aws-node",
    "ENIConfig",
    "CustomResourceDefinition",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "SecurityGroupPolicy",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
]
"""What an object is to cni-guard; a rule is about some of them."""

ADDON_MANAGER = "eks:addon-manager"
"""The user that applies EKS managed add-ons (EKS user guide, "Amazon EKS add-ons")."""

BREAK_GLASS = "cni-guard:break-glass"
"""The group whose requests are allowed without evaluation."""


@dataclass(frozen=True, slots=True)
class User:
    """The user who sent a request, as authenticated by the API server."""

    name: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column start at 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """The file of an object, with the position of each field."""

    file: str
    positions: Mapping[Path, Position] = field(default_factory=dict)

    def position(self, path: Path) -> Position:
        """The position of a field, or of its nearest parent in the file."""
        for length in range(len(path), -1, -1):
            if place := self.positions.get(path[:length]):
                return place
        return Position(1, 1)


@dataclass(frozen=True, slots=True)
class Change:
    """A change: the new object, the old one, the operation and the user.

    `object` is None on DELETE; `old` is None on CREATE and for files. `cni.identity.change_of` makes it.
    """

    kind: str
    object: Json
    old: Json = None
    operation: Operation = "CREATE"
    user: User | None = None
    source: Source | None = None
    target: Target | None = field(kw_only=True)
    """What rules evaluate it as; on UPDATE either side is enough. None if cni-guard has no rules for it."""
    old_target: Target | None = field(kw_only=True)
    """What the old object is by itself."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the object, else of the old object; empty if there is none."""
        for holder in (self.object, self.old):
            if isinstance(holder, dict) and isinstance(metadata := holder.get("metadata"), dict):
                return metadata
        return {}

    @property
    def name(self) -> str:
        """The object's name; empty if it has none (yet), as with ``generateName``."""
        return text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        """The object's namespace; empty for a cluster-scoped object."""
        return text(self.metadata.get("namespace"))

    def __str__(self) -> str:
        """The display name: ``DaemonSet kube-system/aws-node``."""
        name = self.name or text(self.metadata.get("generateName")) or "(no name)"
        return f"{self.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind} {name}"


def text(value: Json) -> str:
    """The value if it is a string, else an empty string."""
    return value if isinstance(value, str) else ""


def at(value: Json, *path: str | int) -> Json:
    """The value at a path; None if a step is missing or has another type."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
