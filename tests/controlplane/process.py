"""A program in the background that does not outlive us."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

LINES_OF_LOG = 15
# Asks the kernel to kill the program when its parent ends, however that is, and becomes the program. It runs between
# fork and exec as a program of its own, since Python code there (`preexec_fn`) can deadlock where there are threads.
DIE_WITH_PARENT = """
import ctypes, os, sys
PR_SET_PDEATHSIG, SIGKILL = 1, 9
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class DiedError(Exception):
    """A program of the control plane ended by itself; the message quotes the end of its log."""


class Process:
    """A running program with its log in a file; the end of the `with` block is its end.

    Start it in a thread that lives as long as the program may: the kernel ends it with that thread.
    """

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        """Start the program in a process group of its own, so that Ctrl-C reaches us alone and we end it in order."""
        self.name = Path(command[0]).name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def __enter__(self) -> Self:
        """Return the running program."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Kill the whole group at once: nothing that it knows is of use afterwards."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def check(self) -> None:
        """Raise `DiedError` unless the program runs."""
        if self._process.poll() is not None:
            raise DiedError(f"{self.name} ended with {self._process.returncode}; its log ends:\n{self.tail()}")

    def tail(self, lines: int = LINES_OF_LOG) -> str:
        """Quote the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
