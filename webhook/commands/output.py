"""The one place where commands write: results to stdout, errors to stderr."""

import io
import os
import sys
from typing import Literal

from webhook.printable import clean


class UsageError(Exception):
    """What the caller can mend, in one line that names file, field and the way out; exit code 2."""


def say(text: str) -> None:
    """A result."""
    if sys.stdout:
        sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """One line of an error."""
    if sys.stderr:
        sys.stderr.write(f"cni-guard: {clean(text)}\n")


def stdin() -> io.BufferedIOBase | None:
    """The bytes of stdin; None where it is closed."""
    return sys.stdin.buffer if isinstance(sys.stdin, io.TextIOWrapper) else None


def prepare() -> None:
    """Let no character of an object end the program where the terminal's encoding does not know it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write what is left while errors can still be answered."""
    if sys.stdout:
        sys.stdout.flush()


def abandon() -> None:
    """Nobody reads on (`| head`): let the interpreter's own flush at the end go nowhere."""
    if sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


Color = Literal["auto", "always", "never"]


def has_colors(color: Color) -> bool:
    """Whether to color: where a person at a terminal reads along who did not ask for none (https://no-color.org)."""
    if color != "auto":
        return color == "always"
    is_terminal = bool(sys.stdout) and sys.stdout.isatty()
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns to wrap at: the terminal's, within what can be read."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, AttributeError, ValueError):
        return 100
    return min(max(columns, 60), 120)
