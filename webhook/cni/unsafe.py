"""Known faults of releases of the VPC CNI.

Sources: CHANGELOG.md, README.md ("Recommended Version", upgrade notes), docs/troubleshooting.md and the issues of
aws/amazon-vpc-cni-k8s; the EKS user guide for the first release of a feature. If a row is derived from code, a comment
names the function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from webhook.cni.version import Version, below

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.model import Level

Feature = Literal[
    "custom-networking",
    "security-groups-for-pods",
    "prefix-delegation",
    "ipv6",
    "network-policy",
    "subnet-discovery-off",
    "imds-only",
    "provisioning-off",
    "multi-nic",
    "no-network-policy-agent",
]
"""A feature that an object uses or, if the name says so, does not use."""


@dataclass(frozen=True, slots=True)
class UnsafeReleases:
    """A fault of a range of releases, both ends included."""

    first: Version
    last: Version
    level: Level
    reason: str
    """What goes wrong, as a clause."""
    fixed: Version | None
    """The release to use instead."""
    when: frozenset[Feature] = frozenset()
    """The fault affects only objects with all of these features."""
    unless: frozenset[Feature] = frozenset()
    """The fault does not affect objects with one of these features."""
    kubernetes: tuple[int, int] | None = None
    """The fault affects only clusters of this Kubernetes version or newer."""

    def applies(self, version: Version, on: Callable[[str], bool], kubernetes: tuple[int, int] | None = None) -> bool:
        """Whether the fault affects a release.

        Args:
            version: The release.
            on: Whether a feature is on; called only for features that matter.
            kubernetes: The version of the cluster; None if unknown, which never matches.
        """
        on_server = self.kubernetes is None or (kubernetes is not None and kubernetes >= self.kubernetes)
        in_range = self.first <= version <= self.last
        return in_range and on_server and all(map(on, self.when)) and not any(map(on, self.unless))


def _row(  # noqa: PLR0913 - a row of a table
    versions: str,
    level: Level,
    fixed: str,
    reason: str,
    *,
    when: tuple[Feature, ...] = (),
    unless: tuple[Feature, ...] = (),
    kubernetes: tuple[int, int] | None = None,
) -> UnsafeReleases:
    """Make a row; the versions are one release, ``A..B`` (both included) or ``<B``."""
    if versions.startswith("<"):
        first, last = Version(0, 0, 0), below(Version.of(versions[1:]))
    else:
        low, _, high = versions.partition("..")
        first, last = Version.of(low), Version.of(high or low)
    use = Version.of(fixed)
    return UnsafeReleases(first, last, level, reason, use, frozenset(when), frozenset(unless), kubernetes)


_CUSTOM: Feature = "custom-networking"
_SGP: Feature = "security-groups-for-pods"
_NO_AGENT: Feature = "no-network-policy-agent"
_NO_DISCOVERY: Feature = "subnet-discovery-off"
_NO_PROVISIONING: tuple[Feature, ...] = ("provisioning-off", "imds-only")

# fmt: off
UNSAFE_RELEASES: tuple[UnsafeReleases, ...] = (
    _row("<1.6.1", "deny", "1.6.4", "it lacks several fixes of the address pool"),
    _row("1.5.4", "deny", "1.6.4", "it deletes routing rules of running pods, which then lose each other"),  # issue 641
    _row("1.7.0", "deny", "1.7.10", "beside Calico the routes to pods get deleted"),  # issue 1166
    _row("1.7.3", "warn", "1.7.10", "the init container crashes on older kernels"),  # issue 1241
    _row("<1.7.7", "deny", "1.7.10", "AWS supports security groups for pods from 1.7.7 on", when=(_SGP,)),
    _row("<1.9.0", "deny", "1.9.3", "prefix delegation does not exist in it, and the prefixes that nodes hold would be "
         "left without an owner", when=("prefix-delegation",)),
    _row("1.10.0", "deny", "1.10.4", "it asks IMDSv1 alone for the node's address and fails where only IMDSv2 answers"),
    _row("<1.10.1", "deny", "1.10.4", "IPv6 is not usable before 1.10.1", when=("ipv6",)),
    _row("<1.10.4", "warn", "1.10.4", "it contains CVE-2021-20206 (containernetworking/cni)"),
    _row("1.11.0", "warn", "1.11.5", "unlike 1.10.4 it contains CVE-2021-20206 (containernetworking/cni)"),
    _row("<1.12.0", "deny", "1.12.6", "it needs the CRI API v1alpha2, which Kubernetes 1.26 removed",
         kubernetes=(1, 26)),
    _row("1.12.5..1.12.6", "warn", "1.13.4", "as an add-on it was seen with a placeholder for CLUSTER_ENDPOINT, so "
         "that the API server is not reached"),  # issue 2327
    _row("1.13.0", "deny", "1.13.4", "custom networking without security groups in the ENIConfig ends in a crash "
         "loop", when=(_CUSTOM,)),  # issue 2426
    _row("1.14.0", "warn", "1.14.1", "its first network policy agent crashes, and its manifest leaves it on the host "
         "ports 8080 and 8081, which other software often holds"),  # issues 2539, 2540
    _row("1.15.0", "deny", "1.15.5", "it demands a CNINode that custom networking alone never gets",
         when=(_CUSTOM,), unless=(_SGP,)),  # issues 2584, 2591
    _row("1.15.0..1.15.4", "warn", "1.15.5", "its role may not watch CNINodes, which security groups for pods need",
         when=(_SGP,)),
    _row("<1.15.3", "warn", "1.15.5", "it contains CVE-2023-44487 (HTTP/2 rapid reset)"),
    _row("1.16.0", "deny", "1.16.4", "its conflist has CNI version 1.0.0, which older container runtimes refuse"),
    _row("<1.16.2", "warn", "1.16.4", "it contains CVE-2023-48795 (SSH prefix truncation)"),
    _row("1.16.0..1.16.3", "warn", "1.16.4", "with security groups for pods and custom networking the trunk interface "
         "takes addresses for pods, and the two features are registered in the wrong order",
         when=(_CUSTOM, _SGP)),  # issue 2792
    _row("1.16.3", "deny", "1.16.4", "it loops at full CPU while the address pool grows"),  # issues 2807, 2810
    _row("1.19.3", "warn", "1.19.6", "it calls the network policy agent for every pod, and without an agent each pod "
         "waits two seconds", when=(_NO_AGENT,)),
    _row("1.19.4", "deny", "1.19.6", "nodes fail to initialise with custom networking and security groups for pods",
         when=(_CUSTOM, _SGP)),  # issue 3277
    _row("1.21.0", "warn", "1.21.2", "its network policy agent lacks the permissions for cluster policy endpoints"),
    _row("1.22.0", "deny", "1.22.4", "upstream withdrew it because of a regression: the tag exists, but its own "
         "manifest deploys 1.21.1"),  # issue 3680
    _row("1.22.1", "deny", "1.22.4", "it crashes without ec2:DescribeSecurityGroups and floods the EC2 API",
         unless=(_NO_DISCOVERY, _CUSTOM, *_NO_PROVISIONING)),  # ipamd.go, nodeInit; issue 3704
    _row("1.22.1..1.22.3", "deny", "1.22.4", "where the subnet check of an interface fails, the node's own primary "
         "address is given to a pod", unless=(_NO_DISCOVERY,)),  # ipamd.go, setupENI; issue 3753
    _row("1.22.1..1.22.3", "warn", "1.22.4", "with subnet discovery on, the node's own primary address can be given to "
         "a pod: keep it off", when=(_NO_DISCOVERY,)),
    _row("<1.22.3", "warn", "1.22.4", "it is built with a golang.org/x/net older than 0.55.0"),
    _row("<1.22.4", "warn", "1.22.4", "it contains CVE-2025-52881 (containernetworking/plugins)"),
)
# fmt: on
"""The known faults, oldest first. Upgrade paths are not faults; see `WAYPOINTS` in `features.py`."""
