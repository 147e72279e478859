"""What the tables say stops aws-node or its pods, some rule says as certain; and nothing else is called certain."""

from collections.abc import Iterator

import pytest

from tests.changes import evaluated
from tests.rules.releases import Env, about, daemonset, has, judged
from webhook.catalogue import Catalogue
from webhook.cni.identity import change_of
from webhook.cni.objections import objections
from webhook.cni.reading import FATAL, Reading, Variable
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.cni.variables import VARIABLES, by_name
from webhook.cni.version import Version
from webhook.model import Finding
from webhook.rules import CATALOGUE

VALUES = tuple(rule for rule in CATALOGUE if rule.id.startswith(("ENV", "PFX", "SNAT", "SGP", "NP", "IP6")))
STOPPING = {"ENV-003", "ENV-004", "SGP-001", "NP-001"}
"""The rules about a value by itself."""
TEXTS = ("", "stdout", "STDOUT", "foo", "Strict", "strict ", "eth", "pods5", "9002", "-1", "+5", '"', "\x01", "a\\x")
LATE = [release for release in VERSIONS if release >= (1, 6, 0)]
FATAL_ROWS = [
    pytest.param(row, id=f"{row.container}-{row.name}")
    for row in VARIABLES
    if any(
        reading.on_empty in FATAL or reading.on_bad in FATAL or reading.conflist or reading.log_of
        for _, reading in row.steps
    )
]
SHOWN: Env = {
    "ENABLE_POD_ENI": "true",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
    "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "debug",
}
HIDDEN: Env = {
    "ENABLE_POD_ENI": "false",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
    "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "fatal",
}


def worlds(reading: Reading) -> Iterator[tuple[Env, bool]]:
    """Objects that show every condition of the row, and ones that show none, each of both address families."""
    for ipv6 in (False, True):
        family: Env = {"ENABLE_IPv6": "true", "ENABLE_IPv4": "false"} if ipv6 else {}
        if not reading.family or (reading.family == "ipv6") == ipv6:
            yield SHOWN | family, True
        yield HIDDEN | family, False


def said(release: Version, row: Variable, text: str, env: Env) -> list[Finding]:
    whole = daemonset(str(release), env | {row.name: text}, holder=row.container)
    verdict = evaluated(change_of("DaemonSet", whole), rules=Catalogue(VALUES))
    return about(verdict, row.container, row.name)


def fatal(reading: Reading, text: str, *, shown: bool, ipv6: bool) -> bool | None:
    """Whether the table says that a text stops aws-node or its pods; None where it is not sure."""
    if not text:
        return reading.on_empty in FATAL and (shown or not (reading.only_with or reading.family))
    if reading.family and (reading.family == "ipv6") != ipv6:
        return False
    found = [
        one
        for one in objections(reading, text, ipv6=ipv6)
        if one.effect in FATAL and (shown or one.to == "conflist" or (one.to == "value" and not reading.only_with))
    ]
    return any(one.sure for one in found) or (None if found else False)


@pytest.mark.parametrize("row", FATAL_ROWS)
def test_what_stops_aws_node_is_said_as_certain_and_nothing_else_is(row: Variable) -> None:
    for release in LATE:
        reading = row.reading(release)
        if reading is None or not has(str(release), row.container):
            continue
        for env, shown in worlds(reading):
            for text in TEXTS:
                expected = fatal(reading, text, shown=shown, ipv6=env.get("ENABLE_IPv6") == "true")
                found = said(release, row, text, {key: value for key, value in env.items() if key != row.name})
                certain = any(one.problem.certain for one in found if one.rule in STOPPING)
                assert certain == (expected is True), (str(release), text, env)
                if expected is None:
                    assert any(one.level == "deny" for one in found), (str(release), text)


@pytest.mark.parametrize("row", [row for row in VARIABLES if row.container == "aws-node"], ids=lambda row: row.name)
def test_a_variable_is_missed_as_certain_where_the_table_says_so(row: Variable) -> None:
    for release in LATE:
        reading = row.reading(release)
        whole = daemonset(str(release), {row.name: None})
        verdict = evaluated(change_of("DaemonSet", whole), rules=Catalogue(VALUES))
        found = [one for one in about(verdict, "aws-node", row.name) if one.rule == "ENV-004"]
        missed = reading is not None and reading.on_absent in FATAL
        assert any(one.problem.certain for one in found) == missed, str(release)


@pytest.mark.parametrize("row", [row for row in VARIABLES if row.container == "aws-node"], ids=lambda row: row.name)
@pytest.mark.parametrize("release", ["1.6.0", "1.8.0", "1.12.0", "1.12.6", "1.15.5", "1.23.1"])
def test_a_value_of_a_row_without_a_fatal_effect_is_never_certain(row: Variable, release: str) -> None:
    reading = row.reading(Version.of(release))
    for text in ("", "foo", "-1", "STDOUT", '"'):
        if reading is None or not fatal(reading, text, shown=True, ipv6=False):
            for one in said(Version.of(release), row, text, {}):
                assert not one.problem.certain or one.rule not in STOPPING, (text, one.message)


@pytest.mark.parametrize("row", FATAL_ROWS)
def test_of_an_unknown_release_nothing_is_certain(row: Variable) -> None:
    """Of an image without a release, and of one that is newer than the tables."""
    for image in ("amazon-k8s-cni:latest", "amazon-k8s-cni:v1.99.0"):
        for text in TEXTS:
            whole = daemonset("1.23.1", SHOWN | {row.name: text}, holder=row.container)
            whole["spec"]["template"]["spec"]["containers"][0]["image"] = image
            verdict = evaluated(change_of("DaemonSet", whole), rules=Catalogue(VALUES))
            assert not any(one.problem.certain for one in about(verdict, row.container, row.name)), text


@pytest.mark.parametrize("release", [one for one in VERSIONS if one >= FIRST_WITH_MANIFEST], ids=str)
def test_of_an_official_manifest_only_the_release_is_spoken_of(release: Version) -> None:
    verdict = evaluated(change_of("DaemonSet", stock(release)))
    assert {one.rule for one in verdict.findings} <= {"VER-002"}


@pytest.mark.parametrize("known", ["1.16.3", "1.14.1", "1.12.0"])
def test_tables_that_end_early_judge_by_what_they_know(known: str) -> None:
    """The MTU was clamped in the newest release that they know."""
    name = "AWS_VPC_ENI_MTU"
    tables = KNOWN.until(Version.of(known))
    found = about(judged("1.23.1", {name: "9100"}, tables=tables), "aws-node", name)
    assert {one.level for one in found} == {"warn"}
    assert by_name("aws-node")[name].parser == "integer"
