"""What a step down in version breaks: state of the newer release that the older one cannot handle.

Sources: CHANGELOG.md and issue 2321 of aws/amazon-vpc-cni-k8s (pods created by 1.12.1 or newer); README.md
("ENABLE_MULTI_NIC"); docs/network-policy-faq.md; the EKS user guide, "Assign more IP addresses to Amazon EKS nodes with
prefixes" and "IPv6".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook.cni.version import Version

if TYPE_CHECKING:
    from webhook.cni.unsafe import Feature


@dataclass(frozen=True, slots=True)
class Hazard:
    """One thing that does not survive a step to a release before `first`."""

    first: Version
    """The first release that can handle it."""
    effect: str
    remedy: str
    feature: Feature | None = None
    """What the old object must have on; None where every object has it."""
    also: tuple[Version, ...] = ()
    """Releases before `first` that can handle it too."""

    def crossed(self, before: Version, now: Version) -> bool:
        """Whether a step leads from a release that has it to one that cannot handle it."""
        return now < self.first <= before and now not in self.also


HAZARDS: tuple[Hazard, ...] = (
    Hazard(
        Version(1, 12, 1),
        "pods that 1.12.1 or newer created cannot be deleted, and hang in Terminating",
        "Use CNI 1.12.1 or newer, or 1.11.5, which can delete them",
        also=(Version(1, 11, 5),),
    ),
    Hazard(
        Version(1, 9, 0),
        "the prefixes that nodes hold are left without an owner",
        "Stay on CNI 1.9.0 or newer, or switch prefix delegation off and replace all nodes first",
        "prefix-delegation",
    ),
    Hazard(Version(1, 10, 1), "IPv6 is not usable before 1.10.1", "Stay on CNI 1.10.1 or newer", "ipv6"),
    Hazard(
        Version(1, 14, 0),
        "the older release has no network policy agent, and what it set up stays on nodes until they restart",
        "Stay on CNI 1.14.0 or newer, or set --enable-network-policy=false and restart the nodes first",
        "network-policy",
    ),
    Hazard(
        Version(1, 20, 0),
        "older releases do not know the further interfaces of pods that have several",
        "Stay on CNI 1.20.0 or newer, or first remove these pods, switch ENABLE_MULTI_NIC off and drain the nodes",
        "multi-nic",
    ),
)
