"""ENV-010: subnet discovery, which needs EC2 for every interface."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known
from webhook.model import Problem

_DISCOVERY, _IMDS = "ENABLE_SUBNET_DISCOVERY", "ENABLE_IMDS_ONLY_MODE"


@rule(
    "ENV-010",
    "Subnet discovery that depends on ec2:DescribeSubnets",
    since="ENABLE_SUBNET_DISCOVERY",
    level="warn",
    link=links.variable("enable_subnet_discovery-v1180"),
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(env={_DISCOVERY: "true"}), before=DaemonSet(env={_DISCOVERY: "false"})),
        Example(DaemonSet(release="1.22.4"), before=DaemonSet(release="1.22.3", env={_DISCOVERY: "false"})),
    ),
    good=(
        Example(DaemonSet(release="1.22.4"), before=DaemonSet(release="1.21.2")),
        Example(DaemonSet(env={_DISCOVERY: "false"}), before=DaemonSet()),
    ),
)
def needs_ec2(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.22.1 on ipamd adds an interface to its pool first, and reads the subnet of the interface afterwards.

    While that call fails, the interface stays without a network, and pods get its addresses all the same. The README
    still promises the fall-back that earlier releases had. Nothing in the object tells what the role may do, and nearly
    every role may read subnets: it is said only where a change switches the discovery on.
    """
    view, old = case.new, case.old
    if old is None or old.main is None or not is_known(case):
        return
    if not case.tables.behaves(view.known_version, "discovery-needs-ec2"):
        return
    if not view.flag(_DISCOVERY) or old.flag(_DISCOVERY):
        return
    if view.flag(_IMDS):
        return  # of which ENV-008 speaks
    main = view.required
    yield Problem(
        path=main.where(_DISCOVERY),
        evidence=(*main.evidence(_DISCOVERY), *main.as_read(_IMDS), ("subnet discovery before", "off")),
        level="warn",
        wrong=f"CNI {view.known_version} with {_DISCOVERY} on needs ec2:DescribeSubnets for every interface",
        effect="while that call is denied or throttled, pods get addresses of an interface that has no network",
        remedy=f"Check that the role of aws-node has it, as with AmazonEKS_CNI_Policy, or set {_DISCOVERY}=false",
    )
