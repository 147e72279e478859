"""A client that means harm: it opens many connections from loopback addresses, says little on them and holds them.

It runs as a process of its own, so that its work is not counted as the time of an answer: ``python hostile.py PLAN``.
"""

import json
import resource
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

OPENERS = 8
"""Threads that open connections: enough to keep one core busy."""

PATIENCE = 10
"""Seconds that opening one connection may take."""


@dataclass(frozen=True)
class Plan:
    """What to do to a server on loopback."""

    port: int
    count: int
    """Connections in all."""
    addresses: tuple[str, ...] = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
    """Where they come from, in turn."""
    tls: bool = True
    """Whether to shake hands."""
    says: str = ""
    """What each connection sends when it is open."""
    large: int = 0
    """Bytes of blanks that it sends after that."""
    piece: str = ""
    """What each sends again and again."""
    every: float = 0.2
    """Seconds between two pieces."""
    again: bool = False
    """Whether what was closed is opened again."""


class Hostile:
    """The connections of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.open: list[socket.socket] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def connect(self, address: str) -> None:
        """Open one connection and say what is to be said; a refusal is fine."""
        with suppress(OSError):
            plain = socket.create_connection(("127.0.0.1", self.plan.port), PATIENCE, (address, 0))
            if not self.plan.tls:
                self.open.append(plain)
                return
            wrapped = self._context.wrap_socket(plain)
            wrapped.sendall(self.plan.says.encode())
            wrapped.settimeout(0)
            self.open.append(wrapped)
            with suppress(ssl.SSLWantWriteError):
                sent = 0
                while sent < self.plan.large:
                    sent += wrapped.send(b" " * min(2**16, self.plan.large - sent))

    def connect_all(self) -> None:
        """Open as many as planned."""
        with ThreadPoolExecutor(OPENERS) as openers:
            list(openers.map(self.connect, islice(cycle(self.plan.addresses), self.plan.count)))

    def trickle(self) -> None:
        """Send a piece on each connection, and open again what is closed where the plan says so."""
        for connection in list(self.open):
            try:
                connection.send(self.plan.piece.encode())
            except (ssl.SSLWantWriteError, BlockingIOError):
                pass
            except OSError:
                self.open.remove(connection)
                connection.close()
        if self.plan.again and (missing := self.plan.count - len(self.open)) > 0:
            with ThreadPoolExecutor(OPENERS) as openers:
                list(openers.map(self.connect, islice(cycle(self.plan.addresses), missing)))

    def alive(self) -> int:
        """How many the server has not closed."""
        return sum(map(_alive, self.open))


def _alive(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        while data := connection.recv(2**16):
            if data.startswith(b"HTTP/1.1 "):
                return False
    except (ssl.SSLWantReadError, BlockingIOError):
        return True
    except OSError:
        pass
    return False


class Running:
    """A hostile process, seen from the test."""

    def __init__(self, plan: Plan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), json.dumps(asdict(plan))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Wait until all were opened, or refused."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "open\n"

    def stop(self) -> int:
        """End it; how many connections the server had left open."""
        return int(self._process.communicate("", timeout=60)[0].split()[-1])

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def hostile(plan: Plan) -> Iterator[Running]:
    """A hostile process for the time of a block."""
    running = Running(plan)
    try:
        yield running
    finally:
        running.kill()


def main(plan: Plan) -> None:
    """Open, hold until stdin is closed, and print how many are left."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384), most))
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    attack = Hostile(plan)
    attack.connect_all()
    _tell("open")  # the other process waits for it
    while not ended.wait(plan.every):
        if plan.piece or plan.again:
            attack.trickle()
    _tell(str(attack.alive()))


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    main(Plan(**{**given, "addresses": tuple(given["addresses"])}))
