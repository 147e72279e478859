"""ENV-001 and ENV-005: variables that nobody reads, or nobody any more."""

from collections.abc import Iterable, Iterator

from webhook.cni.container import Container
from webhook.cni.tables import CONTAINERS
from webhook.cni.variables import NAME_TRAPS, SDK_NAMES, SDK_PREFIXES
from webhook.model import Level, Problem
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example, env
from webhook.rules.parts import warning
from webhook.rules.rule import AwsNodeCase, rule
from webhook.rules.spelling import distance

_TYPING_ERROR = 2
"""Letters by which a misspelled name may differ."""

_LONGEST_NAME = 80
_MANY = 100
"""Unknown names in one container beyond which it is refused as a whole, instead of each being looked up."""


@rule(
    "ENV-001",
    "A variable that nobody reads",
    level="deny",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(WARM_IP_TARGETS="5"),
        env(ENABLE_IPV6="true"),
        env(MIN_IP_TARGET="5"),
        env(DISABLE_TCP_EARLY_DEMUX="true"),
        Example(DaemonSet(init_env={"ENABLE_POD_ENI": "true"})),
        env(MY_COMPANY_SETTING="1"),
        Example(DaemonSet(env={"MAX_ENI": "3"}, init_env={"MAX_ENI": "3"})),
        env(**{f"NAME_{number}": "" for number in range(_MANY + 1)}),
    ),
    good=(env(AWS_REGION="eu-west-1", AWS_ENDPOINT_URL_EC2="https://ec2.eu-west-1.amazonaws.com"),),
)
def unread(case: AwsNodeCase) -> Iterator[Problem]:
    """Names are case-sensitive and the CNI reads none that it does not know: the setting has no effect.

    A name that is nearly right, or right in another container, is refused; a wholly unknown one may be of a private
    build and only warns (`environment` in the policy makes it known). So does a copy of what the right container has:
    `kubectl set env` without `-c` writes to all of them.
    """
    extra = {(variable.container, variable.name) for variable in case.policy.environment}
    for holder in case.new.roles:
        known = case.tables.variables[holder.role]
        unknown = [
            name
            for name in sorted(holder.env.keys() - known.keys() - SDK_NAMES)
            if not name.startswith(SDK_PREFIXES)
            and (holder.role, name) not in extra
            and not _is_copy(case, holder, name)
        ]
        if len(unknown) > _MANY:
            yield _too_many(holder, len(unknown))
        else:
            for name in unknown:
                yield _unread(case, holder, name)
    yield from _copies(case)


def _readers(case: AwsNodeCase, name: str) -> list[str]:
    """The containers that read a variable."""
    return [container for container in CONTAINERS if name in case.tables.variables[container]]


def _is_copy(case: AwsNodeCase, holder: Container, name: str) -> bool:
    """Whether a container that reads the variable has it too, with the same value."""
    readers = _readers(case, name)
    return any(other.role in readers and other.env.get(name) == holder.env[name] for other in case.new.roles)


def _copies(case: AwsNodeCase) -> Iterator[Problem]:
    """One warning for all copies: they are harmless, and many clusters are full of them."""
    found = {
        holder.name: names
        for holder in case.new.roles
        if (
            names := sorted(
                name
                for name in holder.env.keys() - case.tables.variables[holder.role].keys()
                if _is_copy(case, holder, name)
            )
        )
    }
    if not found:
        return
    names = sorted(set().union(*found.values()))
    readers = sorted({reader for name in names for reader in _readers(case, name)})
    first = next(holder for holder in case.new.roles if holder.name in found)
    yield Problem(
        path=first.where(found[first.name][0]),
        evidence=tuple((f"{container} env {name}", "copied") for container in found for name in found[container]),
        level="warn",
        wrong=f"{', '.join(names)} also stand{'s' if len(names) == 1 else ''} in {' and '.join(found)}, where nobody "
        "reads them",
        effect="that changes nothing, but whoever edits a copy edits the wrong place",
        remedy=f"Name the container: kubectl set env -c {readers[0]}",
    )


def _too_many(holder: Container, count: int) -> Problem:
    return Problem(
        path=(*holder.path, "env"),
        evidence=((f"{holder.name} unknown variables", str(count)),),
        level="deny",
        wrong=f"container {holder.name} has {count} variables that the CNI does not know",
        effect="none of them has an effect, and they are too many to be told apart from typing errors",
        remedy="Remove them",
    )


def _unread(case: AwsNodeCase, holder: Container, name: str) -> Problem:
    level, meant, remedy = _meant(case, holder, name)
    return Problem(
        path=holder.where(name),
        evidence=holder.evidence(name),
        level=level,
        wrong=f"{name[:_LONGEST_NAME]} is not read by container {holder.name}{meant}",
        effect="the setting has no effect",
        remedy=remedy,
    )


def _meant(case: AwsNodeCase, holder: Container, name: str) -> tuple[Level, str, str]:
    """Level, what was probably meant, and the way out."""
    near = NAME_TRAPS.get(name) or _nearest(name, case.tables.variables[holder.role])
    if near:
        return "deny", f" (names are case-sensitive; did you mean {near}?)", f"Write {near}, or remove it"
    readers = _readers(case, name)
    if readers:
        return "deny", f", only by {readers[0]}", f"Move it to container {readers[0]}, or remove it"
    return "warn", "", "Remove it, or name it under `environment` in the policy if a private build reads it"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    if len(name) > _LONGEST_NAME:
        return None
    folded = name.casefold()
    scored = [(distance(folded, right.casefold(), _TYPING_ERROR), right) for right in known]
    best = min(scored, default=None)
    return best[1] if best and best[0] <= _TYPING_ERROR else None


@rule(
    "ENV-005",
    "A variable without effect",
    level="warn",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER="false"),
        env(ENABLE_NFTABLES="true"),
        env(AWS_EC2_ENDPOINT="https://ec2.example.com"),
        env(ENABLE_V4_EGRESS="true"),
        env(ENABLE_IPv4="false", ENABLE_IPv6="true", DISABLE_LEAKED_ENI_CLEANUP="true"),
    ),
)
def dead_variable(case: AwsNodeCase) -> Iterator[Problem]:
    """Some variables lost their effect in a release, others have one in a single address family only."""
    version, main = case.new.known_version, case.new.required
    for name in main.env:
        row = case.tables.variables["aws-node"].get(name)
        if row and row.dead_in(version):
            yield warning(
                case, (name,), f"{name} has no effect since CNI {row.until}", row.replacement or "nothing reads it",
                f"Remove {name}",
            )  # fmt: skip
    for name, family, idle in (
        ("DISABLE_LEAKED_ENI_CLEANUP", "IPv6", case.new.ipv6),
        ("ENABLE_V4_EGRESS", "IPv4", not case.new.ipv6),
    ):
        if name in main.env and idle:
            yield warning(
                case, (name, "ENABLE_IPv6"), f"{name} has no effect in an {family} cluster",
                "it only matters in the other address family", f"Remove {name}",
            )  # fmt: skip
