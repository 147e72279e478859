"""Laws of the tables: each row can be trusted, and no row contradicts another one."""

import itertools
import re
from dataclasses import replace
from typing import get_args

import pytest

from webhook.cni.agents import EPOCHS, health_address
from webhook.cni.features import FEATURE_FLOORS, FeatureFloor
from webhook.cni.flags import FLAGS, Given, given, refusal
from webhook.cni.images import ACCOUNTS, REPOSITORIES
from webhook.cni.names import NAME_TRAPS, SDK_NAMES, SDK_PREFIXES
from webhook.cni.reading import FATAL, NO_EFFECT, Reading, Variable
from webhook.cni.releases import (
    FIRST_WITH_AGENT,
    FIRST_WITH_MANIFEST,
    RELEASES,
    VERSIONS,
    Release,
    check,
    release,
)
from webhook.cni.tables import KNOWN
from webhook.cni.unsafe import UNSAFE_RELEASES, Feature, UnsafeReleases
from webhook.cni.variables import VARIABLES, by_name
from webhook.cni.version import Version, in_force

V = Version.of
CUSTOM: Feature = "custom-networking"
SGP: Feature = "security-groups-for-pods"
PREFIXES: Feature = "prefix-delegation"
IPV6: Feature = "ipv6"
NO_DISCOVERY: Feature = "subnet-discovery-off"
NO_AGENT: Feature = "no-network-policy-agent"


def verdicts_on(
    version: Version, features: frozenset[Feature] = frozenset(), kubernetes: tuple[int, int] | None = None
) -> tuple[UnsafeReleases, ...]:
    """Every row that speaks about a release with these features on this server."""
    return tuple(row for row in UNSAFE_RELEASES if row.applies(version, features.__contains__, kubernetes))


def denied(version: str, *features: Feature, kubernetes: tuple[int, int] | None = None) -> bool:
    return any(row.level == "deny" for row in verdicts_on(V(version), frozenset(features), kubernetes))


def warned(version: str, *features: Feature) -> list[str]:
    return [row.reason for row in verdicts_on(V(version), frozenset(features)) if row.level == "warn"]


# --- releases ---------------------------------------------------------------------------------------------------------


def test_releases_are_unique_and_ordered() -> None:
    assert list(VERSIONS) == sorted(set(VERSIONS))
    assert VERSIONS[0] == V("1.5.0")
    assert VERSIONS[-1] >= V("1.23.1")


GAPS = ("1.9.2", "1.11.1", "1.12.3", "1.12.4", "1.13.1", "1.15.2", "1.16.1", "1.17.0", "1.19.1")
"""Numbers that upstream skipped."""


def test_every_tag_has_a_row() -> None:
    numbers = {
        Version(major, minor, patch)
        for (major, minor), last in KNOWN.last_patches.items()
        for patch in range(last.patch + 1)
    }
    assert {str(gap) for gap in numbers - set(VERSIONS)} == set(GAPS)


NEXT = f"{KNOWN.newest.major}.{KNOWN.newest.minor + 1}.0"
NEXT_AGENT = str(KNOWN.pairs[KNOWN.newest])
DIGEST = "0123456789ab"


def test_the_next_release_is_one_more_row() -> None:
    rows = (*RELEASES, release(NEXT, agent=NEXT_AGENT, manifest=DIGEST, recommended=True))
    check(rows)
    tables = replace(KNOWN, releases=rows)
    assert tables.newest == tables.recommended[0] == tables.last_patches[V(NEXT)[:2]] == V(NEXT)
    assert tables.pairs[V(NEXT)] == V(NEXT_AGENT)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (release(NEXT, agent=NEXT_AGENT, recommended=True), f"release {NEXT}: manifest is missing"),
        (release(NEXT, manifest=DIGEST, recommended=True), f"release {NEXT}: agent is missing"),
        (release(NEXT, agent=NEXT_AGENT, manifest=DIGEST), f"release {NEXT}: recommended is missing"),
        (
            release("1.23.0", agent=NEXT_AGENT, manifest=DIGEST),
            f"release 1.23.0: must come before {KNOWN.newest} and be listed once",
        ),
    ],
)
def test_what_is_missing_from_a_row_is_said(row: Release, says: str) -> None:
    with pytest.raises(ValueError, match=f"webhook/cni/releases.py: {re.escape(says)}"):
        check([*RELEASES, row])


