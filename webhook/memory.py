"""How the C library gives memory back."""

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_THRESHOLD = 2**17


def give_back() -> None:
    """Have each large block returned to the system when it is freed (mallopt(3)).

    By default glibc raises the threshold to the largest block that was ever freed, so that after one large body all
    come from a heap that small blocks keep from shrinking.
    """
    with suppress(OSError, AttributeError):  # not with other C libraries
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
        library.mallopt(_M_TRIM_THRESHOLD, _THRESHOLD)
