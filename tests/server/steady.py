"""Requests at a fixed rate beside whatever a test does, and what the worker needs meanwhile."""

import http.client
import json
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.server.conftest import PATIENCE, Served, review

JSON = {"Content-Type": "application/json"}
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