def dead_from(row: Variable) -> Version | None:
    """The release from which on a variable has no effect anymore."""
    first, last = row.steps[-1]
    return first if last is NO_EFFECT else None


def test_last_patches() -> None:
    patches = """
    1.6.4 1.7.10 1.8.0 1.9.3 1.10.4 1.11.5 1.12.6 1.13.4 1.14.1 1.15.5 1.16.4 1.17.1 1.18.6 1.19.6 1.20.5 1.21.2 1.22.4
    """
    assert list(map(str, KNOWN.last_patches.values()))[: len(patches.split())] == patches.split()
    assert all(minor == (version.major, version.minor) for minor, version in KNOWN.last_patches.items())


def test_recommended_releases() -> None:
    assert KNOWN.recommended[0] == KNOWN.newest
    assert set(KNOWN.recommended) <= set(KNOWN.last_patches.values())
    assert not any(denied(str(version)) for version in KNOWN.recommended)


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_verdicts_are_unique() -> None:
    assert len(set(UNSAFE_RELEASES)) == len(UNSAFE_RELEASES)
    assert len({row.reason for row in UNSAFE_RELEASES}) == len(UNSAFE_RELEASES)


@pytest.mark.parametrize("row", UNSAFE_RELEASES, ids=lambda row: f"{row.first}-{row.last}-{row.level}")
def test_a_verdict_makes_sense(row: UnsafeReleases) -> None:
    assert row.first <= row.last
    assert row.reason
    assert row.reason[0].islower() or row.reason.startswith(("IPv6", "AWS"))
    assert not row.reason.endswith(".")
    assert row.kubernetes is None or row.level == "deny"
    assert not row.when & row.unless
    assert any(row.first <= version <= row.last for version in VERSIONS)


@pytest.mark.parametrize("row", UNSAFE_RELEASES, ids=lambda row: f"{row.first}-{row.last}-{row.level}")
def test_what_a_verdict_recommends_is_not_denied_itself(row: UnsafeReleases) -> None:
    assert row.fixed is not None
    assert row.fixed in VERSIONS
    assert row.fixed > row.last
    assert not [bad for bad in verdicts_on(row.fixed, row.when, row.kubernetes) if bad.level == "deny"]


@pytest.mark.parametrize(
    ("version", "features", "kubernetes"),
    [
        ("1.5.0", (), None),
        ("1.5.4", (), None),
        ("1.6.0", (), None),
        ("1.7.0", (), None),
        ("1.7.6", (SGP,), None),
        ("1.8.0", (PREFIXES,), None),
        ("1.8.9", (PREFIXES,), None),
        ("1.10.0", (), None),
        ("1.9.3", (IPV6,), None),
        ("1.11.5", (), (1, 26)),
        ("1.11.5", (), (1, 33)),
        ("1.13.0", (CUSTOM,), None),
        ("1.15.0", (CUSTOM,), None),
        ("1.16.0", (), None),
        ("1.16.3", (), None),
        ("1.19.4", (CUSTOM, SGP), None),
        ("1.22.0", (), None),
        ("1.22.1", (), None),
        ("1.22.2", (), None),
        ("1.22.3", (), None),
    ],
)
def test_denied(version: str, features: tuple[Feature, ...], kubernetes: tuple[int, int] | None) -> None:
    assert denied(version, *features, kubernetes=kubernetes)


