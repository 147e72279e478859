"""IPT: how many addresses a node keeps warm."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import BY_ZONE, ONE_ZONE, DaemonSet, Example, env
from webhook.catalogue.parts import default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.overruled import overruled_by
from webhook.model import Problem

_MODE = ("ENABLE_PREFIX_DELEGATION",)


_MORE_THAN_STOCK = 2
"""From here on a warm target is a wish of its author: the official manifest sets 1 and AWS's guide shows 0."""


@rule(
    "IPT-001",
    "MINIMUM_IP_TARGET without WARM_IP_TARGET",
    since="MINIMUM_IP_TARGET",
    level="deny",
    link=links.variable("minimum_ip_target-v160"),
    bad=(env(MINIMUM_IP_TARGET="5", adds={"WARM_IP_TARGET": "2"}), env(MINIMUM_IP_TARGET="5", WARM_IP_TARGET="0")),
    good=(env(MINIMUM_IP_TARGET="10", WARM_IP_TARGET="2"), env(MINIMUM_IP_TARGET="2", WARM_IP_TARGET="5")),
)
def minimum_alone(case: AwsNodeCase) -> Iterator[Problem]:
    """With a minimum and no warm target ipamd stops as soon as the minimum is attached, even with no address free.

    The minimum then is a cap: further pods hang in ContainerCreating.
    """
    if case.new.ipv6:
        return
    minimum = case.new.target("MINIMUM_IP_TARGET")
    if minimum > 0 and case.new.target("WARM_IP_TARGET") == 0:
        main = case.new.required
        yield Problem(
            path=main.where("MINIMUM_IP_TARGET"),
            evidence=(*main.evidence("MINIMUM_IP_TARGET"), *main.as_read("WARM_IP_TARGET", "ENABLE_IPv6")),
            level="deny",
            wrong=f"MINIMUM_IP_TARGET={minimum} without a positive WARM_IP_TARGET",
            effect=f"ipamd stops allocating at {minimum} addresses, so a node runs about {minimum} pods and further "
            "ones hang in ContainerCreating",
            remedy="Set WARM_IP_TARGET too, to at least 1 (2 to 5 is usual), or remove MINIMUM_IP_TARGET",
            fixes=default_env(case, "WARM_IP_TARGET", "2"),
        )


_BESIDE = (
    "WARM_IP_TARGET",
    "MINIMUM_IP_TARGET",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    "ENABLE_PREFIX_DELEGATION",
    "ENABLE_IPv6",
)


@rule(
    "IPT-003",
    "WARM_ENI_TARGET=0 keeps no spare address",
    level="deny",
    link=links.TARGETS,
    bad=(env(WARM_ENI_TARGET="0", level="warn"), env(WARM_ENI_TARGET="0", AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true")),
    good=(env(WARM_ENI_TARGET="0", WARM_IP_TARGET="2", MINIMUM_IP_TARGET="12"),),
)
def nothing_warm(case: AwsNodeCase) -> Iterator[Problem]:
    """Without any warm target the pool grows only once it is empty, so a pod waits until an interface is attached.

    With custom networking an idle node attaches and detaches an interface over and over.
    """
    view = case.new
    if view.prefix_delegation or view.ipv6:
        return
    if any(view.target(name) for name in ("WARM_ENI_TARGET", "WARM_IP_TARGET", "MINIMUM_IP_TARGET")):
        return
    main = view.required
    custom = view.custom_networking
    yield Problem(
        path=main.where("WARM_ENI_TARGET"),
        evidence=(*main.evidence("WARM_ENI_TARGET"), *main.as_read(*_BESIDE)),
        level="deny" if custom else "warn",
        wrong="WARM_ENI_TARGET=0 and no other target keeps no spare address",
        effect="the pod that finds the pool empty waits about ten seconds for a new interface"
        + ("; with custom networking an idle node attaches and detaches an interface in a loop" if custom else ""),
        remedy="Set WARM_IP_TARGET=2 too, with MINIMUM_IP_TARGET near the number of pods per node, or go back to "
        "WARM_ENI_TARGET 1",
    )


@rule(
    "IPT-004",
    "Conflicting targets: one of them has no effect",
    level="deny",
    link=links.TARGETS,
    bad=(
        env(WARM_ENI_TARGET="3", WARM_IP_TARGET="5"),
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET="2", WARM_IP_TARGET="5", MINIMUM_IP_TARGET="16"),
        env(ENABLE_PREFIX_DELEGATION="true", WARM_ENI_TARGET="2", level="warn"),
        env(WARM_PREFIX_TARGET="2", level="warn"),
    ),
    good=(
        env(WARM_ENI_TARGET="1", WARM_IP_TARGET="5", MINIMUM_IP_TARGET="12"),
        env(WARM_ENI_TARGET="0", WARM_IP_TARGET="5", MINIMUM_IP_TARGET="2"),
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET="1", WARM_IP_TARGET="5", MINIMUM_IP_TARGET="16"),
    ),
)
def conflicting_targets(case: AwsNodeCase) -> Iterator[Problem]:
    """Ipamd obeys one kind of target and drops the others without a word.

    WARM_IP_TARGET and MINIMUM_IP_TARGET win over WARM_ENI_TARGET and WARM_PREFIX_TARGET, and prefix delegation over
    WARM_ENI_TARGET. The values of the official manifest (1) and of AWS's guide (0) are not a choice, so they are not
    a conflict.
    """
    view = case.new
    if view.ipv6:
        return  # IP6-005
    for loser in ("WARM_ENI_TARGET", "WARM_PREFIX_TARGET"):
        winners = overruled_by(view, loser)
        for winner in winners if view.target(loser) >= _MORE_THAN_STOCK else ():
            yield _conflict(case, loser, winner, winners)


