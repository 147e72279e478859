"""What is said while something takes its time."""

import sys
from collections.abc import Callable

Progress = Callable[[str], None]


class UnavailableError(Exception):
    """The programs of the control plane are not here and can not be built: one line says why."""


def on_stderr(message: str) -> None:
    """Show the message in the line of the one before on a terminal, in a line of its own elsewhere."""
    start, end = ("\r\x1b[K", "") if sys.stderr.isatty() and message.endswith(" s") else ("", "\n")
    sys.stderr.write(f"{start}{message}{end}")
    sys.stderr.flush()