@pytest.mark.parametrize(
    ("version", "features", "kubernetes"),
    [
        ("1.6.1", (), None),
        ("1.7.1", (), None),
        ("1.7.6", (), None),
        ("1.7.7", (SGP,), None),
        ("1.8.0", (), None),
        ("1.9.0", (PREFIXES,), None),
        ("1.10.1", (IPV6,), None),
        ("1.11.5", (), None),
        ("1.11.5", (), (1, 25)),
        ("1.12.0", (), (1, 26)),
        ("1.13.0", (), None),
        ("1.13.2", (CUSTOM,), None),
        ("1.15.0", (), None),
        ("1.15.0", (CUSTOM, SGP), None),
        ("1.15.1", (CUSTOM,), None),
        ("1.16.2", (), None),
        ("1.16.4", (), None),
        ("1.19.3", (), None),
        ("1.19.3", (NO_AGENT,), None),
        ("1.19.4", (CUSTOM,), None),
        ("1.19.4", (SGP,), None),
        ("1.19.4", (NO_AGENT,), None),
        ("1.19.5", (CUSTOM, SGP), None),
        ("1.21.2", (), None),
        ("1.22.1", (NO_DISCOVERY,), None),
        ("1.22.2", (NO_DISCOVERY,), None),
        ("1.22.3", (NO_DISCOVERY,), None),
        ("1.22.4", (), None),
        ("1.23.0", (), None),
        ("1.23.1", (), (1, 36)),
        ("1.99.0", (), (1, 36)),
    ],
)
def test_not_denied(version: str, features: tuple[Feature, ...], kubernetes: tuple[int, int] | None) -> None:
    assert not denied(version, *features, kubernetes=kubernetes)


@pytest.mark.parametrize("feature", [NO_DISCOVERY, CUSTOM, "provisioning-off", "imds-only"])
def test_what_keeps_1_22_1_from_asking_for_security_groups(feature: Feature) -> None:
    found = [row.reason for row in verdicts_on(V("1.22.1"), frozenset({feature}))]
    assert not any("DescribeSecurityGroups" in reason for reason in found)


def test_releases_that_are_denied_to_everybody() -> None:
    found = [str(version) for version in VERSIONS if version >= (1, 6, 0) and denied(str(version))]
    assert found == ["1.6.0", "1.7.0", "1.10.0", "1.16.0", "1.16.3", "1.22.0", "1.22.1", "1.22.2", "1.22.3"]


@pytest.mark.parametrize(
    ("version", "features", "word"),
    [
        ("1.7.3", (), "older kernels"),
        ("1.10.3", (), "CVE-2021-20206"),
        ("1.11.0", (), "CVE-2021-20206"),
        ("1.12.5", (), "CLUSTER_ENDPOINT"),
        ("1.12.6", (), "CLUSTER_ENDPOINT"),
        ("1.14.0", (), "8080"),
        ("1.16.3", (CUSTOM, SGP), "trunk"),
        ("1.19.3", (NO_AGENT,), "two seconds"),
        ("1.22.1", (NO_DISCOVERY,), "own primary address"),
        ("1.15.4", (SGP,), "CNINodes"),
        ("1.15.1", (), "CVE-2023-44487"),
        ("1.16.0", (), "CVE-2023-48795"),
        ("1.21.0", (), "cluster policy endpoints"),
        ("1.22.2", (NO_DISCOVERY,), "own primary address"),
        ("1.22.3", (NO_DISCOVERY,), "own primary address"),
        ("1.22.2", (), "golang.org/x/net"),
        ("1.22.3", (), "CVE-2025-52881"),
    ],
)
def test_warned(version: str, features: tuple[Feature, ...], word: str) -> None:
    assert any(word in reason for reason in warned(version, *features))


@pytest.mark.parametrize(
    ("version", "features", "word"),
    [
        ("1.10.4", (), "CVE-2021-20206"),
        ("1.11.2", (), "CVE-2021-20206"),
        ("1.14.0", (), "8162"),
        ("1.16.4", (CUSTOM, SGP), "trunk"),
        ("1.13.0", (), "CLUSTER_ENDPOINT"),
        ("1.15.3", (), "CVE-2023-44487"),
        ("1.15.5", (SGP,), "CNINodes"),
        ("1.16.2", (), "CVE-2023-48795"),
        ("1.22.2", (), "own primary address"),
        ("1.22.3", (), "golang.org/x/net"),
        ("1.22.4", (), "CVE"),
    ],
)
def test_not_warned(version: str, features: tuple[Feature, ...], word: str) -> None:
    assert not any(word in reason for reason in warned(version, *features))