def _conflict(case: AwsNodeCase, loser: str, winner: str, winners: tuple[str, ...]) -> Problem:
    """Each winner is a problem of its own: to take one of two away is a step that passes."""
    main = case.new.required
    return Problem(
        path=main.where(loser),
        evidence=(*main.evidence(loser), *main.as_read(*_rests_on(loser, winner))),
        level="warn" if winners == _MODE else "deny",
        wrong=f"{loser}={main.get(loser)} has no effect beside {winner}={main.get(winner) or 'false'}",
        effect="the extra warm capacity will not exist",
        remedy=f"Remove {loser} (or set it to 1){_or_instead(loser, winners)}",
    )


def _or_instead(loser: str, winners: tuple[str, ...]) -> str:
    """The other way out. Prefix delegation is a mode, which is not given up for the sake of a target."""
    if winners != _MODE:
        return f", or change {' and '.join(winners)}"
    return " and use WARM_PREFIX_TARGET" if loser == "WARM_ENI_TARGET" else ", or switch prefix delegation on"


def _rests_on(loser: str, winner: str) -> tuple[str, ...]:
    """The variables on which it depends that one setting overrules the other, beside this other one."""
    if winner in _MODE:
        return (winner, "WARM_IP_TARGET", "MINIMUM_IP_TARGET", "ENABLE_IPv6")
    return (winner, *(_MODE if loser == "WARM_PREFIX_TARGET" else ()), "ENABLE_IPv6")


@rule(
    "IPT-006",
    "MAX_ENI leaves no usable interface",
    since="MAX_ENI",
    level="deny",
    link=links.variable("max_eni"),
    bad=(
        env(MAX_ENI="1", AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"),
        env(MAX_ENI="1", ENABLE_POD_ENI="true"),
        env(MAX_ENI="2", ENABLE_POD_ENI="true", AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"),
    ),
    good=(Example(DaemonSet(env={"MAX_ENI": "2"} | BY_ZONE), facts=ONE_ZONE), env(MAX_ENI="1")),
)
def too_few_interfaces(case: AwsNodeCase) -> Iterator[Problem]:
    """A limit that the primary interface, a trunk and the first interface of an ENIConfig use up leaves pods none.

    The trunk is there with security groups for pods; with custom networking pods may not use the primary interface.
    """
    limit = case.new.target("MAX_ENI")
    uses = tuple(name for name in _TAKES_AN_INTERFACE if case.new.flag(name))
    if not uses or not 1 <= limit <= len(uses):
        return
    for together in (*((name,) for name in uses), uses)[len(uses) == 1 :]:
        if limit <= len(together):
            yield _too_few(case, limit, uses, together)


_TAKES_AN_INTERFACE = {
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "custom networking",
    "ENABLE_POD_ENI": "security groups for pods",
}


def _too_few(case: AwsNodeCase, limit: int, uses: tuple[str, ...], together: tuple[str, ...]) -> Problem:
    """What the limit leaves no room for: each feature is a problem of its own, and both of them together are one.

    Told in the same words, they are one message; a higher limit, or one feature less, leaves only what was there.
    """
    main = case.new.required
    return Problem(
        path=main.where("MAX_ENI"),
        evidence=((f"{main.name} env MAX_ENI", f"below {len(together) + 1}"), *main.as_read(*together)),
        level="deny",
        wrong=f"MAX_ENI={limit} is too low for {' and '.join(_TAKES_AN_INTERFACE[name] for name in uses)}",
        effect=f"a node needs {len(uses) + 1} interfaces, and finds no slot for "
        + ("pods: new nodes never become Ready" if case.new.custom_networking else "the trunk: such pods stay Pending"),
        remedy=f"Raise MAX_ENI to at least {len(uses) + 1}, or remove it",
    )
