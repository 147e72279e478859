"""ENV-001 and ENV-005: variables that the CNI does not read, or no longer reads."""

from collections.abc import Iterator, Mapping

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.parts import same_before, warning
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.container import Container, Unknown
from webhook.cni.names import NAME_TRAPS, SDK_NAMES, SDK_PREFIXES
from webhook.cni.reading import Variable
from webhook.cni.tables import CONTAINERS
from webhook.cni.version import Version
from webhook.model import Level, Problem
from webhook.printable import named
from webhook.similar import misspelled

_IPV6 = "ENABLE_IPv6"

_LONGEST_NAME = 80


@rule(
    "ENV-001",
    "A variable that the CNI does not read",
    level="deny",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(WARM_IP_TARGETS="5"),
        env(ENABLE_IPV6="true"),
        env(MIN_IP_TARGET="5"),
        env(DISABLE_TCP_EARLY_DEMUX="true", level="warn"),
        Example(DaemonSet(init_env={"ENABLE_POD_ENI": "true"}), level="warn"),
        env(MY_COMPANY_SETTING="1", level="warn"),
        Example(DaemonSet(env={"MAX_ENI": "3"}, init_env={"MAX_ENI": "3"}), level="warn"),
    ),
    good=(env(AWS_REGION="eu-west-1", AWS_ENDPOINT_URL_EC2="https://ec2.eu-west-1.amazonaws.com"),),
)
def unread(case: AwsNodeCase) -> Iterator[Problem]:
    """Names are case-sensitive and the CNI reads none that it does not know: the setting has no effect.

    A name that is nearly right, or right in another container, is refused; a wholly unknown one may be of a private
    build and only warns (`environment` in the policy makes it known). So does a variable that the right container has
    too, with whatever value: `kubectl set env` without `-c` writes to all of them, and later changes leave copies
    behind.
    """
    extra = {(variable.container, variable.name) for variable in case.policy.environment}
    for holder in case.new.roles:
        known = case.tables.variables[holder.role]
        unknown = sorted(holder.env.keys() - known.keys() - SDK_NAMES)
        folded = {right: right.casefold() for right in known} if unknown else {}
        for name in unknown:
            is_known = name.startswith(SDK_PREFIXES) or (holder.role, name) in extra
            if not is_known and not _is_copy(case, name):
                yield _unread(case, holder, name, folded)
    yield from _copies(case)


def _readers(case: AwsNodeCase, name: str) -> list[str]:
    """The containers that read a variable."""
    return [container for container in CONTAINERS if name in case.tables.variables[container]]


def _is_copy(case: AwsNodeCase, name: str) -> bool:
    """Whether a container that reads the variable has it too, with whatever value."""
    return bool(_beside(case, name))


def _copies(case: AwsNodeCase) -> Iterator[Problem]:
    """Two warnings for all copies, as many clusters are full of them: those that agree, and those that are stale."""
    found: dict[bool, list[tuple[Container, str]]] = {}
    for holder in case.new.roles:
        for name in sorted(holder.env.keys() - case.tables.variables[holder.role].keys()):
            if _is_copy(case, name):
                found.setdefault(_is_stale(case, holder, name), []).append((holder, name))
    for stale, copies in sorted(found.items()):
        yield _copied(case, copies, stale=stale)


def _beside(case: AwsNodeCase, name: str) -> list[Container]:
    """The containers that read a variable and have it."""
    return [other for other in case.new.roles if other.role in _readers(case, name) and name in other.env]


def _is_stale(case: AwsNodeCase, holder: Container, name: str) -> bool:
    """Whether a copy has another value than every container that reads the variable, as far as anything tells."""
    values = [holder.env[name], *(other.env[name] for other in _beside(case, name))]
    return not any(isinstance(value, Unknown) for value in values) and values[0] not in values[1:]