def test_nothing_is_known_against_the_newest_release() -> None:
    everything = frozenset(get_args(Feature))
    assert verdicts_on(VERSIONS[-1], everything, (1, 99)) == ()


# --- variables --------------------------------------------------------------------------------------------------------


def test_variables_are_unique() -> None:
    assert len({(row.name, row.container) for row in VARIABLES}) == len(VARIABLES)
    assert sum(len(by_name(container)) for container in REPOSITORIES) == len(VARIABLES)
    assert by_name("sidecar") == {}


STEPS = [pytest.param(row, step, id=f"{row.container}-{row.name}-{step[0]}") for row in VARIABLES for step in row.steps]


@pytest.mark.parametrize("row", VARIABLES, ids=lambda row: f"{row.container}-{row.name}")
def test_a_variable_makes_sense(row: Variable) -> None:
    assert re.fullmatch("[A-Za-z0-9_]+", row.name)
    assert by_name(row.container)[row.name] is row
    firsts = [first for first, _ in row.steps]
    assert firsts == sorted(set(firsts))
    assert all(first in VERSIONS or first < VERSIONS[0] for first in firsts)
    assert row.steps[0][1] is not NO_EFFECT
    assert all(before != after for (_, before), (_, after) in itertools.pairwise(row.steps))
    dead = any(reading is NO_EFFECT for _, reading in row.steps)
    assert dead == bool(row.replacement)


@pytest.mark.parametrize("row", VARIABLES, ids=lambda row: f"{row.container}-{row.name}")
def test_a_variable_is_read_as_its_last_step_says(row: Variable) -> None:
    assert row.reading(None) is row.steps[-1][1]
    assert row.reading(V("0.9.0")) is None
    for first, reading in row.steps:
        assert row.reading(first) is reading
        assert row.cut(first).reading(VERSIONS[-1]) is reading


@pytest.mark.parametrize(("row", "step"), STEPS)
def test_a_reading_fits_its_parser(row: Variable, step: tuple[Version, Reading]) -> None:
    reading = step[1]
    assert bool(reading.choices) == (reading.parser == "choice")
    assert bool(reading.field_path) == (reading.parser == "field")
    assert (reading.minimum is not None) == (reading.parser in {"target", "integer", "clamped", "mark"})
    if reading.parser in {"bool", "bool-quiet", "bool-true"}:
        assert reading.default in {"true", "false"}
        assert (reading.on_empty == "default") == (reading.parser == "bool")
    if reading.parser in {"target", "integer", "clamped"} and reading.default is not None:
        assert re.fullmatch("[0-9]+", reading.default)
    if reading.parser == "choice" and reading.default is not None:
        assert (reading.default.lower() if reading.any_case else reading.default) in reading.choices
    if reading.conflist:
        assert reading.conflist == ("breaks" if step[0] < (1, 12, 1) else "exit"), row.name


@pytest.mark.parametrize("row", VARIABLES, ids=lambda row: f"{row.container}-{row.name}")
def test_what_the_manifest_sets_is_in_order(row: Variable) -> None:
    firsts = [first for first, _ in row.shipped]
    assert firsts == sorted(set(firsts))
    assert all(first in VERSIONS for first in firsts)
    assert all(before != after for (_, before), (_, after) in itertools.pairwise(row.shipped))
    assert not firsts or firsts[0] >= row.since
    for version in (version for version in VERSIONS if version >= FIRST_WITH_MANIFEST):
        if row.shipped_in(version) is not None:
            assert not row.dead_in(version)


