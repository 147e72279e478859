"""A proxy in front of the API server that fails some requests: real sockets, real answers for all others."""

import http.client
import http.server
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.controlplane import Cluster

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "host", "accept-encoding"}


class Fault:
    """What is answered in place of the API server; without a status, nothing: the connection breaks."""

    def __init__(self, status: int = 0, headers: dict[str, str] | None = None, *, after: bool = False) -> None:
        """Say what; `after`: the API server gets and does it nevertheless, only its answer is lost."""
        self.status = status
        self.headers = headers or {}
        self.after = after

    @property
    def body(self) -> bytes:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.status, "message": "a fault"}
        return json.dumps(status).encode()


Plan = Callable[[int, str, str], Fault | None]
"""The number of the request (from 0), its method and its path → what goes wrong."""


def nothing(_number: int, _method: str, _path: str) -> Fault | None:
    return None


class Faults:
    """Speaks plain HTTP; asks the API server as the administrator."""

    def __init__(self, cluster: Cluster, plan: Plan = nothing, shift: timedelta = timedelta(0)) -> None:
        """Say what goes wrong, and how far the API server's clock is from ours."""
        self.requests: list[tuple[str, str]] = []
        self.done: Callable[[str, str], None] = lambda _method, _path: None
        """Called after each request that the API server has done, before its answer is passed on."""
        self.plan = plan
        self.shift = shift
        self._cluster = cluster
        self._lock = threading.Lock()

    @property
    def kubeconfig(self) -> Path:
        file = self._cluster.folder / f"faults-{self._server.server_port}.kubeconfig"
        there = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        content = {"clusters": [there], "contexts": [context], "users": [{"name": "u", "user": {}}]}
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **content}))
        return file

    @property
    def environment(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.kubeconfig)}

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if is_write(method, path)]

    def __enter__(self) -> Self:
        faults = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                faults.serve(self)

            def do_POST(self) -> None:
                faults.serve(self)

            def do_PUT(self) -> None:
                faults.serve(self)

            def do_PATCH(self) -> None:
                faults.serve(self)

            def do_DELETE(self) -> None:
                faults.serve(self)

            def log_message(self, _: str, *args: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Fail one request, or pass it on."""
        handler.close_connection = True
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            number = len(self.requests)
            self.requests.append((handler.command, handler.path))
        fault = self.plan(number, handler.command, handler.path)
        if fault is None or fault.after:
            status, headers, answer = self._forward(handler, body)
            self.done(handler.command, handler.path)
        if fault is not None:
            if not fault.status:
                return
            status, headers, answer = fault.status, list(fault.headers.items()), fault.body
        handler.send_response_only(status)
        for name, value in [*headers, ("Date", format_datetime(datetime.now(UTC) + self.shift, usegmt=True))]:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(answer)

    def _forward(
        self, handler: http.server.BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection: http.client.HTTPSConnection = self._cluster.connection()
        try:
            headers: Any = {key: value for key, value in handler.headers.items() if key.lower() not in HOP_BY_HOP}
            connection.request(handler.command, handler.path, body or None, headers)
            response = connection.getresponse()
            kept = [(key, value) for key, value in response.getheaders() if key.lower() not in HOP_BY_HOP]
            return response.status, kept, response.read()
        finally:
            connection.close()


def is_write(method: str, path: str) -> bool:
    return method != "GET" and "dryRun" not in path


def nth(number: int, fault: Fault) -> Plan:
    """Fail one request."""
    return lambda n, _method, _path: fault if n == number else None