def _copied(case: AwsNodeCase, copies: list[tuple[Container, str]], *, stale: bool) -> Problem:
    names = sorted({name for _, name in copies})
    readers = sorted({reader for name in names for reader in _readers(case, name)})
    holders = dict.fromkeys(holder.label for holder, _ in copies)
    values = [pair for holder, name in copies for one in (holder, *_beside(case, name)) for pair in one.evidence(name)]
    first, its = copies[0]
    return Problem(
        path=first.where(its),
        evidence=tuple(values) if stale else tuple((f"{holder.name} env {name}", "copied") for holder, name in copies),
        level="warn",
        lowered=True,
        wrong=f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} also set in {' and '.join(holders)}, which "
        "does not read them" + (f", with another value than in {' and '.join(readers)}" if stale else ""),
        effect=f"only the value in {' and '.join(readers)} counts, and a change of the copy changes nothing"
        if stale
        else "the copy has no effect, and editing it changes nothing",
        remedy=f"{'Remove it there, and name' if stale else 'Name'} the container: kubectl set env -c {readers[0]}",
    )


def _unread(case: AwsNodeCase, holder: Container, name: str, known: Mapping[str, str]) -> Problem:
    level, meant, remedy = _meant(case, holder, name, known)
    return Problem(
        path=holder.where(name),
        evidence=holder.evidence(name),
        level=level,
        wrong=f"{named(name[:_LONGEST_NAME])} is not read by container {holder.label}{meant}",
        effect="the setting has no effect",
        remedy=remedy,
    )


def _meant(case: AwsNodeCase, holder: Container, name: str, known: Mapping[str, str]) -> tuple[Level, str, str]:
    """Level, what was probably meant, and the way out; a copy whose original is removed is only left behind."""
    near = NAME_TRAPS.get(name) or misspelled(name, known)
    if near:
        # One family alone: IPv6 with the official manifest's IPv4 beside it stops ipamd.
        write = (
            f'Remove it, or write {near} and set ENABLE_IPv4 to "false"'
            if near == _IPV6
            else f"Write {near}, or remove it"
        )
        return "deny", f" (names are case-sensitive; did you mean {near}?)", write
    readers = _readers(case, name)
    if readers:
        old = same_before(case, holder)
        is_left = old is not None and old.written(name) == holder.written(name)
        level: Level = "warn" if is_left else "deny"
        return level, f", only by {readers[0]}", f"Move it to container {readers[0]}, or remove it"
    return "warn", "", "Remove it, or name it under `environment` in the policy if a private build reads it"


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
        Example(DaemonSet(release="1.14.1", env={"HOST_CNI_CONFDIR_PATH": "/host/etc/cni"})),
    ),
)
def dead_variable(case: AwsNodeCase) -> Iterator[Problem]:
    """Some variables lost their effect in a release, others have one in a single address family only."""
    version, main = case.new.known_version, case.new.required
    for holder in case.new.roles:
        dead = case.tables.without_effect(holder.role, version)
        for name in holder.env:
            if name in dead:
                yield _dead(holder, case.tables.variables[holder.role][name], version)
    for name, family, idle in (
        ("DISABLE_LEAKED_ENI_CLEANUP", "IPv6", case.new.ipv6),
        ("ENABLE_V4_EGRESS", "IPv4", not case.new.ipv6),
    ):
        if name in main.env and idle:
            yield warning(
                case,
                (name, "ENABLE_IPv6"),
                f"{name} has no effect in an {family} cluster",
                "it only matters in the other address family",
                f"Remove {name}",
            )


def _dead(holder: Container, row: Variable, version: Version) -> Problem:
    again = row.alive_again(version)
    return Problem(
        path=holder.where(row.name),
        evidence=holder.evidence(row.name),
        level="warn",
        wrong=f"{row.name} has no effect since CNI {row.dead_since(version)}" + (f", until {again}" if again else ""),
        effect=row.replacement,
        remedy=f"Remove {row.name}",
    )
