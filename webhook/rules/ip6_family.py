"""IP6-001 and IP6-002: the address family."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.parts import default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known, reading_of
from webhook.cni.values import go_bool
from webhook.model import Edit, Problem

_V4, _V6 = "ENABLE_IPv4", "ENABLE_IPv6"


@rule(
    "IP6-001",
    "Not exactly one address family is enabled",
    since="ENABLE_IPv4",
    level="deny",
    link=links.TROUBLESHOOTING,
    formerly=("B1",),
    rests_on_releases=True,
    bad=(
        env(ENABLE_IPv4=None, ENABLE_IPv6=None, certain=True, adds={"ENABLE_IPv4": "true", "ENABLE_IPv6": "false"}),
        env(ENABLE_IPv4="false", certain=True),
        env(ENABLE_IPv4=None, certain=True),
        env(ENABLE_IPv6="true", ENABLE_PREFIX_DELEGATION="true", certain=True),
    ),
    good=(
        Example(DaemonSet(env={_V4: "false", _V6: "true", "ENABLE_PREFIX_DELEGATION": "true"}, init_env={_V6: "true"})),
    ),
)
def not_one_family(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.10.0 on ipamd starts only with exactly one family enabled, and its own default is neither.

    The typical cause is a new image with an old manifest.
    """
    main = case.new.required
    if reading_of(case, main, _V4) is None or main.flag(_V4) is not main.flag(_V6):
        return
    both = main.flag(_V4)
    absent = not both and main.lacks(_V4) and main.lacks(_V6)
    yield Problem(
        path=main.where(_V4),
        evidence=(*main.as_read(_V4, _V6), ("CNI", f"{case.tables.variables['aws-node'][_V4].since} or newer")),
        level="deny",
        certain=is_known(case),
        wrong=f"{_V4} and {_V6} are both {'absent' if absent else 'true' if both else 'false'}",
        effect=f"ipamd refuses to start with {'both families' if both else 'neither family'} enabled",
        remedy=f'Set {_V4}="true" and {_V6}="false", or the reverse in an IPv6 cluster',
        fixes=_ipv4(case) if absent else (),
    )


def _ipv4(case: AwsNodeCase) -> tuple[Edit, ...]:
    """IPv4, where nothing points to IPv6: neither the old object nor another container."""
    old, init = case.old, case.new.init
    points_to_ipv6 = (
        (old is not None and old.main is not None and old.ipv6)
        or (init is not None and init.flag(_V6))
        or go_bool(case.new.argument("enable-ipv6") or "false") is True
    )
    return () if points_to_ipv6 else (*default_env(case, _V4, "true"), *default_env(case, _V6, "false"))


_PREFIXES, _CUSTOM = "ENABLE_PREFIX_DELEGATION", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"


@rule(
    "IP6-002",
    "IPv6 without prefix delegation, or with custom networking",
    level="deny",
    link=links.IPV6,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(env={_V4: "false", _V6: "true"}, init_env={_V6: "true"}), certain=True),
        Example(
            DaemonSet(env={_V4: "false", _V6: "true", _PREFIXES: "true", _CUSTOM: "true"}, init_env={_V6: "true"}),
            certain=True,
        ),
    ),
)
def ipv6_needs_prefixes(case: AwsNodeCase) -> Iterator[Problem]:
    """For IPv6 ipamd asks EC2 for one prefix a node, on the primary interface; without that it refuses to start."""
    main = case.new.required
    if reading_of(case, main, _V6) is None or not case.new.ipv6:
        return
    for name, needed in ((_PREFIXES, "true"), (_CUSTOM, "false")):
        if main.flag(name) is not (needed == "true"):
            yield Problem(
                path=main.where(name),
                evidence=main.as_read(_V6, name),
                level="deny",
                certain=is_known(case),
                wrong=f"{_V6}={main.get(_V6)} with {name}={main.get(name) or 'unset'}",
                effect="ipamd refuses to start: IPv6 works only with prefix delegation and without custom networking",
                remedy=f"Set {name}={needed}",
            )
