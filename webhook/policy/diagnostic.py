"""What is wrong with a policy file, or will be, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from webhook.model import Path, Position
from webhook.printable import clean

Severity = Literal["error", "warning"]

MOST = 20
"""Errors of one file that are reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """An error or a warning about one key of a policy file."""

    file: str
    path: Path
    """The key or the item of a list; empty for the whole policy."""
    place: Position
    """Where the key is."""
    severity: Severity
    found: str
    """What is wrong, with the name or the value that is there."""
    expected: str
    """What should be there instead."""
    nearest: str = ""
    """The known name that an unknown one was probably meant to be."""

    @property
    def message(self) -> str:
        """What is wrong, and how to correct it."""
        way_out = f"did you mean {self.nearest}?" if self.nearest else self.expected
        return clean(f"{self.found}; {way_out}" if way_out else self.found)

    def __str__(self) -> str:
        """``policy.yaml:3:5: MESSAGE``, on one line."""
        return f"{clean(self.file)}:{self.place.line}:{self.place.column}: {self.message}"


class PolicyError(Exception):
    """A policy that does not load; the message names the file, the line and the reason."""

    def __init__(self, reason: str, errors: tuple[Diagnostic, ...] = (), left_out: int = 0) -> None:
        """Create the error.

        Args:
            reason: Why it does not load, in one line.
            errors: The errors, in the order of the file; none if the content cannot be read as text.
            left_out: How many further errors there are.
        """
        super().__init__(reason)
        self.errors = errors
        self.left_out = left_out

    @classmethod
    def of(cls, found: Iterable[Diagnostic]) -> "PolicyError":
        """The error for a policy with at least one diagnostic of severity error."""
        errors = sorted(found, key=lambda one: (one.place.line, one.place.column))
        more = len(errors) - 1
        counted = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
        return cls(f"{errors[0]}{counted}", tuple(errors[:MOST]), max(len(errors) - MOST, 0))

    @property
    def lines(self) -> tuple[str, ...]:
        """Each error on a line, and how many are left out."""
        listed = tuple(map(str, self.errors)) or (str(self),)
        return (*listed, f"and {self.left_out} more errors") if self.left_out else listed
