"""The oldest release that is recommended for a Kubernetes version.

Source: README.md of aws/amazon-vpc-cni-k8s, "Recommended Version" (read at v1.23.1). That releases before 1.12.0 do not
run on Kubernetes 1.26 is a row of `unsafe.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from webhook.cni.version import Version

Kubernetes = tuple[int, int]

FLOORS: Mapping[Kubernetes, Version] = MappingProxyType(
    {
        (1, 28): Version(1, 13, 4),
        (1, 29): Version(1, 14, 1),
        (1, 30): Version(1, 16, 0),
        (1, 31): Version(1, 16, 4),
        (1, 32): Version(1, 17, 1),
        (1, 33): Version(1, 17, 1),
    }
)


class Floor(NamedTuple):
    """The oldest release for a Kubernetes version."""

    release: Version
    exact: bool
    """Whether a row is about this Kubernetes version, and not the newest row about an older one."""


def floor_for(kubernetes: Kubernetes, further: Mapping[str, str]) -> Floor | None:
    """The floor of a Kubernetes version; None for one older than every row.

    Args:
        kubernetes: Major and minor version.
        further: Rows of the policy, such as ``{"1.34": "1.19.4"}``; they win.
    """
    rows = {**FLOORS, **{_kubernetes(version): Version.of(release) for version, release in further.items()}}
    nearest = max((version for version in rows if version <= kubernetes), default=None)
    return None if nearest is None else Floor(rows[nearest], exact=kubernetes <= max(rows))


def _kubernetes(version: str) -> Kubernetes:
    major, minor = version.split(".")
    return int(major), int(minor)
