"""IP6-005: IPv4 settings in an IPv6 cluster."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.values import go_int
from webhook.model import Problem

_IPV4_ONLY = {
    "WARM_ENI_TARGET": "1",
    "WARM_IP_TARGET": "0",
    "MINIMUM_IP_TARGET": "0",
    "WARM_PREFIX_TARGET": "1",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
    "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": "",
    "AWS_VPC_K8S_CNI_RANDOMIZESNAT": "prng",
}
"""What only IPv4 clusters use, each with its usual value."""


@rule(
    "IP6-005",
    "An IPv4 setting in an IPv6 cluster",
    level="warn",
    link=links.TARGETS,
    formerly=("IPT-004",),
    bad=(
        env(ENABLE_IPv4="false", ENABLE_IPv6="true", ENABLE_PREFIX_DELEGATION="true", WARM_IP_TARGET="5"),
        env(
            ENABLE_IPv4="false",
            ENABLE_IPv6="true",
            ENABLE_PREFIX_DELEGATION="true",
            AWS_VPC_K8S_CNI_EXTERNALSNAT="true",
        ),
    ),
)
def idle_under_ipv6(case: AwsNodeCase) -> Iterator[Problem]:
    """In an IPv6 cluster each node takes one prefix and nothing is translated: targets and SNAT have no effect."""
    if not case.new.ipv6:
        return
    main = case.new.required
    for name, usual in _IPV4_ONLY.items():
        value = main.known_text(name)
        if not value or value == usual or go_int(value) == 0:
            continue
        yield Problem(
            path=main.where(name),
            evidence=(*main.evidence(name), *main.as_read("ENABLE_IPv6")),
            level="warn",
            wrong=f"{name}={value} has no effect in an IPv6 cluster",
            effect="each node takes one prefix and nothing is translated, whatever the targets and SNAT settings say",
            remedy=f"Remove {name}",
        )
