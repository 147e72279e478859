"""What the demo prints, with colours where there is somebody to see them."""

import os
import re
import sys

BOLD, CYAN, GREEN, RED, YELLOW = "1", "36", "32", "31", "33"
WIDEST = 1200
"""kubectl quotes the whole patch of a refused apply in one line of 11,000 characters: longer lines are cut."""
SHOWN = 100

_WARNING = re.compile(r"^Warning: |: warn ")
_ERROR = re.compile(r"^[Ee]rror|denied the request|: deny ")


def has_colours() -> bool:
    """Only a terminal has, and only where nobody said that he wants none."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def say(text: str, *colours: str) -> None:
    """Print at once: who watches should see each step when it happens."""
    start = "".join(f"\x1b[{colour}m" for colour in colours) if has_colours() else ""
    sys.stdout.write(f"{start}{text}{chr(27) + '[0m' if start else ''}\n")
    sys.stdout.flush()


def echo(line: str) -> None:
    """Print a line that a command printed, cut where nobody would read it."""
    text = line.rstrip("\n")
    if len(text) > WIDEST:
        text = f"{text[:SHOWN]}… [{len(text) - SHOWN} more characters, left out by the demo]"
    if _ERROR.search(text):
        say(text, RED)
    elif _WARNING.search(text):
        say(text, YELLOW)
    else:
        say(text)
