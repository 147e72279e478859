"""Features and behavior of the CNI, each with the release that it begins with.

The first release of a variable is in `variables.py`, that of a flag in `flags.py`. A row here is for what neither says:
a variable that releases read before AWS supports its feature, a combination of features, and behavior that no variable
switches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from webhook.cni.version import Version

V = Version.of


@dataclass(frozen=True, slots=True)
class FeatureFloor:
    """A feature and the first release with which AWS supports it."""

    name: str
    """The feature as the user guide calls it."""
    switches: tuple[str, ...]
    """What turns it on, all of them together: variables of container aws-node, or flags of the agent (``--name``)."""
    first: Version
    source: str
    disputed: bool = False
    """Whether AWS's own pages disagree."""


_GUIDE = "EKS user guide"

FEATURE_FLOORS: tuple[FeatureFloor, ...] = (
    FeatureFloor(
        "security groups for pods", ("ENABLE_POD_ENI",), V("1.7.7"), f"{_GUIDE}, Assign security groups to Pods"
    ),
    FeatureFloor("IPv6", ("ENABLE_IPv6",), V("1.10.1"), f"{_GUIDE}, IPv6 addresses to clusters, Pods, and Services"),
    FeatureFloor(
        "security groups for pods with IPv6",
        ("ENABLE_POD_ENI", "ENABLE_IPv6"),
        V("1.16.0"),
        f"{_GUIDE}, Assign security groups to Pods; the feature matrix of README.md says that it is not supported",
        disputed=True,
    ),
    FeatureFloor("network policy", ("--enable-network-policy",), V("1.14.0"), "CHANGELOG.md, v1.14.0"),
)
"""The features whose first release is not that of their variable."""

Behavior = Literal[
    "init-container",
    "relies-on-init",
    "net-raw",
    "prefixes-on-metal",
    "deletes-without-ipamd",
    "agent-needs-mode",
    "named-health-checks",
    "discovery-needs-ec2",
    "logs-to-stderr",
]

BEHAVIORS: Mapping[Behavior, Version] = MappingProxyType(
    {
        # config/v1.7/aws-k8s-cni.yaml at v1.7.0
        "init-container": V("1.7.0"),
        # scripts/entrypoint.sh at v1.12.0 copies the plugins itself; cmd/aws-vpc-cni/main.go at v1.12.1 does not
        "relies-on-init": V("1.12.1"),
        # config/master/aws-k8s-cni.yaml at v1.12.0
        "net-raw": V("1.12.0"),
        # README.md, ENABLE_PREFIX_DELEGATION
        "prefixes-on-metal": V("1.11.0"),
        # cmd/routed-eni-cni-plugin/cni.go, del, at v1.13.0
        "deletes-without-ipamd": V("1.13.0"),
        # pkg/ipamd/ipamd.go, getNetworkPolicyMode, at v1.19.4; main.go of the agents that ship from then on
        "agent-needs-mode": V("1.19.4"),
        # cmd/grpc-health-probe/main.go and pkg/ipamd/rpc_handler.go at v1.6.0
        "named-health-checks": V("1.6.0"),
        # pkg/ipamd/ipamd.go, setupENI, at v1.22.1; with custom networking too (at v1.23.1 lines 1296 and 2872 there,
        # and pkg/awsutils/awsutils.go line 2578)
        "discovery-needs-ec2": V("1.22.1"),
        # pkg/utils/logger/config.go at v1.13.3
        "logs-to-stderr": V("1.13.3"),
    }
)
"""The first release that behaves in a certain way, with the source beside it.

``init-container``       The manifest has the init container.
``relies-on-init``       aws-node leaves it to the init container to install the plugins.
``net-raw``              The manifest asks for the capability NET_RAW.
``prefixes-on-metal``    Prefix delegation works on bare metal instances.
``deletes-without-ipamd``  The plugin can delete a pod while ipamd is down.
``agent-needs-mode``     The agent asks ipamd for the enforcing mode, and exits if there is none.
``named-health-checks``  The image has the grpc-health-probe that is known here, and ipamd tells health services apart
                         by name.
``discovery-needs-ec2``  With subnet discovery on, ipamd gives up on an interface if it cannot read the subnets.
``logs-to-stderr``       A plugin whose log file is "stderr" writes its log there.
"""


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A release that an upgrade from an older one has to stop at."""

    at: Version
    before: Version
    """The upgrade has to stop there if it leads to this release or a newer one."""


WAYPOINTS: tuple[Waypoint, ...] = (Waypoint(at=V("1.7.0"), before=V("1.12.0")),)
"""Source: EKS user guide, Update the Amazon VPC CNI ("you must upgrade to VPC CNI v1.7.0 first")."""
