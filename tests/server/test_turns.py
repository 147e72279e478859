"""Whose handshake is next while others come again and again."""

from types import SimpleNamespace
from typing import Any

import gevent
import gevent.socket
import pytest

from webhook.connections import Connection
from webhook.turns import Turns
from webhook.worker import Worker

MANY = 12


def given_before(position: int, crowd: list[str]) -> int:
    """How many turns are given before that of one of peer `a`, who comes among a crowd of which each comes again."""
    turns = Turns()
    given: list[str] = []

    def again(peer: str) -> None:
        while True:
            turns.wait(peer)
            given.append(peer)

    others = [gevent.spawn(again, peer) for peer in crowd[:position]]
    one = gevent.spawn(turns.wait, "a")
    others += [gevent.spawn(again, peer) for peer in crowd[position:]]
    one.join(timeout=5)
    gevent.killall(others)
    assert one.dead, f"{len(given)} turns were given to others"
    return len(given)


@pytest.mark.parametrize("crowd", [["a"] * MANY, ["b"] * MANY, ["a", "b"] * (MANY // 2), ["a"]])
@pytest.mark.parametrize("position", [0, 1, MANY // 2, MANY])
def test_nobody_is_kept_from_a_turn_by_those_who_come_again(crowd: list[str], position: int) -> None:
    assert given_before(position, crowd) <= 4 * (len(crowd) + 1)


def test_what_was_dropped_takes_no_turn() -> None:
    ours, theirs = gevent.socket.socketpair()
    theirs.close()
    without_turns: Any = SimpleNamespace()
    # A whole worker would be a process of its own.
    assert Worker._shake_hands(without_turns, ours, Connection("a", dropped=True)) is None  # noqa: SLF001
