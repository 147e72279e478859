"""Which connection, which request and which log line goes when there are too many."""

import logging
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.connections import Connection, Connections, Reason, State, peer_of
from webhook.intake import Intake, Sender
from webhook.limits import (
    CONNECTIONS_LIMIT,
    IN_FLIGHT_LIMIT,
    KEEP_SECONDS,
    LINE_KINDS,
    LINES_BURST,
    NORMAL_BODY,
    PEER_LIMIT,
    PEER_SHARE,
    SPARE_DESCRIPTORS,
    YOUNG_SECONDS,
)
from webhook.loglimit import LogLimit
from webhook.process import allow_files

POOL = 4 * PEER_LIMIT


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


# --- connections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1:2::/80"),
        ("2001:db8:0:1:2::9", "2001:db8:0:1:2::/80"),
        ("2001:db8:0:1:3::9", "2001:db8:0:1:3::/80"),
        ("fe80::1%eth0", "fe80::/80"),
    ],
)
def test_what_counts_as_one_peer(address: str, peer: str) -> None:
    assert peer_of(address) == peer


def nothing(_peer: str, _reason: Reason) -> None:
    """Take no notice."""


def opened(connections: Connections, peer: str, state: State = State.SILENT, *, proven: bool = False) -> Connection:
    """A connection that was taken, and what it does."""
    connection = Connection(peer)
    assert connections.admit(connection)
    connections.enter(connection, state, 0.0)
    if proven:
        connections.prove(connection)
    return connection


def test_the_longest_silent_connection_of_the_same_peer_goes_at_its_limit() -> None:
    told: list[tuple[str, Reason]] = []
    connections = Connections(POOL, lambda peer, reason: told.append((peer, reason)))
    proven = opened(connections, "a", proven=True)
    busy = opened(connections, "a", State.ANSWER)
    other = opened(connections, "b")
    first, *_ = [opened(connections, "a") for _ in range(PEER_LIMIT - 1)]
    opened(connections, "a")
    assert first.dropped
    assert not any(one.dropped for one in (proven, busy, other))
    assert told == [("a", "peer_limit")]


def test_a_trickling_request_goes_only_where_no_connection_is_silent() -> None:
    connections = Connections(POOL, nothing)
    slow = [opened(connections, "a", State.HEAD) for _ in range(PEER_LIMIT - 1)]
    silent = opened(connections, "a")
    opened(connections, "a", State.HEAD)
    assert silent.dropped
    assert not slow[0].dropped
    opened(connections, "a", State.HEAD)
    assert slow[0].dropped


def test_where_all_are_being_answered_the_new_one_is_not_taken() -> None:
    connections = Connections(POOL, nothing)
    for _ in range(PEER_LIMIT):
        opened(connections, "a", State.ANSWER)
    assert not connections.admit(Connection("a"))
    assert connections.admit(Connection("b"))


def test_connections_that_carried_a_review_are_not_counted_for_a_peer() -> None:
    connections = Connections(POOL, nothing)
    for _ in range(2 * PEER_LIMIT):
        opened(connections, "a", proven=True)
    assert not opened(connections, "a").dropped


def test_where_the_pool_runs_short_the_peer_that_holds_most_gives() -> None:
    connections = Connections(POOL, nothing)
    pooled = [opened(connections, "api", proven=number % 2 == 0) for number in range(30)]
    held = {peer: [opened(connections, peer) for _ in range(PEER_LIMIT)] for peer in ("b", "c", "d")}
    more = [opened(connections, "e") for _ in range(PEER_LIMIT - 30)]
    assert connections.total == POOL
    for _ in range(50):
        opened(connections, "f")
    assert not any(one.dropped for one in (*pooled, *more))
    gone = {peer: sum(one.dropped for one in of_peer) for peer, of_peer in held.items()}
    assert sum(gone.values()) == 50
    assert max(gone.values()) - min(gone.values()) <= 1


def test_a_pool_of_proven_connections_takes_a_new_one() -> None:
    connections = Connections(POOL, nothing)
    kept = [opened(connections, f"api-{number % 8}", proven=True) for number in range(POOL)]
    opened(connections, "new")
    assert sum(one.dropped for one in kept) == 1


