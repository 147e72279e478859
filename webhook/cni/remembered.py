"""A cache for readers of command lines: a cluster has a handful of them, which are evaluated again and again."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

Word = TypeVar("Word")
T = TypeVar("T")

_REMEMBERED = 256
_LONGEST = 1024
"""The most characters of a command line that is kept, so that all of them together stay small."""


def remembered(read: Callable[[tuple[Word, ...]], T]) -> Callable[[Sequence[Word]], T]:
    """Cache a pure reader of words, whose result is immutable. Words that are not all text are not kept."""
    cached = lru_cache(maxsize=_REMEMBERED)(read)

    def reader(words: Sequence[Word]) -> T:
        given = tuple(words)
        length = sum(len(word) if isinstance(word, str) else _LONGEST + 1 for word in given)
        return (cached if length <= _LONGEST else read)(given)

    return reader
