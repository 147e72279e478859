"""The group cni-guard:break-glass: what passes the guard, and what works when the guard is dead."""

from collections.abc import Iterator

import pytest

from tests.controlplane.guarded import BREAK_GLASS, MASTERS, THE_AWS_NODE, Guarded, env
from tests.controlplane.test_scope import daemonset
from webhook.cni.stock import stock

CRASH = ("ENABLE_PREFIX_DELEGATION=true", "WARM_PREFIX_TARGET=0")
SET_ENV = ("set", "env", *THE_AWS_NODE, "-c", "aws-node")


@pytest.fixture
def dead(guarded: Guarded) -> Iterator[Guarded]:
    """The guard is killed while aws-node runs."""
    guarded.store(stock("1.22.4"))
    guarded.guard.kill()
    yield guarded
    guarded.guard.start()


def test_it_passes_the_living_guard_without_being_asked(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    mark = len(guarded.guard.decisions())
    answer = guarded.kubectl(*SET_ENV, *CRASH, user="me", groups=BREAK_GLASS)
    assert answer.passed, answer.err
    assert answer.err == ""
    assert env(guarded.aws_node)["WARM_PREFIX_TARGET"] == "0"
    assert guarded.decisions_after(mark) == []


def test_another_group_does_not(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    groups = (*MASTERS, "break-glass", "cni-guard:break-glass-2")
    assert not guarded.kubectl(*SET_ENV, *CRASH, user="me", groups=groups).passed


def test_a_dead_guard_refuses_changes_of_what_it_guards(dead: Guarded) -> None:
    for answer in (
        dead.kubectl(*SET_ENV, "WARM_IP_TARGET=5"),
        dead.kubectl("rollout", "restart", *THE_AWS_NODE),
        dead.kubectl("delete", *THE_AWS_NODE),
    ):
        assert not answer.passed
        assert 'failed calling webhook "aws-node.cni-guard.dev": failed to call webhook: Post "https://' in answer.err
        assert "connect: connection refused" in answer.err
    assert env(dead.aws_node) == env(stock("1.22.4"))


def test_the_break_glass_works_with_the_guard_dead(dead: Guarded) -> None:
    changed = dead.kubectl(*SET_ENV, "WARM_IP_TARGET=5", user="me", groups=BREAK_GLASS)
    assert changed.passed, changed.err
    assert env(dead.aws_node)["WARM_IP_TARGET"] == "5"
    deleted = dead.kubectl("delete", *THE_AWS_NODE, user="me", groups=BREAK_GLASS)
    assert deleted.passed, deleted.err
    assert dead.kubectl("create", "--filename=-", manifest=stock("1.22.4"), user="me", groups=BREAK_GLASS).passed


def test_everything_else_works_with_the_guard_dead(dead: Guarded) -> None:
    assert dead.kubectl("create", "--filename=-", manifest=daemonset("bystander")).passed
    assert dead.kubectl("set", "env", "ds/bystander", "A=b").passed
    assert dead.kubectl("rollout", "status", "ds/bystander", "--timeout=60s").passed
    assert dead.kubectl("delete", "ds/bystander").passed
    dead.settle()


def test_the_add_on_s_manager_can_repair_with_the_guard_dead(dead: Guarded) -> None:
    answer = dead.kubectl(*SET_ENV, "WARM_IP_TARGET=5", user="eks:addon-manager", groups=MASTERS)
    assert answer.passed, answer.err
    assert env(dead.aws_node)["WARM_IP_TARGET"] == "5"
