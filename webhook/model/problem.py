"""What a rule yields: a problem with its evidence and its fixes, or the reason why it cannot tell."""

from dataclasses import dataclass
from typing import Literal

from webhook.model.change import Json, Path

Level = Literal["deny", "warn"]
Part = Literal["env", "probes", "rest"]
"""A part of an object: where approved defaults may be added (variables, probes), and the rest."""

Evidence = tuple[tuple[str, str | None], ...]
"""The values that cause a problem, by name and never by list index; None for an absent value.

``(("aws-node env WARM_IP_TARGET", "5"),)``. A problem that the old object has with the same evidence is not new.
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """A fix that adds an absent value; it never replaces an existing one.

    With `key`, the value is set in the mapping at `parent`; without it, the value is appended to the list at `parent`.
    A missing or null `parent` is created.
    """

    parent: Path
    key: str | None
    value: Json
    says: str
    """What is added, for messages: ``aws-node env WARM_IP_TARGET=2``."""

    @property
    def part(self) -> Part:
        """The part of the object that it changes."""
        if self.parent[-1:] == ("env",):
            return "env"
        return "probes" if self.key and self.key.endswith("Probe") else "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule yields, independent of the rule's ID and of files."""

    path: Path
    evidence: Evidence
    level: Level
    wrong: str
    """What is wrong, a clause without a period."""
    effect: str
    """What happens because of it, a clause without a period."""
    remedy: str
    """What to do, an imperative sentence without a period."""
    certain: bool = False
    """The CNI's code proves that aws-node, or every new pod, fails: only break-glass gets past it."""
    lowered: bool = False
    """It warns instead of denying, since a denial would block a way back; no policy can raise it."""
    fixes: tuple[Edit, ...] = ()


class CouldNotCheckError(Exception):
    """Raised with the reason when a fact is missing; the engine turns it into a `Skipped`."""


UnknownKey = tuple[str, ...]
"""Identifies an unknown value; equal in the old and the new object if the value is the same."""


class UnknownValueError(Exception):
    """Raised for a value that is unknown at admission; the rule is then run for each possible value."""

    def __init__(self, key: UnknownKey, possible: tuple[str | None, ...], reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.possible = possible
