"""A step of the demo: what a person wants, what he types, and how it must end."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["seen", "passed", "refused"]
"""`seen` looks at something; the two others are changes that the guard let through, or did not."""


@dataclass(frozen=True)
class Step:
    """One command with its reason; `says` are patterns that its output must have, by line."""

    wish: str
    command: str
    outcome: Outcome
    says: tuple[str, ...] = ()

    def objections(self, exit_code: int, output: str) -> Iterator[str]:
        """In which points it did not end as told."""
        if exit_code != (1 if self.outcome == "refused" else 0):
            yield f"it should be {self.outcome}, and ended with exit code {exit_code}"
        for pattern in self.says:
            if not re.search(pattern, output, re.MULTILINE):
                yield f"its output lacks {pattern!r}"
