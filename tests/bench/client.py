"""A client that costs less than any server: bytes made beforehand, raw TLS sockets, one loop over all of them."""

import re
import selectors
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Self

from tests.bench.served import HOST, cpu

ALLOWED = b'"allowed":true'
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class BenchError(Exception):
    """An answer was not what it must be, or did not come."""


@dataclass(frozen=True)
class Job:
    """What to send, to whom, how many at a time and for how long."""

    port: int
    worker: int
    ca: str
    request: bytes
    clients: int
    seconds: float


@dataclass
class Load:
    """What came of it: how long each request took, how long all did, and how long client and server worked."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    busy: float = 0.0
    server_cpu: float = 0.0

    @classmethod
    def sum(cls, rounds: Iterable[Self]) -> Self:
        """Put several rounds together."""
        total = cls()
        for one in rounds:
            total.latencies += one.latencies
            total.seconds += one.seconds
            total.busy += one.busy
            total.server_cpu += one.server_cpu
        return total


def post(path: str, body: bytes) -> bytes:
    """Make the request that an API server would send."""
    head = (
        f"POST {path}?timeout=3s HTTP/1.1\r\nHost: cni-guard.cni-guard.svc:8443\r\n"
        "User-Agent: kube-apiserver-admission\r\nAccept: application/json, */*\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run(job: Job) -> Load:
    """Keep every connection busy until the time is up; raise BenchError at the first wrong answer."""
    context = ssl.create_default_context(cafile=job.ca)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        sockets = [stack.enter_context(_connected(job, context)) for _ in range(job.clients)]
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
            _ask(one, job.request)  # warm: tickets of TLS are read, and all code on the way has run
        return _measure(job, selector, sockets)


def _measure(job: Job, selector: selectors.DefaultSelector, sockets: list[ssl.SSLSocket]) -> Load:
    load = Load()
    worked, server_worked, began = time.process_time(), cpu(job.worker), time.perf_counter()
    sent = {one: _send(one, job.request) for one in sockets}
    while sent:
        for key, _ in selector.select():
            one: ssl.SSLSocket = key.fileobj  # type: ignore[assignment] # what was registered
            _receive(one)
            now = time.perf_counter()
            load.latencies.append(now - sent.pop(one))
            if now - began < job.seconds:
                sent[one] = _send(one, job.request)
    load.seconds = time.perf_counter() - began
    load.busy = time.process_time() - worked
    load.server_cpu = cpu(job.worker) - server_worked
    return load


@contextmanager
def _connected(job: Job, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with socket.create_connection((HOST, job.port), timeout=10) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(raw, server_hostname=HOST) as one:
            yield one


def _ask(one: ssl.SSLSocket, request: bytes) -> None:
    one.sendall(request)
    _receive(one)


def _send(one: ssl.SSLSocket, request: bytes) -> float:
    """Send, and return when that began."""
    now = time.perf_counter()
    one.sendall(request)
    return now


def _receive(one: ssl.SSLSocket) -> None:
    """Read one whole answer."""
    answer = one.recv(65536)
    while not _is_whole(answer):
        more = one.recv(65536)
        if not more:
            raise BenchError(f"the connection was closed; it had said {answer[:200]!r}")
        answer += more
    if not answer.startswith(b"HTTP/1.1 200 ") or ALLOWED not in answer:
        raise BenchError(f"it answered {answer[:600]!r}")


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = _LENGTH.search(head)
    if length is None:
        raise BenchError(f"an answer without its length: {head[:200]!r}")
    return len(body) >= int(length[1])
