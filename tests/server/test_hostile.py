"""Clients that mean harm beside clients that do not: none of the latter goes without an answer."""

import functools
import http.client
import json
import re
import resource
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import PATIENCE, Serve, Served, review, until
from tests.server.hostile import Plan, hostile
from webhook.limits import BODY_LIMIT, CONNECTIONS_LIMIT, NORMAL_BODY, PEER_LIMIT

JSON = {"Content-Type": "application/json"}
OTHERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
MEMORY_LIMIT = 160
"""MiB, whatever is sent."""
HEAD = "POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


def worker(served: Served) -> int:
    """The process that serves."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(served.process.pid)], capture_output=True, check=True)
    return int(found.stdout)


def peak(served: Served) -> int:
    """The most memory that the worker ever had, in MiB."""
    status = Path(f"/proc/{worker(served)}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


class Steady:
    """Requests at a fixed rate, whatever becomes of the earlier ones."""

    def __init__(self, served: Served, *, each_second: int = 20, keep: bool = True, padding: int = 0) -> None:
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self._served = served
        self._pause = 1 / each_second
        self._context = served.context()
        self._keep = keep
        self._kept: list[http.client.HTTPSConnection] = []
        self._body = json.dumps(review("steady")) + " " * padding

    def warm(self, count: int) -> "Steady":
        """Open connections and prove them."""
        self._kept = [self._connect() for _ in range(count)]
        for connection in self._kept:
            self._ask(connection)
        return self

    def run(self, seconds: float) -> "Steady":
        """Send requests for so long."""
        with ThreadPoolExecutor(64) as threads:
            for _ in range(int(seconds / self._pause)):
                threads.submit(self._one)
                time.sleep(self._pause)
        self.close()
        return self

    def probe(self, path: str) -> None:
        """A probe on a connection of its own, as a kubelet sends it."""
        connection = self._connect()
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except OSError as error:
            self.failed.append(f"{path}: {error!r}")
        else:
            if status != 200:
                self.failed.append(f"{path}: {status}")
        finally:
            connection.close()

    def close(self) -> None:
        """Close what was kept."""
        for connection in self._kept:
            connection.close()

    @property
    def p99(self) -> float:
        """Seconds that 99 of 100 answers took at most."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self._served.port, timeout=PATIENCE, context=self._context)

    def _one(self) -> None:
        started = time.perf_counter()
        connection = self._kept.pop() if self._keep and self._kept else self._connect()
        try:
            self._ask(connection)
            self.seconds.append(time.perf_counter() - started)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.failed.append(repr(error))
            connection.close()
            return
        if self._keep:
            self._kept.append(connection)
        else:
            connection.close()

    def _ask(self, connection: http.client.HTTPSConnection) -> None:
        connection.request("POST", "/validate", self._body, JSON)
        response = connection.getresponse()
        assert b'"steady"' in response.read()
        assert response.status == 200


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "new"])
def test_a_flood_from_other_addresses_fails_no_request(serve: Serve, keep: bool) -> None:  # noqa: FBT001
    served = serve()
    with hostile(Plan(served.port, 5000, OTHERS)) as flood:
        steady = Steady(served, keep=keep).run(6)
        flood.wait()
        assert flood.stop() <= CONNECTIONS_LIMIT
    print(f"p99 beside 5,000 hostile connections: {steady.p99 * 1000:.0f} ms")  # noqa: T201 - a benchmark
    assert steady.failed == []
    assert steady.p99 < 5
    assert peak(served) < MEMORY_LIMIT
    assert served.metric('cni_guard_connections_refused_total{reason="peer_limit"}') > 1000


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
    print(f"p99 beside 5,000 hostile connections of its own address: {steady.p99 * 1000:.0f} ms")  # noqa: T201
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
    print(f"p99 beside 40 bodies that trickle: {steady.p99 * 1000:.0f} ms, {peak(served)} MiB")  # noqa: T201
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
    print(f"peak: {peak(served)} MiB")  # noqa: T201
    assert max(map(len, served.lines)) < 5000


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


def test_the_head_of_a_request_has_ten_seconds(served: Served) -> None:
    def closed_after(pieces: list[bytes]) -> float:
        with served.socket() as connection:
            began = time.monotonic()
            connection.settimeout(0.5)
            with suppress(OSError):
                for piece in [*pieces, *[b""] * 40]:
                    if piece:
                        connection.sendall(piece)
                    with suppress(TimeoutError):
                        if connection.recv(100) == b"":
                            break
            return time.monotonic() - began

    head = b"GET /healthz HTTP/1.1\r\nX-Y: " + b"z" * 60
    with ThreadPoolExecutor(2) as clients:
        for seconds in clients.map(closed_after, ([head], [bytes([byte]) for byte in head])):
            assert 9 < seconds < 13


def test_a_part_of_the_next_request_starts_its_time_too(served: Served) -> None:
    body = json.dumps(review("first"))
    with served.socket() as connection:
        connection.sendall((HEAD.format(len(body)) + body + "POST /val").encode())
        answer = b""
        while b'"warnings"' not in answer and b'"allowed"' not in answer:
            answer += connection.recv(2**16)
        began = time.monotonic()
        assert connection.recv(1) == b""
        assert 8 < time.monotonic() - began < 13


def test_a_connection_that_carried_only_a_get_is_closed(served: Served) -> None:
    connection = served.connect()
    try:
        for method, path, body, ending in (
            ("POST", "/validate", json.dumps(review()), "keep-alive"),
            ("GET", "/healthz", None, "keep-alive"),
        ):
            connection.request(method, path, body, JSON)
            response = connection.getresponse()
            response.read()
            assert response.headers["Connection"] == ending
    finally:
        connection.close()
    for path in ("/healthz", "/readyz", "/metrics", "/nowhere", "/validate"):
        assert served.request("GET", path).headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"POST /validate HTTP/1.1\r\nHost: x\r\nExpect: money\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", 501),
        (b"PRI * HTTP/9.9\r\n\r\n", 400),
        (b"\x00\xff\x1b[31m\r\n\r\n", 400),
    ],
)
def test_what_gunicorn_cannot_read_is_answered_in_json(served: Served, sent: bytes, status: int) -> None:
    with served.socket() as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/json" in head
    assert list(json.loads(body)) == ["error"]
    assert len(body) < 500


def test_forged_requests_do_not_flood_the_log(serve: Serve) -> None:
    served = serve()
    connection = served.connect()
    for number in range(1500):
        connection.request("POST", "/validate", json.dumps({"kind": f"x{number}"}), JSON)
        assert connection.getresponse().read()
    connection.close()
    for number in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", served.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n" + str(number).encode())
            plain.recv(100)
    lines: list[Any] = until(lambda: served.logged("refused"), "logging")
    assert sum(lines[0]["log_lines"].values()) > 0
    assert len(served.lines) < 250
