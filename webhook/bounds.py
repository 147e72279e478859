"""Limits on the size of a JSON document, computed from its bytes before any value is built.

All steps run in C, in time linear in the size of the body.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

_STRUCTURE = b'"[]{},:'
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OPENS = ord("[")
_RUNS = re.compile(rb"\[+|\]+")
_PASSES = 8
_STEP = 2**16


@dataclass(frozen=True)
class Structure:
    """The brackets and separators of a JSON document outside its strings."""

    marks: bytes

    @property
    def values(self) -> int:
        """An upper bound on the number of keys and values: a separator or a bracket precedes each one."""
        return len(self.marks) - self.marks.count(b"]") - self.marks.count(b"}") + 1

    @property
    def keys(self) -> int:
        """The number of keys, including duplicates."""
        return self.marks.count(b":")

    @cached_property
    def depth(self) -> int:
        """The nesting depth of arrays and objects.

        Each pass removes the innermost level everywhere; what is left has few changes of direction to examine.
        """
        rest = self.marks.translate(_BRACKETS, b",:")
        for passes in range(_PASSES):
            shorter = rest.replace(b"[]", b"")
            if len(shorter) == len(rest):
                return passes + len(rest)
            rest = shorter
        return _PASSES + max(accumulate(map(_rise, _RUNS.findall(rest))), default=0)


def _rise(run: bytes) -> int:
    return len(run) if run[0] == _OPENS else -len(run)


def structure(body: bytes, most: int) -> Structure | None:
    """Extract the structure of a JSON document.

    If the body is not JSON, the result holds for the part that a parser reads before the error.

    Args:
        body: The document.
        most: The maximum number of strings, keys included.

    Returns:
        The structure; None if there are more than `most` strings.
    """
    # Pairs of backslashes are removed first, so that a backslash before a quote is left only if it escapes the quote.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    if plain.count(b'"') > 2 * most + 1:
        return None
    return Structure(_without_strings(plain.replace(b'""', b"")))


def _without_strings(plain: bytes) -> bytes:
    """The bytes outside quotes.

    It works in steps: the pieces of one split at millions of quotes would take more memory than the body.
    """
    outside, within = [], 0
    for start in range(0, len(plain), _STEP):
        pieces = plain[start : start + _STEP].split(b'"')
        outside.append(b"".join(pieces[within::2]))
        within ^= (len(pieces) - 1) & 1
    return b"".join(outside)