@given(
    st.integers(2, 12),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(State), st.booleans(), st.booleans())),
)
def test_the_numbers_stay_right(limit: int, steps: list[tuple[str, State, bool, bool]]) -> None:
    told: list[str] = []
    connections = Connections(limit, lambda peer, _: told.append(peer))
    taken: list[Connection] = []
    gone: list[str] = []
    for peer, state, proven, ends in steps:
        connection = Connection(peer)
        admitted = connections.admit(connection)
        gone += [one.peer for one in taken if one.dropped] + [peer] * (not admitted)
        taken = [one for one in taken if not one.dropped] + [connection] * admitted
        if admitted:
            connections.enter(connection, state, 0.0)
            if proven:
                connections.prove(connection)
            if ends:
                connections.remove(taken.pop(0))
        assert connections.total == len(taken) <= limit
        unproven = Counter(one.peer for one in taken if not one.proven)
        assert all(count <= limit // 2 for count in unproven.values()), "more than half the pool"
    assert Counter(told) == Counter(gone)


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1024, 4096, CONNECTIONS_LIMIT),
        (1024, 1024, 1024 - SPARE_DESCRIPTORS),
        (1024, resource.RLIM_INFINITY, CONNECTIONS_LIMIT),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, CONNECTIONS_LIMIT),
        (200, 200, 100),
        (20, 20, 10),
    ],
)
def test_few_open_files_leave_room_for_connections(
    soft: int, hard: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert allow_files(5000) == expected
    assert allow_files(10) == 10


def test_a_silent_connection_is_kept_longer_than_a_go_client_keeps_it() -> None:
    assert KEEP_SECONDS > 90
    assert POOL // 2 >= PEER_LIMIT


# --- bytes in flight -------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Body:
    """A request that arrives."""

    peer: str


class Arriving:
    """An intake and what gave way in it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ended: list[Sender] = []
        self.intake = Intake(self.clock, self.ended.append)

    def body(self, peer: str, size: int) -> Body:
        """A request of which so much arrives now."""
        body = Body(peer)
        self.intake.arrived(body, size)
        return body


def test_the_slowest_body_gives_way() -> None:
    arriving = Arriving()
    slow = arriving.body("a", 7 * 2**20)
    arriving.clock.now = 5.0
    quick = arriving.body("b", 7 * 2**20)
    arriving.clock.now = 5.5
    arriving.body("c", 3 * 2**20)
    assert arriving.ended == [slow]
    assert quick not in arriving.ended


def test_a_peer_has_a_share() -> None:
    arriving = Arriving()
    other = arriving.body("b", 2**20)
    arriving.clock.now = 9.0
    mine = [arriving.body("a", PEER_SHARE // 2) for _ in range(2)]
    arriving.clock.now = 10.0
    last = arriving.body("a", 1000)
    assert len(arriving.ended) == 1
    assert arriving.ended[0] in mine
    assert last not in arriving.ended
    assert other not in arriving.ended


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(1, 7 * 2**20), st.floats(0, 3), st.booleans()), max_size=200
    )
)
def test_a_normal_review_of_another_peer_is_always_read(steps: list[tuple[str, int, float, bool]]) -> None:
    arriving = Arriving()
    hostile: list[Body] = []
    for peer, size, pause, more in steps:
        body = hostile[-1] if more and hostile and hostile[-1] not in arriving.ended else Body(peer)
        arriving.intake.arrived(body, size)
        hostile.append(body)
        arriving.clock.now += pause
        assert arriving.intake.total <= IN_FLIGHT_LIMIT
        normal = Body("api server")
        for _ in range(4):
            arriving.intake.arrived(normal, NORMAL_BODY // 4)
            arriving.clock.now += YOUNG_SECONDS / 8
        assert normal not in arriving.ended
        arriving.intake.release(normal)
    for body in hostile:
        arriving.intake.release(body)
    assert arriving.intake.total == 0


def test_small_bodies_of_one_peer_push_out_none_of_another() -> None:
    arriving = Arriving()
    review = arriving.body("api server", 10_000)
    for _ in range(1000):
        arriving.body("a", NORMAL_BODY)
    assert review not in arriving.ended
    assert len(arriving.ended) >= 1000 - PEER_SHARE // NORMAL_BODY


# --- log lines -------------------------------------------------------------------------------------------------------


def line(said: Any) -> logging.LogRecord:
    """A line of the log."""
    return logging.LogRecord("cni_guard", logging.WARNING, "", 0, said, None, None)


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def passed(limit: LogLimit, make: Callable[[int], Any], count: int) -> list[logging.LogRecord]:
    """The lines that are written."""
    return [record for record in map(line, map(make, range(count))) if limit.filter(record)]


def test_lines_of_one_kind_have_a_burst_and_a_rate(clock: Clock) -> None:
    limit = LogLimit(clock)
    assert len(passed(limit, lambda number: {"message": "no review", "reason": f"{number}"}, 1000)) == LINES_BURST
    assert len(passed(limit, lambda _: {"message": "policy loaded"}, 1)) == 1
    clock.now = 1.0
    assert limit.taken() == {"no review": 1000 - LINES_BURST}
    (first, *_) = passed(limit, lambda _: {"message": "no review"}, 1000)
    assert isinstance(first.msg, dict)
    assert first.msg["left_out_before"] == 1000 - LINES_BURST


def test_a_refusal_is_not_left_out_for_many_that_were_allowed(clock: Clock) -> None:
    limit = LogLimit(clock)
    passed(limit, lambda _: {"message": "decision", "allowed": True}, 100_000)
    assert passed(limit, lambda _: {"message": "decision", "allowed": False}, 1)


def test_kinds_of_lines_are_bounded(clock: Clock) -> None:
    limit = LogLimit(clock)
    written = passed(limit, lambda number: f"text {number}", 100_000)
    assert len(written) <= LINE_KINDS + LINES_BURST
    assert sum(Counter(limit.taken()).values()) == 100_000 - len(written)
