"""Why a text is not evaluated, and the limits on its size."""

from dataclasses import dataclass
from typing import Literal

MAX_CHARACTERS = 16 * 1024 * 1024
"""Limit on the whole text. The API server accepts 3 MiB an object, and a file can hold several."""

MAX_DEPTH = 100
"""Limit on nested collections. The deepest field of a DaemonSet has a depth of 15."""

MAX_NODES = 500_000
"""Limit on the values of one document after its aliases are expanded: stops a "billion laughs"."""


Unfit = Literal["broken", "template", "foreign", "patch"]
"""Why a document is not evaluated.

``broken``    neither YAML nor JSON, or an object that lacks required fields
``template``  a template that another tool renders
``foreign``   valid, but not a Kubernetes object: a values file, a workflow
``patch``     a change to an object that another file defines
"""


class DocumentError(Exception):
    """A text, or one document of it, that cannot be parsed or evaluated; with a position."""

    def __init__(self, reason: str, line: int, column: int, unfit: Unfit = "broken") -> None:
        """Create the error.

        Args:
            reason: What is wrong, for a person; without a full stop and without the position.
            line: The line, counted from 1.
            column: The column, counted from 1.
            unfit: The category of the reason.
        """
        super().__init__(reason, line, column)
        self.reason = reason
        self.line = line
        self.column = column
        self.unfit = unfit

    def __str__(self) -> str:
        """``line 3, column 1: REASON``."""
        return f"line {self.line}, column {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a document of it, that was not evaluated; always reported, never skipped silently."""

    file: str
    reason: str
    line: int = 1
    fatal: bool = True
    """Whether it had to be evaluated: the file was named, or its text mentions the CNI."""


def has_surrogate(text: str) -> bool:
    """Whether the text has an unpaired surrogate: it is not valid Unicode and cannot be encoded as UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
