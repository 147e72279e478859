"""ENV-008: settings with which a node cannot provision addresses."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.parts import default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Level, Problem, at, text

_PROVISIONED = "cni-guard.dev/pre-provisioned"
_OFF = "DISABLE_NETWORK_RESOURCE_PROVISIONING"
_IMDS = "ENABLE_IMDS_ONLY_MODE"
_DISCOVERY = "ENABLE_SUBNET_DISCOVERY"
_CUSTOM = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"


@rule(
    "ENV-008",
    "A node that cannot provision addresses",
    level="deny",
    link=links.VARIABLES,
    bad=(
        env(DISABLE_NETWORK_RESOURCE_PROVISIONING="true"),
        env(DISABLE_NETWORK_RESOURCE_PROVISIONING="true", AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true", certain=True),
        env(ENABLE_IMDS_ONLY_MODE="true", ENABLE_SUBNET_DISCOVERY="true"),
        Example(
            DaemonSet(env={_IMDS: "true", _DISCOVERY: None}, annotations={_PROVISIONED: "true"}),
            fixed=DaemonSet(env={_IMDS: "true", _DISCOVERY: "false"}, annotations={_PROVISIONED: "true"}),
        ),
        env(ENABLE_IMDS_ONLY_MODE="true", ENABLE_SUBNET_DISCOVERY="false", ENABLE_POD_ENI="true"),
        env(
            ENABLE_IMDS_ONLY_MODE="true",
            ENABLE_SUBNET_DISCOVERY="false",
            ENABLE_IPv4="false",
            ENABLE_IPv6="true",
            ENABLE_PREFIX_DELEGATION="true",
        ),
    ),
    good=(Example(DaemonSet(env={_IMDS: "true", _DISCOVERY: "false"}, annotations={_PROVISIONED: "true"})),),
)
def no_provisioning(case: AwsNodeCase) -> Iterator[Problem]:
    """With provisioning off ipamd attaches no interface: pods get only addresses that somebody attached before.

    If that is intended, say so with the annotation cni-guard.dev/pre-provisioned: "true".
    """
    view = case.new
    causes = tuple(name for name in (_OFF, _IMDS) if view.flag(name))
    if not causes:
        return
    if text(at(view.raw, "metadata", "annotations", _PROVISIONED)) != "true":
        for name in causes:
            yield _unprovisioned(
                case,
                (name,),
                "deny",
                "ipamd creates no interface, so pods get only addresses that were attached before",
                f'Remove it, or annotate the DaemonSet with {_PROVISIONED}: "true" where something else attaches them',
            )
    if view.custom_networking:
        for name in causes:
            yield _unprovisioned(
                case,
                (name, _CUSTOM),
                "deny",
                "pods may not use the primary interface and no other one is made: none gets an address",
                f"Switch {name} or {_CUSTOM} off",
                certain=True,
            )
    if view.flag(_IMDS):
        yield from _imds_conflicts(case)


def _imds_conflicts(case: AwsNodeCase) -> Iterator[Problem]:
    view = case.new
    if view.flag(_DISCOVERY) and case.tables.behaves(view.known_version, "discovery-needs-ec2"):
        yield _unprovisioned(
            case,
            (_IMDS, _DISCOVERY),
            "deny",
            "subnet discovery calls EC2 all the same, and fails where EC2 is not reachable",
            f"Set {_DISCOVERY}=false as well",
            fixes=True,
        )
    if view.pod_eni:
        yield _unprovisioned(
            case,
            (_IMDS, "ENABLE_POD_ENI"),
            "deny",
            "no trunk interface is found, so pods with security groups fail",
            f"Switch {_IMDS} or ENABLE_POD_ENI off",
        )
    if view.ipv6:
        yield _unprovisioned(
            case,
            (_IMDS, "ENABLE_IPv6"),
            "warn",
            "assigning the IPv6 prefix calls EC2 all the same",
            "Make sure that nodes reach EC2",
        )


def _unprovisioned(  # noqa: PLR0913 - the parts of a problem, in its order
    case: AwsNodeCase,
    names: tuple[str, ...],
    level: Level,
    effect: str,
    remedy: str,
    *,
    certain: bool = False,
    fixes: bool = False,
) -> Problem:
    main = case.new.required
    values = " with ".join(f"{name}={main.get(name) or 'unset'}" for name in names)
    return Problem(
        path=main.where(names[0]),
        evidence=main.as_read(*names),
        level=level,
        certain=certain,
        wrong=values,
        effect=effect,
        remedy=remedy,
        fixes=default_env(case, _DISCOVERY, "false") if fixes else (),
    )
