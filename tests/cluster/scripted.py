"""An API server over HTTP that answers by a script: it does what a real one does only rarely."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubernetes.client import Configuration

from webhook.cluster.client import Client

Query = dict[str, str]


class Script:
    """Answers to lists and to watches, each in order; the last answer to a list is repeated.

    Attributes:
        lists: Pages, or a status with its headers.
        watches: What a watch sends before the connection breaks off; None ends it as it should. When there is no more,
            a watch stays silent.
        asked: The parameters of all requests so far.
    """

    def __init__(self, lists: list[Any], watches: list[Any]) -> None:
        self.lists = lists
        self.watches = watches
        self.asked: list[Query] = []
        self.end = threading.Event()

    @property
    def watched(self) -> list[str]:
        """The versions that watches asked for."""
        return [query["resourceVersion"] for query in self.asked if "watch" in query]

    @property
    def listed(self) -> int:
        """How many pages were asked for."""
        return sum("watch" not in query for query in self.asked)


def status(code: int, **headers: str) -> tuple[int, dict[str, str]]:
    """An error."""
    return code, {name.replace("_", "-"): value for name, value in headers.items()}


def page(*names: str, version: str = "10", more: str = "") -> dict[str, Any]:
    """A page of nodes."""
    return {
        "kind": "NodeList",
        "metadata": {"resourceVersion": version, "continue": more},
        "items": [node(name) for name in names],
    }


def node(name: str, version: str = "1", **labels: str) -> dict[str, Any]:
    """A node."""
    return {"metadata": {"name": name, "resourceVersion": version, "labels": labels}}


def event(kind: str, item: dict[str, Any]) -> bytes:
    """An event of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: str) -> bytes:
    """Only the version moves on."""
    return event("BOOKMARK", {"metadata": {"resourceVersion": version}})


GONE = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        self.server.script.asked.append(query)
        if "watch" in query:
            self._watch()
        else:
            self._whole(
                self.server.script.lists.pop(0) if len(self.server.script.lists) > 1 else self.server.script.lists[0]
            )

    def _watch(self) -> None:
        answer = self.server.script.watches.pop(0) if self.server.script.watches else b""
        is_silent = answer == b""
        if isinstance(answer, tuple):
            self._whole(answer)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if answer:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(answer), answer))
        if is_silent:
            self.server.script.end.wait(30)
        if answer is None:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _whole(self, answer: Any) -> None:
        code, headers = answer if isinstance(answer, tuple) else (200, {})
        body = json.dumps({"message": "by the script"} if isinstance(answer, tuple) else answer).encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(script: Script) -> Iterator[Client]:
    """A client of a server that follows the script."""
    server = _Server(script)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Client(Configuration(host=f"http://127.0.0.1:{server.server_port}"))
    finally:
        script.end.set()
        server.shutdown()
        server.server_close()
