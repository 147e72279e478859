"""Output of all commands: results to stdout, errors to stderr."""

import io
import os
import sys
from typing import Literal

from webhook.printable import clean


class UsageError(Exception):
    """Errors that the caller can fix, one line each: the file, the field and what to do. Exit code 2."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The errors."""
        return tuple(map(str, self.args))


def say(text: str) -> None:
    """Print a result."""
    if sys.stdout:
        sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """Print an error on one line."""
    if sys.stderr:
        sys.stderr.write(f"cni-guard: {clean(text)}\n")


def stdin() -> io.BufferedIOBase | None:
    """Stdin as bytes; None if it is closed."""
    return sys.stdin.buffer if isinstance(sys.stdin, io.TextIOWrapper) else None


def prepare() -> None:
    """Escape characters that the encoding of the terminal lacks; they would otherwise raise an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Flush stdout while its errors can still set the exit code."""
    if sys.stdout:
        sys.stdout.flush()


def abandon() -> None:
    """Discard what is left after the reader is gone (`| head`): the flush at exit would fail again."""
    if sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


Color = Literal["auto", "always", "never"]


def has_colors(color: Color) -> bool:
    """Whether to color; `auto` colors on a terminal unless NO_COLOR is set (https://no-color.org)."""
    if color != "auto":
        return color == "always"
    is_terminal = bool(sys.stdout) and sys.stdout.isatty()
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns to wrap at: those of the terminal, but at least 60 and at most 120; 100 if it is not a terminal."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, AttributeError, ValueError):
        return 100
    return min(max(columns, 60), 120)
