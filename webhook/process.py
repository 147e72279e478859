"""What the process asks of the system: open files, and memory that is given back."""

import ctypes
import resource
from contextlib import suppress

from webhook.limits import CONNECTIONS_LIMIT, SPARE_DESCRIPTORS

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


def allow_files(connections: int) -> int:
    """Let the process open as many files as it needs; how many connections there is room for.

    Where the system allows few files, half of them stay for connections: a guard that takes none is none.
    """
    wanted = min(connections, CONNECTIONS_LIMIT) + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        wanted = soft
    return min(connections, max(wanted - SPARE_DESCRIPTORS, wanted // 2))
