"""What a reader is: a frozen record of two functions for one format.

To add a format, write its reader in a module of `webhook/inputs/readers/` and add it to `READERS` there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webhook.inputs.kustomizations import Kustomization
from webhook.inputs.parts import Found, Part

Result = Found | Part | Kustomization
"""What a reader yields: what it found, a part for another reader, or a kustomization with patches in other files."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of one format."""

    recognizes: Callable[[Part], bool]
    """Whether a part of a file has this format, by its content; called for every part, so it must be fast."""
    changes: Callable[[Part], Iterator[Result]]
    """What a part of this format contains; called only if the reader recognizes it."""
