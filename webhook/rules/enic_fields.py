"""ENIC: the subnet and the security groups that custom networking gives to the interfaces of nodes."""

import re
from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import ENIConfig, Example
from webhook.catalogue.rule import EniConfigCase, rule
from webhook.cni.eniconfig import API_VERSION, ROOT_KEYS, SPEC_KEYS
from webhook.model import CouldNotCheckError, Json, Level, Path, Problem
from webhook.printable import named
from webhook.similar import nearest

_SUBNET = re.compile(r"subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_GROUP = re.compile(r"sg-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_QUOTA = 5
"""Security groups of one interface by EC2's default quota."""

_GOOD = {"subnet": "subnet-0123456789abcdef0", "securityGroups": ["sg-0123456789abcdef0"]}


def _with(*, level: Level | None = None, **spec: Json) -> Example:
    return Example(ENIConfig(spec=_GOOD | spec), level=level)


def _shown(value: Json) -> str:
    """A value for a message, whatever it is."""
    return (
        f'"{value}"'
        if isinstance(value, str)
        else {None: "absent"}.get(value, "not a string")
        if not isinstance(value, (dict, list))
        else "not a string"
    )


def _called(case: EniConfigCase) -> str:
    return f"ENIConfig {named(case.new.name)}"


@rule(
    "ENIC-001",
    "An ENIConfig without a valid subnet",
    level="deny",
    target="ENIConfig",
    link=links.CUSTOM_NETWORKING,
    bad=(
        _with(subnet=""),
        _with(subnet="subnet-123"),
        _with(subnet="subnet-0123456789abcdef0\n"),
        Example(ENIConfig(spec={"securityGroups": ["sg-0123456789abcdef0"]})),
        Example(ENIConfig(spec="subnet-0123456789abcdef0")),
    ),
    good=(
        Example(ENIConfig(spec=_GOOD)),
        Example(ENIConfig(spec=_GOOD, namespace="kube-system")),
        _with(subnet="subnet-01234567"),
    ),
)
def no_subnet(case: EniConfigCase) -> Iterator[Problem]:
    """The API server takes any text for a subnet; EC2 then refuses each interface, and nodes get no addresses."""
    subnet = case.new.subnet
    if isinstance(subnet, str) and _SUBNET.fullmatch(subnet):
        return
    is_upper = isinstance(subnet, str) and subnet.startswith("subnet-") and bool(_SUBNET.fullmatch(subnet.lower()))
    yield Problem(
        path=("spec", "subnet"),
        evidence=(("ENIConfig spec.subnet", _text(subnet)),),
        level="deny",
        wrong=f"spec.subnet of {_called(case)} is {_shown(subnet)}, not a subnet ID"
        f"{', whose hexadecimal digits must be lower case' if is_upper else ''}",
        effect="no interface can be created for nodes that use it, so they get no addresses",
        remedy=f"Write {subnet.lower()}"
        if is_upper
        else "Write the ID of a subnet in the nodes' zone: subnet- and 8 or 17 hexadecimal digits",
    )


def _text(value: Json) -> str | None:
    return None if value is None else value if isinstance(value, str) else repr(value)[:200]


@rule(
    "ENIC-002",
    "Security groups of an ENIConfig",
    level="deny",
    target="ENIConfig",
    link=links.CUSTOM_NETWORKING,
    bad=(
        _with(securityGroups=["sg-0123456789abcdef0", "web"]),
        _with(securityGroups=["sg-0123456789abcdef0", "sg-0123456789abcdef0"]),
        _with(securityGroups="sg-0123456789abcdef0"),
        _with(securityGroups=[f"sg-0123456789abcdef{digit}" for digit in range(6)], level="warn"),
        _with(securityGroups=[], level="warn"),
    ),
    good=(_with(securityGroups=["sg-01234567", "sg-0123456789abcdef0"]),),
)
def bad_groups(case: EniConfigCase) -> Iterator[Problem]:
    """A malformed group makes EC2 refuse the interface; with none at all those of the node's primary one are used."""
    groups = case.new.security_groups
    if groups is None or groups == []:
        yield _groups(
            _GROUPS,
            None,
            "warn",
            f"{_called(case)} has no securityGroups",
            "pods get those of the node's primary interface",
            "State them explicitly",
        )
        raise CouldNotCheckError(
            "some CNI releases crash on empty securityGroups; the version in the cluster is not known"
        )
    if not isinstance(groups, list):
        yield _groups(
            _GROUPS,
            _text(groups),
            "deny",
            f"spec.securityGroups of {_called(case)} is not a list",
            _REFUSED,
            "Write a list of security group IDs",
        )
        return
    if any(found.path[-1:] == ("securityGroups",) for found in case.new.too_long()):
        raise CouldNotCheckError("spec.securityGroups is too long to be read")
    seen: set[str] = set()
    for index, group in enumerate(groups):
        path: Path = ("spec", "securityGroups", index)
        if not isinstance(group, str) or not _GROUP.fullmatch(group):
            yield _groups(
                path,
                _text(group),
                "deny",
                f"{_shown(group)} in {_called(case)} is not a security group ID",
                _REFUSED,
                "Write sg- and 8 or 17 hexadecimal digits",
            )
        elif group in seen:
            yield _groups(
                path,
                f"{group} twice",
                "deny",
                f"{group} is listed twice in {_called(case)}",
                _REFUSED,
                "Remove one",
            )
        else:
            seen.add(group)
    if len(groups) > _QUOTA:
        yield _groups(
            _GROUPS,
            f"{len(groups)} groups",
            "warn",
            f"{_called(case)} has {len(groups)} security groups",
            f"EC2 refuses more than {_QUOTA} on an interface unless the quota was raised",
            f"Use {_QUOTA} at most, or make sure of the quota",
        )


_GROUPS: Path = ("spec", "securityGroups")
_REFUSED = "EC2 refuses the interface, so nodes that use it get no addresses"


def _groups(path: Path, fault: str | None, level: Level, wrong: str, effect: str, remedy: str) -> Problem:  # noqa: PLR0913, PLR0917
    """A problem of one group, or of the list as a whole: each rests on its own fault alone."""
    return Problem(
        path=path,
        evidence=(("ENIConfig spec.securityGroups", fault),),
        level=level,
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


@rule(
    "ENIC-003",
    "A field that an ENIConfig does not have",
    level="deny",
    target="ENIConfig",
    link=links.CUSTOM_NETWORKING,
    bad=(
        Example(ENIConfig(spec=_GOOD | {"securityGroup": ["sg-0123456789abcdef0"]})),
        Example(ENIConfig(spec=_GOOD, api_version="crd.k8s.amazonaws.com/v1")),
        Example(ENIConfig(spec=_GOOD, applied='{"spec": {"subnet": "s", "securityGroup": []}}'), level="warn"),
        Example(ENIConfig(spec={"subnet": _GOOD["subnet"]}, root={"securityGroups": _GOOD["securityGroups"]})),
    ),
    good=(Example(ENIConfig(spec=_GOOD, root={"status": {}})),),
)
def unknown_field(case: EniConfigCase) -> Iterator[Problem]:
    """The API server drops a field of `spec` that it does not know, so a misspelled one is simply gone.

    What it already dropped is seen in what kubectl noted as applied: there it is only warned about. A field beside
    `spec` is stored, and the CNI does not read it.
    """
    raw = case.new.raw
    for key in case.new.root_keys:
        if key not in ROOT_KEYS:
            yield _beside_spec(case, str(key))
    for key in case.new.spec_keys:
        if key not in SPEC_KEYS:
            yield _unknown(str(key), "deny")
    for key in sorted(case.new.applied_keys() - SPEC_KEYS - case.new.spec.keys()):
        yield _unknown(key, "warn")
    if raw.get("apiVersion") != API_VERSION:
        yield Problem(
            path=("apiVersion",),
            evidence=(("ENIConfig apiVersion", _text(raw.get("apiVersion"))),),
            level="deny",
            wrong=f"apiVersion of {_called(case)} is {_shown(raw.get('apiVersion'))}",
            effect="the CNI reads no other version, and the API server may not know it",
            remedy=f"Write {API_VERSION}",
        )


def _beside_spec(case: EniConfigCase, key: str) -> Problem:
    return Problem(
        path=(key,),
        evidence=((f"ENIConfig {key}", "present"),),
        level="deny",
        wrong=f"{_called(case)} has {named(key)} beside spec",
        effect="the CNI does not read it, and nodes use the settings without it",
        remedy="Move it below spec" if key in SPEC_KEYS else f"Remove it; below spec there are {_SPEC_KEYS}",
    )


_SPEC_KEYS = ", ".join(sorted(SPEC_KEYS))


def _unknown(key: str, level: Level) -> Problem:
    near = nearest(key, SPEC_KEYS)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return Problem(
        path=("spec", key) if level == "deny" else ("spec",),
        evidence=((f"ENIConfig spec.{key}", "present"),),
        level=level,
        wrong=f"an ENIConfig has no field {named(f'spec.{key}')}{meant}",
        effect="the API server drops it, and nodes use the settings without it",
        remedy=f"Rename it to {near[0]}" if near else f"Remove it; there are {_SPEC_KEYS}",
    )