def test_the_class_of_each_number() -> None:
    def names(parser: str) -> set[str]:
        return {row.name for row in VARIABLES if row.parser == parser}

    targets = {"WARM_ENI_TARGET", "WARM_IP_TARGET", "MINIMUM_IP_TARGET", "WARM_PREFIX_TARGET", "MAX_ENI"}
    assert names("target") == targets | {"HTTP_TIMEOUT", "CONNTRACK_CACHE_CLEANUP_PERIOD"}
    assert names("integer") == {"IP_COOLDOWN_PERIOD", "AWS_VPC_ENI_MTU", "POD_MTU"}
    assert names("cidrs") == {"AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "AWS_EXTERNAL_SERVICE_CIDRS"}


def test_what_an_empty_value_stops() -> None:
    """In the newest release, and in the last one of the shell scripts, for which empty was absent."""

    def stops(version: str) -> set[str]:
        readings = [(row.name, row.reading(V(version))) for row in VARIABLES]
        return {name for name, reading in readings if reading and reading.on_empty in FATAL | {"harms"}}

    assert stops("1.23.1") == {
        "AWS_VPC_ENI_MTU",
        "POD_MTU",
        "IP_COOLDOWN_PERIOD",
        "NETWORK_POLICY_ENFORCING_MODE",
        "POD_SECURITY_GROUP_ENFORCING_MODE",
        "CLUSTER_ENDPOINT",
        "AWS_VPC_K8S_CNI_VETHPREFIX",
        "HOST_CNI_BIN_PATH",
        "HOST_CNI_CONFDIR_PATH",
        "MY_NODE_NAME",
    }
    assert stops("1.12.0") == set()


def test_what_is_dead() -> None:
    dead = {row.name: str(until) for row in VARIABLES if (until := dead_from(row))}
    assert dead == {
        "AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER": "1.12.1",
        "AGENT_LOG_PATH": "1.12.1",
        "ENABLE_NFTABLES": "1.13.2",
        "CONNTRACK_CACHE_CLEANUP_PERIOD": "1.15.5",
        "AWS_EC2_ENDPOINT": "1.19.4",
    }


def test_a_variable_may_lose_its_effect_for_a_while() -> None:
    row = by_name("aws-node")["HOST_CNI_CONFDIR_PATH"]
    assert [str(release) for release in VERSIONS if row.dead_in(release)] == [
        "1.12.1",
        "1.12.2",
        "1.12.5",
        "1.12.6",
        "1.13.0",
        "1.13.2",
        "1.13.3",
        "1.13.4",
        "1.14.0",
        "1.14.1",
    ]
    assert dead_from(row) is None
    assert row.alive_again(V("1.14.1")) == V("1.15.0")
    assert row.dead_since(V("1.14.1")) == V("1.12.1")
    assert dead_from(row.cut(V("1.14.1"))) == V("1.12.1")


def test_defaults_that_changed() -> None:
    def default(name: str, version: str) -> str | None:
        reading = by_name("aws-node")[name].reading(V(version))
        return reading.default if reading else None

    assert default("AWS_VPC_K8S_CNI_RANDOMIZESNAT", "1.6.4") == "hashrandom"
    assert default("AWS_VPC_K8S_CNI_RANDOMIZESNAT", "1.7.0") == "prng"
    assert default("AWS_VPC_K8S_CNI_LOGLEVEL", "1.6.0") == "Info"
    assert default("AWS_VPC_K8S_CNI_LOGLEVEL", "1.6.1") == "Debug"
    assert default("NETWORK_POLICY_ENFORCING_MODE", "1.19.3") == "standard"
    assert default("NETWORK_POLICY_ENFORCING_MODE", "1.19.4") is None


def test_tables_that_end_early_know_how_their_newest_release_reads() -> None:
    early = KNOWN.until(V("1.16.3")).variables["aws-node"]
    assert early["AWS_VPC_ENI_MTU"].parser == "clamped"
    assert "POD_MTU" not in early
    assert KNOWN.until(V("1.14.1")).variables["aws-node"]["HOST_CNI_CONFDIR_PATH"].dead_in(V("1.23.1"))


@pytest.mark.parametrize("newest", VERSIONS, ids=str)
def test_tables_that_end_early_hold_nothing_of_a_later_release(newest: Version) -> None:
    cut = KNOWN.until(newest)
    agent = max(cut.pairs.values(), default=V("0.0.0"))
    first = [
        *cut.versions,
        *(row.first for row in cut.unsafe),
        *(row.first for row in cut.features),
        *(step for rows in cut.variables.values() for row in rows.values() for step, _ in row.steps),
        *(step for step, _ in (*cut.epochs, *cut.health_addresses)),
        *cut.behaviors.values(),
        *(row.before for row in cut.waypoints),
    ]
    assert max(first) <= newest
    of_agent = [step for step, _ in cut.agents] + [step for row in cut.flags.values() for step, _ in row.defaults]
    assert max(of_agent) <= agent


def test_tables_until_the_newest_release_are_all() -> None:
    cut = KNOWN.until(KNOWN.newest)
    assert (cut.features, cut.behaviors, cut.waypoints, cut.agents, set(cut.flags)) == (
        KNOWN.features,
        KNOWN.behaviors,
        KNOWN.waypoints,
        KNOWN.agents,
        set(KNOWN.flags),
    )


@pytest.mark.parametrize("row", FEATURE_FLOORS, ids=lambda row: row.name)
def test_a_feature_is_switched_by_what_exists(row: FeatureFloor) -> None:
    assert row.first in KNOWN.versions
    for switch in row.switches:
        name = switch.removeprefix("--")
        assert (name in KNOWN.flags) if switch.startswith("--") else (name in by_name("aws-node"))


def test_name_traps_lead_to_variables() -> None:
    known = by_name("aws-node")
    assert {right for right in NAME_TRAPS.values() if right not in known} == set()
    assert {wrong for wrong in NAME_TRAPS if wrong in known or wrong in SDK_NAMES} == set()
    assert not any(
        dead_from(known[right]) for wrong, right in NAME_TRAPS.items() if not wrong.startswith("AWS_VPC_CNI_")
    )
    assert NAME_TRAPS["ENABLE_IPV4"] == "ENABLE_IPv4"
    assert NAME_TRAPS["DISABLE_CONTAINER_V6"] == "DISABLE_POD_V6"
    assert NAME_TRAPS["AWS_VPC_CNI_EXTERNALSNAT"] == "AWS_VPC_K8S_CNI_EXTERNALSNAT"


def test_names_of_the_sdk_are_not_the_cnis() -> None:
    names = {row.name for row in VARIABLES}
    assert not names & SDK_NAMES
    assert not any(name.startswith(SDK_PREFIXES) for name in names)
    assert {"AWS_REGION", "VPC_ID", "HTTPS_PROXY", "KUBERNETES_SERVICE_HOST"} <= SDK_NAMES


# --- agents and images ------------------------------------------------------------------------------------------------


def test_agents_only_ever_get_newer() -> None:
    assert min(KNOWN.pairs) == FIRST_WITH_AGENT
    assert list(KNOWN.pairs.values()) == sorted(KNOWN.pairs.values())


def test_every_shipped_pair_can_talk() -> None:
    for version, agent in KNOWN.pairs.items():
        now = KNOWN.epoch(version)
        assert now.minimum is None or agent >= now.minimum
        assert now.before is None or agent < now.before


def test_epochs_are_ordered() -> None:
    firsts = [first for first, _ in EPOCHS]
    assert firsts == sorted(set(firsts))
    assert firsts[0] == (0, 0, 0)


@pytest.mark.parametrize(
    ("version", "minimum", "before"),
    [
        ("1.16.4", None, "1.2.6"),
        ("1.19.3", None, "1.2.6"),
        ("1.20.1", None, "1.2.6"),
        ("1.20.2", "1.2.6", "1.4.1"),
        ("1.22.4", "1.2.6", "1.4.1"),
        ("1.23.0", "1.4.1", None),
        ("1.99.0", "1.4.1", None),
    ],
)
def test_limits_of_the_agent(version: str, minimum: str | None, before: str | None) -> None:
    now = KNOWN.epoch(V(version))
    assert (now.minimum, now.before) == (minimum and V(minimum), before and V(before))


@pytest.mark.parametrize(
    ("version", "address"),
    [
        ("1.5.0", ":50051"),
        ("1.22.4", ":50051"),
        ("1.23.0", "unix:///var/run/aws-node/ipamd.sock"),
        ("1.99.0", "unix:///var/run/aws-node/ipamd.sock"),
    ],
)
def test_health_address(version: str, address: str) -> None:
    assert health_address(V(version)) == address


def test_flags() -> None:
    assert len({flag.name for flag in FLAGS}) == len(FLAGS)
    newest = {flag.name: in_force(flag.shipped, VERSIONS[-1]) for flag in FLAGS}
    assert newest["enable-network-policy"] == newest["enable-ipv6"] == "false"
    limits = {flag.name: (flag.minimum, flag.maximum) for flag in FLAGS if flag.minimum}
    assert limits == {"conntrack-cache-table-size": (32768, 1048576)}
    for flag in FLAGS:
        assert flag.defaults[0][0] == flag.since
        assert refusal(Given(0, flag.name, flag.default(KNOWN.pairs[VERSIONS[-1]])), KNOWN.pairs[VERSIONS[-1]]) == ""
        # A manifest passes no flag that its own agent does not know.
        assert all(
            KNOWN.pairs.get(release, flag.since) >= flag.since
            for release in VERSIONS
            if in_force(flag.shipped, release)
        )


@pytest.mark.parametrize(
    ("name", "agent", "value"),
    [
        ("log-level", "1.2.1", "info"),
        ("log-level", "1.2.2", "debug"),
        ("metrics-bind-addr", "1.0.2", ":8080"),
        ("health-probe-bind-addr", "1.0.4", ":8163"),
        ("conntrack-cache-table-size", "1.1.2", None),
        ("conntrack-cache-table-size", "1.1.6", "262144"),
        ("conntrack-cache-table-size", "1.2.0", "524288"),
    ],
)
def test_the_default_of_a_flag(name: str, agent: str, value: str | None) -> None:
    assert next(flag for flag in FLAGS if flag.name == name).default(V(agent)) == value


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (["--enable-network-policy=yes"], "true or false"),
        (["--enable-network-policy"], ""),
        (["--enable-network-policy", "false"], ""),
        (["--enable-network-policy="], "true or false"),
        (["-enable-network-policy=true"], "one dash"),
        (["--conntrack-cache-table-size=0x10000"], ""),
        (["--conntrack-cache-table-size=65_536"], ""),
        (["--conntrack-cache-table-size", "65536"], ""),
        (["--conntrack-cache-table-size", "1"], "32768"),
        (["--conntrack-cache-table-size=010000000"], "1048576"),
        (["--conntrack-cache-table-size"], "needs a value"),
        (["--conntrack-cache-table-size= 65536"], "an integer"),
        (["--conntrack-cache-table-size=99999999999999999999"], "an integer"),
        (["--log-level", "--unknown"], ""),
        (["--unknown=1"], "not a flag"),
        (["--Enable-Network-Policy=true"], "not a flag"),
        (["--help"], "not a flag"),
        (["--", "--unknown"], ""),
        (["x", "-", "", "--log-level="], ""),
        (["--=x"], "no name"),
        (["---a"], "no name"),
    ],
)
def test_flags_are_read_as_pflag_reads_them(words: list[str], refused: str) -> None:
    """What the parser itself said of these lines, in its releases 1.0.5 and 1.0.10."""
    said = [said for one in given(["/controller", *words]) if (said := refusal(one, V("1.4.2")))]
    assert len(said) == bool(refused)
    assert not refused or refused in said[0]


def test_accounts() -> None:
    assert all(re.fullmatch("[0-9]{12}", account) for account in ACCOUNTS.values())
    assert len(ACCOUNTS) == 45
    assert sum(account == "602401143452" for account in ACCOUNTS.values()) == 17
