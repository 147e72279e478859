"""ENV-010: subnet discovery, which needs EC2 for every interface."""

from collections.abc import Iterator

from webhook.model import Problem
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example
from webhook.rules.rule import AwsNodeCase, rule
from webhook.rules.standing import is_known

_DISCOVERY = "ENABLE_SUBNET_DISCOVERY"
_NO_FALL_BACK = (1, 22, 1)
"""The first release whose setupENI (ipamd.go) gives up on an interface when the subnets cannot be read."""


@rule(
    "ENV-010",
    "Subnet discovery that depends on ec2:DescribeSubnets",
    level="warn",
    link=links.variable("enable_subnet_discovery-v1180"),
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(release="1.22.4"), before=DaemonSet(release="1.21.2")),
        Example(DaemonSet(env={_DISCOVERY: "true"}), before=DaemonSet(env={_DISCOVERY: "false"})),
    ),
    good=(
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.22.4")),
        Example(
            DaemonSet(release="1.22.4", env={_DISCOVERY: "false"}),
            before=DaemonSet(release="1.21.2", env={_DISCOVERY: "false"}),
        ),
    ),
)
def needs_ec2(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.22.1 on ipamd lists an interface first and reads its subnet afterwards.

    While that call fails, the interface stays without a network, and pods get its addresses all the same. The README
    still promises the fall-back that earlier releases had. It is said once, where a change brings it: with the release,
    or with the switch.
    """
    view, old = case.new, case.old
    if old is None or old.main is None or not is_known(case) or view.known_version < _NO_FALL_BACK:
        return
    if not view.flag(_DISCOVERY) or view.flag("ENABLE_IMDS_ONLY_MODE"):
        return  # of the latter ENV-008 speaks
    if old.version is None or (old.version >= _NO_FALL_BACK and old.flag(_DISCOVERY)):
        return
    main = view.required
    yield Problem(
        path=main.where(_DISCOVERY),
        evidence=(
            *main.evidence(_DISCOVERY, "ENABLE_IMDS_ONLY_MODE"),
            ("subnet discovery without a fall-back before", None),
        ),
        level="warn",
        wrong=f"CNI {view.known_version} with {_DISCOVERY} on needs ec2:DescribeSubnets for every interface",
        effect="while that call is denied or throttled, pods get addresses of an interface that has no network",
        remedy=f"Check that the role of aws-node has it, as with AmazonEKS_CNI_Policy, or set {_DISCOVERY}=false",
    )
