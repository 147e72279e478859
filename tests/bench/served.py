"""A webhook server on a loopback port of its own, over TLS."""

import http.client
import os
import re
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from certs.authority import make_ca, make_leaf
from tests.controlplane.process import Process

GUARD: Sequence[str | Path] = (Path(sys.executable).with_name("cni-guard"), "serve")
"""The command of the shipped server."""

HOST = "127.0.0.1"
START_SECONDS = 20
_LISTENING = re.compile(r"Listening at: https://[\d.]+:(\d+)")
_WORKER = re.compile(r"Booting worker with pid: (\d+)")


@dataclass(frozen=True)
class Tls:
    """The files of a certificate for this machine, and the CA that signed it."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def made_in(cls, folder: Path) -> Self:
        """Make a CA and what it signs, for a day."""
        now, day = datetime.now(UTC), timedelta(days=1)
        ca = make_ca(now, day)
        leaf = make_leaf(ca, ("localhost", HOST), now, day)
        files = cls(folder / "ca.crt", folder / "tls.crt", folder / "tls.key")
        files.ca.write_bytes(ca.certificate_pem)
        files.certificate.write_bytes(leaf.certificate_pem)
        files.key.write_bytes(leaf.key_pem)
        return files


class Served:
    """A server with the flags of `cni-guard serve`, as long as a `with` block."""

    def __init__(self, command: Sequence[str | Path], tls: Tls, log: Path, *flags: str | Path) -> None:
        """Say what to serve, and with which further flags."""
        pair = ("--tls-cert", tls.certificate, "--tls-key", tls.key)
        self._command = [*command, "--bind", f"{HOST}:0", *pair, *flags]
        self._tls = tls
        self._log = log
        self._stop = ExitStack()

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        with ExitStack() as stack:
            self._process = stack.enter_context(Process(self._command, self._log))
            self.port = self._said(_LISTENING)
            self._wait_until_it_answers()
            self.worker = self._said(_WORKER)
            self._stop = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self._stop.close()

    def context(self) -> ssl.SSLContext:
        """Make the context of a client that trusts its CA alone."""
        return ssl.create_default_context(cafile=str(self._tls.ca))

    def memory(self) -> float:
        """Read how many MiB of memory its worker holds (resident set)."""
        status = Path("/proc", str(self.worker), "status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def _said(self, pattern: re.Pattern[str]) -> int:
        """Wait for a number in its log."""
        end = time.monotonic() + START_SECONDS
        while not (found := pattern.search(self._log.read_text(errors="replace"))):
            self._wait_a_little(end)
        return int(found[1])

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            self._wait_a_little(end)

    def _answers(self) -> bool:
        connection = http.client.HTTPSConnection(HOST, self.port, context=self.context(), timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _wait_a_little(self, end: float) -> None:
        self._process.check()
        if time.monotonic() > end:
            raise TimeoutError(f"no answer in {START_SECONDS} seconds; the log ends:\n{self._process.tail()}")
        time.sleep(0.02)


def cpu(process: int) -> float:
    """Read how many seconds of a processor a process has taken so far, in ticks of 10 ms."""
    # After the name in parentheses, which may have spaces: state, …, utime, stime (proc_pid_stat(5)).
    fields = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
