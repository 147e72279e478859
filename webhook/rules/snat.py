"""SNAT: with which source address pods leave the VPC."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import reading_of
from webhook.cni.aws_node import AwsNode
from webhook.cni.overruled import EXTERNAL_SNAT as EXTERNAL
from webhook.cni.overruled import overruled_by
from webhook.cni.values import covers_everything, go_cidr, go_trim, is_ipv6_cidr
from webhook.model import Level, Problem

EXCLUDE = "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS"
SERVICES = "AWS_EXTERNAL_SERVICE_CIDRS"
RANDOM = "AWS_VPC_K8S_CNI_RANDOMIZESNAT"
_MANY = 500


def _items(case: AwsNodeCase, view: AwsNode, name: str) -> list[str]:
    """The items of a CIDR list, as the release splits it."""
    items = (view.required.get(name) or "").split(",")
    return [] if items == [""] else items if _is_exact(case, view, name) else [go_trim(item) for item in items]


def _is_exact(case: AwsNodeCase, view: AwsNode, name: str) -> bool:
    """Whether the release takes items as they stand, with their blanks and IPv6 networks too."""
    row = case.tables.variables["aws-node"].get(name)
    reading = row.reading(view.version) if row else None
    return reading is not None and reading.parser == "cidrs-exact"


@rule(
    "SNAT-001",
    "SNAT is switched",
    since="AWS_VPC_K8S_CNI_EXTERNALSNAT",
    level="warn",
    link=links.SNAT,
    bad=(
        Example(DaemonSet(env={EXTERNAL: "true"}), before=DaemonSet()),
        Example(DaemonSet(), before=DaemonSet(env={EXTERNAL: "true"})),
        Example(DaemonSet(env={EXCLUDE: "0.0.0.0/1,128.0.0.0/2,192.0.0.0/2"}), before=DaemonSet()),
    ),
    good=(env(AWS_VPC_K8S_CNI_EXTERNALSNAT="true"),),
)
def switched(case: AwsNodeCase) -> Iterator[Problem]:
    """The switch restarts aws-node on each node, and peers outside the VPC see other source addresses afterwards."""
    if case.old is None:
        return
    was, now = _is_off(case, case.old), _is_off(case, case.new)
    if was == now:
        return
    main = case.new.required
    did = EXTERNAL if case.old.external_snat != case.new.external_snat else EXCLUDE
    value = main.get(did)
    effect, check = _WITHOUT_SNAT if now else _WITH_SNAT
    yield Problem(
        path=main.where(did),
        evidence=(("SNAT by the CNI before", _on(off=was)), *main.evidence(EXTERNAL, EXCLUDE)),
        level="warn",
        wrong=f"SNAT by the CNI goes {_on(off=was)} → {_on(off=now)} ({did}={value or 'unset'})",
        effect=f"aws-node restarts on every node, and outside the VPC pods show {effect}",
        remedy=f"Check first {check}, and roll out off-hours",
    )


_WITHOUT_SNAT = (
    "their own addresses instead of the node's, and lose the internet in subnets without a NAT gateway",
    "that the subnets of nodes and ENIConfigs route to a NAT gateway, and firewalls and peerings accept pod addresses",
)
"""What the switch off does beyond the restart, and what to check before."""
_WITH_SNAT = (
    "the node's address instead of their own",
    "that firewalls and peerings accept node addresses",
)


def _is_off(case: AwsNodeCase, view: AwsNode) -> bool:
    """Whether no source address is translated: switched off, or everything is excluded."""
    return view.external_snat or _covers_everything(_items(case, view, EXCLUDE))


def _covers_everything(items: list[str]) -> bool:
    """Whether the networks of a list leave no address out; a list that is too long is not looked at."""
    read = [go_cidr(item) for item in items] if len(items) <= _MANY else []
    return covers_everything(found[0] for found in read if found is not None)


def _on(*, off: bool) -> str:
    return "off" if off else "on"


@rule(
    "SNAT-002",
    "SNAT settings without effect",
    since="AWS_VPC_K8S_CNI_EXTERNALSNAT",
    level="deny",
    link=links.SNAT,
    bad=(
        env(AWS_VPC_K8S_CNI_EXTERNALSNAT="true", AWS_VPC_K8S_CNI_RANDOMIZESNAT="hashrandom", level="warn"),
        Example(DaemonSet(env={EXTERNAL: "true", EXCLUDE: "10.0.0.0/8"}), before=DaemonSet()),
    ),
    good=(env(AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="10.0.0.0/8, 192.168.0.0/16"),),
)
def without_effect(case: AwsNodeCase) -> Iterator[Problem]:
    """With EXTERNALSNAT there is no rule to exclude from and none to randomise.

    Where one request sets both, its author wants two things of which one will not happen: that is refused.
    """
    main = case.new.required
    for name, chosen in ((EXCLUDE, bool(main.get(EXCLUDE))), (RANDOM, main.get(RANDOM) in {"none", "hashrandom"})):
        if chosen and overruled_by(case.new, name) == (EXTERNAL,):
            yield Problem(
                path=main.where(name),
                evidence=(*main.evidence(name), *main.as_read(EXTERNAL, "ENABLE_IPv6")),
                level="deny" if _changed(case, name) and _changed(case, EXTERNAL) else "warn",
                wrong=f"{name}={main.get(name)} is ignored while {EXTERNAL}=true",
                effect="there is no SNAT rule that it could shape",
                remedy=f"Remove {name}",
            )


def _changed(case: AwsNodeCase, name: str) -> bool:
    return case.old is not None and case.old.required.get(name) != case.new.required.get(name)


@rule(
    "SNAT-003",
    "A CIDR or a port allocation that the CNI does not accept",
    level="deny",
    link=links.VARIABLES,
    bad=(
        env(AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="10.0.0.0/8,10.1.0.0"),
        env(AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="0.0.0.0/0"),
        env(AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="0.0.0.0/1,128.0.0.0/1"),
        env(AWS_EXTERNAL_SERVICE_CIDRS="2001:db8::/32"),
        env(AWS_VPC_K8S_CNI_RANDOMIZESNAT="PRNG"),
        env(AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="10.0.0.1/8", level="warn"),
        env(AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS="10.0.0.0/8,", level="warn"),
    ),
)
def bad_cidr(case: AwsNodeCase) -> Iterator[Problem]:
    """The CNI skips a CIDR that it cannot read and goes on, so traffic that should keep its source is translated."""
    for name in (EXCLUDE, SERVICES):
        yield from _bad_items(case, name)
    yield from _bad_random(case)


def _bad_items(case: AwsNodeCase, name: str) -> Iterator[Problem]:
    """One problem an item, resting on that item alone; a list that no person reads through is refused as a whole."""
    items = _items(case, case.new, name)
    if len(items) > _MANY:
        grows = case.old is None or len(items) > len(_items(case, case.old, name))
        many = f"{len(items)} items"
        yield _bad(
            case,
            name,
            many,
            "deny" if grows else "warn",
            f"{name} has {many}",
            "each becomes a rule on every node, and none is checked",
            f"List at most {_MANY} networks",
        )
        return
    away = "take it off the list" if any(go_cidr(item) for item in items) else f"remove {name}"
    for item in dict.fromkeys(items):
        if said := _cidr_objection(name, item, early=_early(case, name), away=away):
            yield _bad(case, name, item, *said)
    if name == EXCLUDE and _covers_everything(items):
        yield _bad(
            case,
            name,
            "every address",
            "deny",
            f"{name}={','.join(items)} covers every address, so it switches SNAT off",
            "pods lose the way out where they relied on it, and ipamd still believes that SNAT is on",
            f"Remove {name}, and set {EXTERNAL}=true if no SNAT is meant",
        )


def _bad_random(case: AwsNodeCase) -> Iterator[Problem]:
    random = case.new.required.get(RANDOM)
    reading = reading_of(case, case.new.required, RANDOM)
    if random and reading and random not in reading.choices:
        yield _bad(
            case,
            RANDOM,
            random,
            "deny",
            f'{RANDOM}="{random}" must be one of {", ".join(reading.choices)}',
            f"the CNI takes {reading.default} instead",
            "Write one of them in lower case",
        )


_Said = tuple[Level, str, str, str]
"""Level, what is wrong, what would happen and the way out."""


def _early(case: AwsNodeCase, name: str) -> str:
    """Which releases take items as they stand, as messages name them; empty if this one does not."""
    if not _is_exact(case, case.new, name):
        return ""
    steps = case.tables.variables["aws-node"][name].steps
    first = next((first for first, reading in steps if reading.parser != "cidrs-exact"), None)
    return f"before CNI {first}" if first else f"in CNI {case.new.version or case.tables.newest}"


def _exact_objection(name: str, item: str, *, early: str, away: str) -> _Said | None:
    """What only early releases have against an item."""
    bare = go_trim(item)
    if bare and bare != item:
        return (
            "deny",
            f'"{item}" in {name} has blanks around it',
            f"{early} that makes it unreadable, and the CNI skips it",
            f'Write "{bare}" without blanks',
        )
    if is_ipv6_cidr(item):
        return (
            "deny",
            f'"{item}" in {name} is an IPv6 CIDR',
            f"{early} it goes into the IPv4 rules, which refuse it, and ipamd does not start",
            away[0].upper() + away[1:],
        )
    return None


def _cidr_objection(name: str, item: str, *, early: str, away: str) -> _Said | None:
    """What the CNI has against an item; None for one that is fine. `away` is how to get rid of it."""
    if early and (said := _exact_objection(name, item, early=early, away=away)):
        return said
    if not item:
        return "warn", f"{name} has an empty item", "the CNI logs an error and skips it", "Remove the surplus comma"
    read = go_cidr(item)
    if read is None:
        return (
            "deny",
            f'"{item}" in {name} is not an IPv4 CIDR',
            "the CNI skips it, so traffic to it is treated as if it were not listed",
            f"Write it as a.b.c.d/n, or {away}",
        )
    network, host_bits = read
    if host_bits:
        return "warn", f"{item} in {name} has host bits set", f"the CNI reads it as {network}", f"Write {network}"
    return None


def _bad(case: AwsNodeCase, name: str, fault: str, level: Level, wrong: str, effect: str, remedy: str) -> Problem:  # noqa: PLR0913, PLR0917
    main = case.new.required
    return Problem(
        path=main.where(name),
        evidence=((f"{main.name} env {name}", fault),),
        level=level,
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )
