"""Clients that mean harm beside clients that do not: none of the latter goes without an answer."""

import functools
import json
import os
import resource
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.server.conftest import Serve, Served, review, until
from tests.server.hostile import Plan, hostile
from tests.server.steady import HEAD, Steady, peak, worker
from webhook.limits import BODY_LIMIT, CONNECTIONS_LIMIT, NORMAL_BODY, PEER_LIMIT, PEER_SHARE

OTHERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
MEMORY_LIMIT = 160
"""MiB, whatever is sent."""


SLOWEST = 0.1
"""Seconds that 99 of 100 answers take at most beside a flood."""
WIDEST = 20
"""Or so many times what they take without one, on a machine that does other things."""


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "new"])
def test_a_flood_from_other_addresses_fails_no_request(serve: Serve, keep: bool) -> None:
    served = serve()
    quiet = Steady(served, keep=keep).run(3)
    with hostile(Plan(served.port, 5000, OTHERS)) as flood:
        steady = Steady(served, keep=keep).run(6)
        flood.wait()
        assert flood.stop() <= CONNECTIONS_LIMIT
    p99 = f"{quiet.p99 * 1000:.0f} ms, {steady.p99 * 1000:.0f} ms beside 5,000 hostile connections"
    sys.stdout.write(f"p99: {p99}\n")
    assert steady.failed == []
    assert steady.p99 < max(SLOWEST, WIDEST * quiet.p99), p99
    assert peak(served) < MEMORY_LIMIT
    assert served.metric('cni_guard_connections_refused_total{reason="peer_limit"}') > 1000


def test_a_burst_waits_to_be_accepted(serve: Serve) -> None:
    served = serve()
    burst = min(2000, int(Path("/proc/sys/net/core/somaxconn").read_text()) // 2)
    with ExitStack() as opened:
        os.kill(worker(served), signal.SIGSTOP)
        try:
            for number in range(burst):
                address = (OTHERS[number % len(OTHERS)], 0)
                opened.enter_context(socket.create_connection(("127.0.0.1", served.port), 0.9, address))
        finally:
            os.kill(worker(served), signal.SIGCONT)
        assert served.review(review("behind"))["uid"] == "behind"


def test_a_flood_from_the_same_address_stops_neither_what_is_connected_nor_the_probes(serve: Serve) -> None:
    served = serve()
    steady = Steady(served).warm(10)
    with hostile(Plan(served.port, 5000, ("127.0.0.1",), again=True, every=0.1)) as flood:
        running = threading.Thread(target=steady.run, args=(6,))
        running.start()
        probes = 0
        while running.is_alive():
            steady.probe(("/healthz", "/readyz")[probes % 2])
            probes += 1
            time.sleep(0.2)
        running.join()
        flood.wait()
    sys.stdout.write(f"p99 beside 5,000 hostile connections of its own address: {steady.p99 * 1000:.0f} ms\n")
    assert steady.failed == []
    assert probes > 5
    assert peak(served) < MEMORY_LIMIT


def test_what_was_refused_is_one_line_and_a_metric(serve: Serve) -> None:
    served = serve()
    with hostile(Plan(served.port, PEER_LIMIT + 150, ("127.0.0.2",))) as flood:
        flood.wait()
        (line,) = until(lambda: served.logged("refused"), "logging")
        assert flood.stop() == PEER_LIMIT
    assert line["most_from"] == "127.0.0.2"
    assert line["connections"]["peer_limit"] > 0
    assert served.metric('cni_guard_connections_refused_total{reason="peer_limit"}') == 150
    assert len(served.logged("refused")) == 1


def test_what_only_connects_is_counted_before_any_handshake(serve: Serve) -> None:
    served = serve()
    with hostile(Plan(served.port, PEER_LIMIT * 2, ("127.0.0.2",), tls=False)) as flood:
        flood.wait()
        assert served.metric('cni_guard_connections_refused_total{reason="peer_limit"}') == PEER_LIMIT
        assert served.review(review("beside"))["uid"] == "beside"


@pytest.mark.parametrize("size", [0, NORMAL_BODY - 10_000], ids=["small", "normal"])
def test_bodies_that_trickle_from_one_address_stop_no_review_from_another(serve: Serve, size: int) -> None:
    served = serve()
    plan = Plan(
        served.port, 40, ("127.0.0.2",), says=HEAD.format(BODY_LIMIT), large=BODY_LIMIT - 2**17, piece=" ", again=True
    )
    with hostile(plan) as flood:
        flood.wait()
        steady = Steady(served, padding=size).run(4)
    sys.stdout.write(f"p99 beside 40 bodies that trickle: {steady.p99 * 1000:.0f} ms, {peak(served)} MiB\n")
    assert steady.failed == []
    assert served.metric('cni_guard_http_errors_total{status="503"}') > 0
    assert peak(served) < MEMORY_LIMIT


def test_a_size_that_is_only_declared_takes_no_room(serve: Serve) -> None:
    served = serve()
    with hostile(Plan(served.port, 200, ("127.0.0.2",), says=HEAD.format(BODY_LIMIT) + "{")) as flood:
        flood.wait()
        assert served.metric('cni_guard_http_errors_total{status="503"}') == 0
        assert served.review(review("beside"))["uid"] == "beside"


def test_a_request_that_gives_way_is_told_so(serve: Serve) -> None:
    served = serve()
    senders = [served.socket() for _ in range(3)]
    for sender in senders:
        sender.sendall(HEAD.format(BODY_LIMIT).encode() + b" " * (BODY_LIMIT - 2**20))
    answers = b""
    for sender in senders:
        sender.settimeout(0.5)
        with suppress(TimeoutError, ssl.SSLError):
            while piece := sender.recv(2**16):
                answers += piece
        sender.close()
    assert answers.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1\r\n" in answers
    assert b"Connection: close\r\n" in answers
    assert b'{"error":"' in answers


def dense() -> Iterator[tuple[str, bytes]]:
    """Bodies that take most once they are built, and those that take most before."""
    sent = json.dumps(review("dense"), separators=(",", ":")).replace('"metadata":{', '"metadata":{"managedFields":[],')
    for name, entry in (("envs", '{"name":""}'), ("maps", '{"k%d":0}'), ("names", '"%d"'), ("lists", "[0]")):
        for count in (195_000, 400_000):
            entries = ",".join(entry % number if "%" in entry else entry for number in range(count))
            yield f"{name}-{count}", sent.replace('"managedFields":[]', f'"managedFields":[{entries}]').encode()
    yield "blanks", sent.encode() + b" " * (BODY_LIMIT - len(sent))
    yield "backslashes", sent.replace('"ann"', '"' + "\\\\" * 3_400_000 + '"').encode()
    yield "quotes", sent.replace('"ann"', '"' + '\\"' * 3_400_000 + '"').encode()
    yield "uid", sent.replace('"dense"', '"' + "u" * 6_000_000 + '"').encode()
    yield (
        "duplicates",
        sent.replace('"managedFields":[]', '"managedFields":[' + '{"a":1,"a":1},' * 100_000 + "0]").encode(),
    )
    yield "brackets", b"[" * BODY_LIMIT


def test_no_body_takes_more_memory_than_there_is(serve: Serve) -> None:
    served = serve()
    silent = Plan(served.port, CONNECTIONS_LIMIT, OTHERS)
    slow = Plan(
        served.port, 40, ("127.0.0.6",), says=HEAD.format(BODY_LIMIT), large=BODY_LIMIT - 2**17, piece=" ", again=True
    )
    with hostile(silent) as first, hostile(slow) as second:
        first.wait()
        second.wait()
        for name, body in dense():
            with ThreadPoolExecutor(3) as clients:
                for status in clients.map(functools.partial(status_of, served), [body] * 3):
                    assert status in {200, 400, 503}, name
            assert peak(served) < MEMORY_LIMIT, name
    sys.stdout.write(f"peak: {peak(served)} MiB\n")
    assert max(map(len, served.lines)) < 5000


def test_large_bodies_are_read_side_by_side_but_evaluated_one_after_the_other(serve: Serve) -> None:
    served = serve()
    body = next(body for name, body in dense() if name == "maps-195000")
    assert NORMAL_BODY < len(body) < PEER_SHARE // 3
    asked = [served.socket() for _ in range(3)]
    for sender in asked:
        sender.sendall(HEAD.format(len(body)).encode() + body[:-1])
    for sender in asked:
        sender.sendall(body[-1:])
    for sender in asked:
        assert sender.recv(2**16).startswith(b"HTTP/1.1 200 ")
        sender.close()
    decisions = until(lambda: len(found := served.logged("decision")) == 3 and found, "logging")
    times = [(datetime.fromisoformat(one["timestamp"]).timestamp(), one["duration_ms"] / 1000) for one in decisions]
    assert min(took for _, took in times) > 0.02, "it takes too little to tell"
    for (ended, _), (later, took) in pairwise(times):
        assert later - took > ended - took / 4


def status_of(served: Served, body: bytes) -> int:
    """What a review of this body gets."""
    return served.request("POST", "/validate", body, Content_Type="application/json").status


def test_few_open_files_are_room_for_a_guard_too(serve: Serve) -> None:
    served = serve()
    few = len(list(Path(f"/proc/{worker(served)}/fd").iterdir())) + 30
    resource.prlimit(worker(served), resource.RLIMIT_NOFILE, (few, few))
    with hostile(Plan(served.port, 200, OTHERS)) as flood:
        flood.wait()
        steady = Steady(served).run(2)
    assert steady.failed == []
    assert served.metric('cni_guard_connections_refused_total{reason="descriptors"}') > 0
    assert served.errors == []
