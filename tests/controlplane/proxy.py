"""A kube-proxy for one Service: each new connection goes to the next ready backend, established ones stay."""

import itertools
import socket
import threading
from contextlib import suppress

_CHUNK = 2**16


class Proxy:
    """Forwards TCP connections; without a backend it refuses them, as a Service without endpoints does."""

    def __init__(self, address: str, port: int) -> None:
        """Listen as soon as there is a backend."""
        self.address = address
        self._port = port
        self._backends: list[tuple[str, int]] = []
        self._turn = itertools.count()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def backends(self) -> list[tuple[str, int]]:
        """Where connections go now."""
        return self._backends

    @backends.setter
    def backends(self, backends: list[tuple[str, int]]) -> None:
        with self._lock:
            self._backends = backends
            if backends and self._listener is None:
                self._listener = socket.create_server((self.address, self._port), backlog=128)
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
            elif not backends and self._listener is not None:
                self._drop()

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            self._backends = []
            self._drop()

    def _drop(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        backends = self._backends
        with client, suppress(OSError):
            if not backends:
                return
            with socket.create_connection(backends[next(self._turn) % len(backends)], timeout=5) as backend:
                backend.settimeout(None)
                back = threading.Thread(target=_pump, args=(backend, client), daemon=True)
                back.start()
                _pump(client, backend)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until one side ends, then end the other."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
