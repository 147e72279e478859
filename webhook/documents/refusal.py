"""Why a text gives no document, and the bounds that each text is held to."""

from dataclasses import dataclass
from typing import Literal

MAX_CHARACTERS = 16 * 1024 * 1024
"""The whole text; an object may have 3 MiB at the API server, and a file holds several."""

MAX_DEPTH = 100
"""Collections within collections. The deepest field of a DaemonSet lies 15 deep."""

MAX_NODES = 500_000
"""Values of one document once its aliases are expanded: what stops a "billion laughs"."""


Unfit = Literal["broken", "template", "foreign", "patch"]
"""Why a document is not evaluated.

``broken``    it is not what its author meant it to be: neither YAML nor JSON, or an object without its parts
``template``  another tool has yet to complete it
``foreign``   it is in order, and not a Kubernetes object: a values file, a workflow
``patch``     it changes an object that is written elsewhere
"""


class DocumentError(Exception):
    """A text, or one document of it, that cannot be read: for a person, with its place."""

    def __init__(self, reason: str, line: int, column: int, unfit: Unfit = "broken") -> None:
        """Keep the reason (no full stop, no place in it) and where it was found, both counted from 1."""
        super().__init__(reason, line, column)
        self.reason = reason
        self.line = line
        self.column = column
        self.unfit = unfit

    def __str__(self) -> str:
        """``line 3, column 1: a TAB indents this line; …``."""
        return f"line {self.line}, column {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a part of it, that was not judged: never passed over in silence."""

    file: str
    reason: str
    line: int = 1
    fatal: bool = True
    """It had to be judged: the file was named, or its text speaks of the kinds that the guard knows."""


def has_surrogate(text: str) -> bool:
    """Whether half a surrogate pair stands alone in it: such a string is no Unicode text and can not be sent."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
