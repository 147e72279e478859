"""POD-013 and ENIC-008: objects larger than anything that the CNI could need."""

from collections.abc import Iterator

from webhook.cni.limits import TooLong
from webhook.model import Level, Problem
from webhook.rules import links
from webhook.rules.examples import DaemonSet, ENIConfig, Example, env
from webhook.rules.rule import AwsNodeCase, EniConfigCase, rule

_FLOOD = {f"NAME_{number}": "" for number in range(300)}


@rule(
    "POD-013",
    "A list longer than the CNI could ever need",
    level="deny",
    link=links.MANAGE,
    bad=(env(**_FLOOD), Example(DaemonSet(env=_FLOOD | {"ONE_MORE": ""}), before=DaemonSet(env=_FLOOD))),
    reads=("env", "rest"),
)
def too_long(case: AwsNodeCase) -> Iterator[Problem]:
    """The guard reads no list beyond a limit that no real aws-node reaches, so what it holds is not evaluated.

    The limits bound the time and memory of every other rule. A list that was too long before and does not grow is only
    warned about.
    """
    before = {found.name: found.count for found in case.old.too_long()} if case.old is not None else {}
    for found in case.new.too_long():
        yield too_many(found, "deny" if found.count > before.get(found.name, 0) else "warn")


_GROUPS = [f"sg-{number:017x}" for number in range(101)]


@rule(
    "ENIC-008",
    "An ENIConfig larger than the CNI could ever need",
    level="deny",
    target="ENIConfig",
    link=links.CUSTOM_NETWORKING,
    bad=(Example(ENIConfig(spec={"subnet": "subnet-0123456789abcdef0", "securityGroups": _GROUPS})),),
)
def too_large(case: EniConfigCase) -> Iterator[Problem]:
    """The guard reads no more fields and security groups than any ENIConfig can have."""
    before = {found.name: found.count for found in case.old.too_long()} if case.old is not None else {}
    for found in case.new.too_long():
        yield too_many(found, "deny" if found.count > before.get(found.name, 0) else "warn")


def too_many(found: TooLong, level: Level) -> Problem:
    """The problem of a list that is not read."""
    return Problem(
        path=found.path,
        evidence=((f"entries of {found.name}", str(found.count)),),
        level=level,
        lowered=level == "warn",
        wrong=f"{found.name} has {found.count} entries, and at most {found.limit} are read",
        effect="what the list holds is not evaluated by any other rule",
        remedy="Remove the entries that the CNI does not need",
    )
