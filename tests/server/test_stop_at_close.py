"""SIGTERM among connections that are being opened: each connection that is taken gets an answer."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.server.conftest import Serve, Served

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CLIENTS = 4


class Openers:
    """Clients that open one connection after the other, until the port is closed."""

    def __init__(self, served: Served, pause: float) -> None:
        self.answered = 0
        self.unanswered: list[str] = []
        self._served = served
        self._pause = pause
        self._ended = threading.Event()

    def run(self, _: int) -> None:
        """Open connections; a refused one is the end, and no fault."""
        while not self._ended.is_set():
            try:
                connection = self._served.socket()
            except ConnectionRefusedError:
                return
            except OSError as error:
                self.unanswered.append(f"handshake: {error!r}")
                continue
            time.sleep(self._pause)
            self._ask(connection)

    def end(self) -> None:
        """Open no more."""
        self._ended.set()

    def _ask(self, connection: object) -> None:
        with connection:  # type: ignore[attr-defined]
            said: object = b""
            with suppress(OSError):
                connection.sendall(REQUEST)  # type: ignore[attr-defined]
                said = connection.recv(4096)  # type: ignore[attr-defined]
            if isinstance(said, bytes) and said.startswith(b"HTTP/1.1 200 "):
                self.answered += 1
            else:
                self.unanswered.append(repr(said))


def test_no_connection_that_was_taken_is_left_without_an_answer(serve: Serve) -> None:
    for pause in (0.0, 0.05):
        served = serve()
        openers = Openers(served, pause)
        with ThreadPoolExecutor(CLIENTS) as clients:
            running = [clients.submit(openers.run, number) for number in range(CLIENTS)]
            time.sleep(0.3)
            served.process.send_signal(signal.SIGTERM)
            assert served.wait() == 0
            openers.end()
            for one in running:
                one.result()
        assert openers.answered > CLIENTS
        assert openers.unanswered == []
        assert served.errors == []
