"""The pod template of aws-node: how it is rolled out, and whether it changes."""

import re
from dataclasses import dataclass
from typing import Any

from webhook.cni.limits import POD_LISTS
from webhook.model import Json, Path, at

TEMPLATE: Path = ("spec", "template")
STRATEGY: Path = ("spec", "updateStrategy")
_LISTS = ("containers", "initContainers")
_PERCENT = re.compile(r"([0-9]{1,6})%")


@dataclass(frozen=True, slots=True)
class Share:
    """A number of nodes, or a percentage of all of them."""

    number: int
    percent: bool = False

    def of(self, nodes: int) -> int:
        """How many nodes these are: the controller rounds a percentage up."""
        return -(-self.number * nodes // 100) if self.percent else self.number

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.number}%" if self.percent else str(self.number)


def share(value: Json) -> Share | None:
    """Read an integer or a percentage; None for anything else, which the API server refuses."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Share(value)
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return Share(int(found[1]), percent=True) if found else None


def on_delete(raw: Json) -> bool:
    """Whether pods are replaced only when someone deletes them."""
    return bool(at(raw, *STRATEGY, "type") == "OnDelete")


def rolling(raw: Json, field: str) -> Share | None:
    """A field of the rolling update: maxUnavailable or maxSurge."""
    return share(at(raw, *STRATEGY, "rollingUpdate", field))


def grace_period(raw: Json) -> int | None:
    """Seconds that a pod has to end; None where it is not set."""
    value = at(raw, *TEMPLATE, "spec", "terminationGracePeriodSeconds")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def changes_template(old: Json, new: Json) -> bool:
    """Whether a change restarts the pods of aws-node."""
    return bool(at(old, *TEMPLATE) != at(new, *TEMPLATE))


def without_images(raw: Json) -> Json:
    """The pod's spec with no image in any container; what it holds is shared with the object."""
    spec = at(raw, *TEMPLATE, "spec")
    if not isinstance(spec, dict):
        return spec
    plain: dict[str, Any] = dict(spec)
    for kind in _LISTS:
        if isinstance(listed := spec.get(kind), list):
            plain[kind] = [
                {key: value for key, value in one.items() if key != "image"} if isinstance(one, dict) else one
                for one in listed[: POD_LISTS[kind]]
            ]
    return plain


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the controller is with the template that it has."""

    desired: int
    updated: int
    unavailable: int
    seen: bool
    """Whether it has seen the object's current generation."""

    @property
    def finished(self) -> bool:
        """Whether every node runs the template and is available."""
        return self.seen and self.updated >= self.desired and not self.unavailable


def progress(raw: Json) -> Progress | None:
    """Read the status; None where there is none, as in files."""
    status = at(raw, "status")
    desired = at(status, "desiredNumberScheduled")
    if not _is_count(desired):
        return None
    updated, unavailable = (at(status, field) for field in ("updatedNumberScheduled", "numberUnavailable"))
    observed, generation = at(status, "observedGeneration"), at(raw, "metadata", "generation")
    behind = _is_count(observed) and _is_count(generation) and observed < generation
    return Progress(
        desired,
        updated if _is_count(updated) else 0,
        unavailable if _is_count(unavailable) else 0,
        not behind,
    )


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
