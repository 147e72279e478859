"""How large a JSON document will be once it is built, found in its bytes before anything is built.

All steps run in C and are linear in the size of the body.
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
    """The brackets and separators of a JSON document, without the strings."""

    marks: bytes

    @property
    def values(self) -> int:
        """An upper bound of the number of keys and values: each is preceded by a separator or a bracket."""
        return len(self.marks) - self.marks.count(b"]") - self.marks.count(b"}") + 1

    @property
    def keys(self) -> int:
        """The number of keys, repeated ones included."""
        return self.marks.count(b":")

    @cached_property
    def depth(self) -> int:
        """How deep arrays and objects are nested.

        The innermost levels are taken off as a whole: what is left has few changes of direction to look at.
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
    """The structure of a JSON document; None where it has more than `most` strings, which are values or keys.

    For text that is not JSON the result holds for as much of it as a parser reads before it meets the fault.
    """
    # A run of backslashes goes in pairs, so that one before a quote is left only where the quote is escaped.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    if plain.count(b'"') > 2 * most + 1:
        return None
    return Structure(_without_strings(plain.replace(b'""', b"")))


def _without_strings(plain: bytes) -> bytes:
    """What stands outside quotes. In steps: the pieces between millions of quotes would take more than the body."""
    outside, within = [], 0
    for start in range(0, len(plain), _STEP):
        pieces = plain[start : start + _STEP].split(b'"')
        outside.append(b"".join(pieces[within::2]))
        within ^= (len(pieces) - 1) & 1
    return b"".join(outside)
