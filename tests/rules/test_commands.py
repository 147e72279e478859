"""ENV-006: a command or arguments that the official manifest does not have."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.ask import Object, changed, grows_linearly, levels, pod, said
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version

ROLES = {
    "aws-node": ("containers", 0),
    "aws-vpc-cni-init": ("initContainers", 0),
    "aws-eks-nodeagent": ("containers", 1),
}


def started(role: str, field: str, words: Any) -> Object:
    kind, index = ROLES[role]
    return changed(stock(), lambda daemonset: pod(daemonset)[kind][index].update({field: words}))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("field", ["command", "args"])
@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["/usr/bin/env", "WARM_IP_TARGET=5", "/app/aws-vpc-cni"], "WARM_IP_TARGET"),
        (["sh", "-c", "export WARM_IP_TARGET=5; MAX_ENI=2 exec /app/aws-vpc-cni"], "WARM_IP_TARGET, MAX_ENI"),
        (["bash", "-c", "env 'A=1' B=\"2\" /app/x --flag=1 a==b"], "A, B"),
        (["sh", "-c", "WARM_IP_TARGET=1;WARM_IP_TARGET=2"], "WARM_IP_TARGET"),
        (["sh", "-c", "set -a; . /host/env"], ""),
    ],
)
def test_what_it_sets_is_named(role: str, field: str, words: list[str], names: str) -> None:
    found = said("ENV-006", started(role, field, words))
    assert levels(found) == {"warn"}
    (finding,) = found
    assert (f"which sets {names}: " in finding.message) == bool(names)
    assert f"container {role} has its own {field}" in finding.message


def test_many_names_are_counted() -> None:
    (found,) = said("ENV-006", started("aws-node", "command", [f"N{number}=1" for number in range(50)]))
    assert "N19 and 30 more" in found.message
    assert "N20" not in found.message


@pytest.mark.parametrize(
    "words",
    [["--log-level=info"], ["--log-level", "info", "--enable-ipv6=true"], ["--enable-ipv6"], [], None],
)
def test_flags_of_the_agent_are_its_own(words: list[str] | None) -> None:
    assert said("ENV-006", started("aws-eks-nodeagent", "args", words)) == []


@pytest.mark.parametrize("words", [["--unknown=1"], ["--enable-ipv6", "true"], ["info"], ["X=1"], [5]])
def test_other_arguments_of_the_agent_are_not(words: list[Any]) -> None:
    assert levels(said("ENV-006", started("aws-eks-nodeagent", "args", words))) == {"warn"}


def test_a_container_of_another_kind_may_run_what_it_likes() -> None:
    tail = {"name": "tail", "image": "602401143452.dkr.ecr.us-west-2.amazonaws.com/x:1", "command": ["env", "A=1"]}
    assert said("ENV-006", changed(stock(), lambda daemonset: pod(daemonset)["containers"].append(tail))) == []


@pytest.mark.parametrize("release", [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST], ids=str)
def test_an_official_manifest_has_no_finding(release: Version) -> None:
    assert said("ENV-006", stock(release)) == []


names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)


@given(st.lists(names, min_size=1, max_size=20, unique=True), st.data())
def test_every_name_that_a_command_sets_is_told(wanted: list[str], data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["{}=1", "export {}=x", "env {}='a b'", 'x; {}="$Y"', "true&&{}="]))
    words = data.draw(st.sampled_from([["sh", "-c", "\n".join(map(form.format, wanted))], [*map(form.format, wanted)]]))
    (found,) = said("ENV-006", started("aws-node", "command", words))
    assert f"which sets {', '.join(wanted)}: " in found.message


@given(st.recursive(st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_a_command_can_have_any_shape(words: Any) -> None:
    assert len(said("ENV-006", started("aws-eks-nodeagent", "command", words))) == (words not in (None, []))
    said("ENV-006", started("aws-eks-nodeagent", "args", words))


def cost(size: int) -> float:
    daemonset = started("aws-eks-nodeagent", "args", ["A" * 10 + f"{number}=1" for number in range(size)])
    begun = time.process_time()
    assert len(said("ENV-006", daemonset)) == 1
    return time.process_time() - begun


def test_a_long_command_costs_in_proportion() -> None:
    assert grows_linearly(cost, 5_000)
    assert said("ENV-006", started("aws-node", "command", ["sh", "-c", "A" * 500_000]))
