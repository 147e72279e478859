"""Runs the steps in a shell, shows what a person would see, and holds each against what was promised."""

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.demo.screen import BOLD, CYAN, echo, say
from tests.demo.step import Step

STEP_SECONDS = 60
"""A command that takes longer is ended, and its step has failed."""

Shell = subprocess.Popen[str]


class NotAsToldError(Exception):
    """A step did not end as the demo says it does."""


class Runner:
    """A shell in a folder of its own, with the programs of the demo first on PATH."""

    def __init__(self, folder: Path, programs: Mapping[str, Path], variables: Mapping[str, str] | None = None) -> None:
        """Make the folder of programs; `variables` are those that the commands need beside it."""
        self.counts: Counter[str] = Counter()
        self._folder = folder
        bin_folder = folder / ".bin"
        bin_folder.mkdir()
        for name, program in programs.items():
            (bin_folder / name).symlink_to(program)
        # kubectl speaks the user's language where it knows it, and the demo reads what it says.
        own = {"PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "LC_ALL": "C.UTF-8"}
        self._environment = {**os.environ, **own, **(variables or {})}

    def walk(self, steps: Iterable[Step]) -> None:
        """Take the steps, one after the other; raise NotAsToldError at the first that goes astray."""
        for step in steps:
            say(f"\n# {step.wish}", CYAN)
            say(f"$ {step.command}", BOLD)
            objections = list(step.objections(*self._run(step.command)))
            if objections:
                raise NotAsToldError(f"`{step.command}` did not end as told: {'; '.join(objections)}")
            self.counts[step.outcome] += 1

    def _run(self, command: str) -> tuple[int, str]:
        """Run a command line, and show its output while it comes."""
        lines = []
        with self._shell(command) as shell:
            assert shell.stdout
            for line in shell.stdout:
                echo(line)
                lines.append(line)
            code = shell.wait()
        return code, "".join(lines)

    @contextmanager
    def _shell(self, command: str) -> Iterator[Shell]:
        """Start a shell with what it starts as one group, which ends with us or when its time is up."""
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        ) as shell:
            limit = threading.Timer(STEP_SECONDS, _kill, [shell])
            limit.start()
            try:
                yield shell
            finally:
                limit.cancel()
                _kill(shell)


def _kill(shell: Shell) -> None:
    """End what still runs of the group."""
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
