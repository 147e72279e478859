"""What stands behind the Service in most tests: TLS with the Secret's certificate, and the answer to a canary."""

import base64
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from certs.renewal import CERTIFICATE, KEY
from certs.resources import ENDPOINT_SLICE, SECRET
from tests.certs.world import PORT, SECRET_NAME, World, slice_name
from tests.controlplane.network import published
from tests.controlplane.pki import Credential


class Echo:
    """A replica that is ready, at the Service's address; each new connection shows what the Secret holds then."""

    def __init__(
        self,
        world: World,
        *,
        shows: Credential | None = None,
        endpoints: Collection[str] = ("mutate", "validate"),
        address: str = "",
        listed: bool = True,
    ) -> None:
        """Say where, and what.

        Args:
            world: the place.
            shows: another certificate than the Secret's.
            endpoints: the endpoints that answer a canary.
            address: of another replica than the one that the API server reaches.
            listed: whether it has an EndpointSlice.

        """
        self.address = address or world.address
        self.slice = slice_name(published(self.address)) if listed else ""
        self.asked: list[str] = []
        self.endpoints = endpoints
        self.shows = shows
        self._world = world
        self._reader = world.cluster.connection()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        echo = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(echo.answer(self.path, review)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, _: str, *args: object) -> None:
                """Say nothing."""

        self._server = Server((self.address, PORT), Handler, self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        if self.slice:
            self._world.listen(published(self.address))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.slice:
            self._world.delete(ENDPOINT_SLICE, self.slice)
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        self._reader.close()

    def context(self) -> ssl.SSLContext:
        """The certificate to show to whoever connects now."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with self._lock:
            shown = self.shows or self._secret()
            file = self._world.folder / f"echo-{self.address}.pem"
            file.write_bytes(shown.certificate + shown.key)
            context.load_cert_chain(file)
        return context

    def _secret(self) -> Credential:
        self._reader.request("GET", SECRET.path(self._world.namespace, SECRET_NAME))
        found: dict[str, Any] = json.loads(self._reader.getresponse().read())
        if "data" not in found:
            raise OSError("there is no Secret: the pod would not have started")
        return Credential(base64.b64decode(found["data"][CERTIFICATE]), base64.b64decode(found["data"][KEY]))

    def answer(self, path: str, review: dict[str, Any]) -> dict[str, Any]:
        request, endpoint = review["request"], path.split("?", maxsplit=1)[0].removeprefix("/")
        nonce = request["object"]["metadata"].get("annotations", {}).get("cni-guard.dev/canary")
        self.asked.append(f"{endpoint} {nonce}")
        response: dict[str, Any] = {"uid": request["uid"], "allowed": endpoint != "deny"}
        if endpoint == "deny":
            response["status"] = {"code": 403, "message": "not by me"}
        if nonce and endpoint in self.endpoints:
            response["warnings"] = [f"cni-guard canary {nonce} answered at {endpoint}"]
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


class Server(http.server.ThreadingHTTPServer):
    """Speaks TLS in the thread of each connection, and ends its connections when it ends, as a process would."""

    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type[http.server.BaseHTTPRequestHandler], echo: Echo) -> None:
        self._open: set[socket.socket] = set()
        self._handler = handler
        self._echo = echo
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._echo.context().wrap_socket(request, server_side=True) as secured:
            self._open.add(secured)
            self._handler(secured, client_address, self)
            self._open.discard(secured)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not like the certificate is what some tests want."""

    def hang_up(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):  # it ended meanwhile
                connection.shutdown(socket.SHUT_RDWR)
