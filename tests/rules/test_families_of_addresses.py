"""IP6-002 and IP6-003: the address family, by release and by container."""

from typing import Any

import pytest

from tests.changes import NOW, guard, shown
from tests.rules.gravity import about, gravity
from webhook.catalogue.examples import DaemonSet, Example
from webhook.engine.pipeline import complete

V4, V6, PD = "ENABLE_IPv4", "ENABLE_IPv6", "ENABLE_PREFIX_DELEGATION"
CUSTOM, EGRESS, NO_V6 = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "ENABLE_V6_EGRESS", "DISABLE_POD_V6"
IPV6: dict[str, Any] = {V4: "false", V6: "true", PD: "true"}
INIT = {V6: "true"}
ON, YES, NO = "--enable-network-policy=true", "--enable-ipv6=true", "--enable-ipv6=false"


@pytest.mark.parametrize(
    ("release", "env", "expected"),
    [
        ("1.9.3", {V6: "true"}, ""),
        ("1.10.4", {V6: "true"}, "certain"),
        ("1.23.1", {**IPV6, PD: "false"}, "certain"),
        ("1.23.1", {**IPV6, PD: "yes"}, "certain"),
        ("1.23.1", {**IPV6, PD: "T"}, ""),
        ("1.23.1", {**IPV6, CUSTOM: "true"}, "certain"),
        ("1.23.1", {CUSTOM: "true"}, ""),
    ],
)
def test_what_ipv6_needs(release: str, env: dict[str, str], expected: str) -> None:
    assert gravity("IP6-002", Example(DaemonSet(release=release, env=env))) == expected


def test_each_of_both_can_be_mended_alone() -> None:
    both = DaemonSet(env={**IPV6, PD: "false", CUSTOM: "true"}, init_env=INIT)
    assert len(about("IP6-002", Example(both))) == 2
    for mended in ({PD: "true"}, {CUSTOM: "false"}):
        change = Example(DaemonSet(env={**IPV6, PD: "false", CUSTOM: "true", **mended}, init_env=INIT), before=both)
        assert not shown(change).denials


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (DaemonSet(env=IPV6), "deny"),
        (DaemonSet(env=IPV6, init_env=INIT), ""),
        (DaemonSet(init_env=INIT), "deny"),
        (DaemonSet(release="1.9.3", env={V6: "true"}), ""),
        (DaemonSet(env=IPV6, without_containers=("aws-vpc-cni-init",)), ""),
        # kOps always writes false for the agent, which then enforces nothing.
        (DaemonSet(env=IPV6, init_env=INIT, arguments=(NO,)), ""),
        (DaemonSet(env=IPV6, init_env=INIT, arguments=(ON, NO)), "deny"),
        (DaemonSet(env=IPV6, init_env=INIT, arguments=(ON, YES)), ""),
        (DaemonSet(arguments=(YES,)), "warn"),
        (DaemonSet(arguments=(ON, YES)), "deny"),
        (DaemonSet(env={EGRESS: "true"}), "deny"),
        (DaemonSet(init_env={EGRESS: "true"}), "deny"),
        (DaemonSet(release="1.12.6", env={EGRESS: "true"}), ""),
        (DaemonSet(env={**IPV6, EGRESS: "true"}, init_env=INIT), ""),
        (DaemonSet(env={**IPV6, NO_V6: "true"}, init_env=INIT), "deny"),
        (DaemonSet(env={EGRESS: "true", NO_V6: "true"}, init_env={EGRESS: "true"}), "deny"),
        (DaemonSet(env={NO_V6: "true"}), ""),
    ],
)
def test_containers_of_one_family(now: DaemonSet, expected: str) -> None:
    assert gravity("IP6-003", Example(now)) == expected


@pytest.mark.parametrize(
    ("args", "added"),
    [
        ([ON], ["aws-eks-nodeagent flag --enable-ipv6=true"]),
        ([ON, NO], []),
        ([ON, "--"], []),
        (None, []),
    ],
)
def test_the_flag_is_added_where_the_command_line_has_none(args: list[str] | None, added: list[str]) -> None:
    now = DaemonSet(env=IPV6, init_env=INIT, agent_fields={"args": args})
    assert [edit.says for edit in complete(Example(now).change(), guard(), NOW).edits] == added


def test_policies_in_an_ipv6_cluster_are_told_once_what_they_do_not_cover() -> None:
    off, on = (DaemonSet(env=IPV6, init_env=INIT, arguments=words) for words in ((YES,), (ON, YES)))
    quiet = DaemonSet(env={**IPV6, "ENABLE_V4_EGRESS": "false"}, init_env=INIT, arguments=(ON, YES))
    assert gravity("NP-004", Example(on, before=off)) == "warn"
    assert gravity("NP-004", Example(on)) == "warn"
    assert gravity("NP-004", Example(on, before=quiet)) == "warn"
    for example in (Example(on, before=on), Example(quiet), Example(off), Example(DaemonSet(arguments=(ON,)))):
        assert gravity("NP-004", example) == ""


@pytest.mark.parametrize(
    ("words", "env", "expected"),
    [
        ((ON,), {"ENABLE_BANDWIDTH_PLUGIN": "true"}, "deny"),
        ((), {"ENABLE_BANDWIDTH_PLUGIN": "true"}, ""),
        ((ON,), {"ENABLE_BANDWIDTH_PLUGIN": "false"}, ""),
        (("--enable-cloudwatch-logs",), {}, "warn"),
        (("--enable-cloudwatch-logs=true", "--enable-policy-event-logs=1"), {}, ""),
        (("--conntrack-cache-table-size=32767",), {}, "certain"),
        (("--conntrack-cache-table-size=32768",), {}, ""),
        (("--conntrack-cache-table-size=1048576",), {}, ""),
        (("--conntrack-cache-table-size=1048577",), {}, "certain"),
    ],
)
def test_what_goes_with_the_agent(words: tuple[str, ...], env: dict[str, str], expected: str) -> None:
    assert gravity("NP-004", Example(DaemonSet(arguments=words, env=env))) == expected
