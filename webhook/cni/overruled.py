"""Settings of container aws-node that have no effect because of other settings.

Sources, at v1.23.1: pkg/ipamd/ipamd.go 421 (IPv6), 2177-2231 (targets), 2623-2657 and 2679-2731 (warm interfaces and
prefixes); pkg/networkutils/network.go 441-446 and 527-562 (SNAT); pkg/eniconfig/eniconfig.go (keys of ENIConfigs);
cmd/aws-vpc-cni/main.go 356-364 (enforcing mode).
"""

from webhook.cni.aws_node import AwsNode

CUSTOM_NETWORKING = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
EXTERNAL_SNAT = "AWS_VPC_K8S_CNI_EXTERNALSNAT"
_IP_TARGETS = ("WARM_IP_TARGET", "MINIMUM_IP_TARGET")
_TARGETS = frozenset({"WARM_ENI_TARGET", "WARM_PREFIX_TARGET", *_IP_TARGETS})
_SNAT = frozenset({"AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "AWS_VPC_K8S_CNI_RANDOMIZESNAT"})
_KEYS = frozenset({"ENI_CONFIG_LABEL_DEF", "ENI_CONFIG_ANNOTATION_DEF"})


def overruled_by(view: AwsNode, name: str) -> tuple[str, ...]:
    """The settings because of which a variable has no effect, whatever its value; empty if it has an effect."""
    if (name in _TARGETS or name in _SNAT or name == EXTERNAL_SNAT) and view.ipv6:
        return ("ENABLE_IPv6",)
    if name in {"WARM_ENI_TARGET", "WARM_PREFIX_TARGET"}:
        return _by_targets(view, name)
    if name in _SNAT:
        return (EXTERNAL_SNAT,) if view.external_snat else ()
    if name in _KEYS:
        return () if view.custom_networking else (CUSTOM_NETWORKING,)
    if name == "POD_SECURITY_GROUP_ENFORCING_MODE":
        return () if view.pod_eni else ("ENABLE_POD_ENI",)
    return ()


def _by_targets(view: AwsNode, name: str) -> tuple[str, ...]:
    """Only one of the two targets applies at a time, and a target of addresses overrides both."""
    prefixes = view.prefix_delegation
    if name == "WARM_PREFIX_TARGET" and not prefixes:
        return ("ENABLE_PREFIX_DELEGATION",)
    winners = tuple(target for target in _IP_TARGETS if view.target(target) > 0)
    return winners or (("ENABLE_PREFIX_DELEGATION",) if name == "WARM_ENI_TARGET" and prefixes else ())
