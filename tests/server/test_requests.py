"""Requests that are slow, broken or forged, and what becomes of the connections that carried them."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.server.conftest import Serve, Served, review, until
from tests.server.steady import HEAD, JSON


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
