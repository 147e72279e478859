"""Process settings: the limit on open files, and returning memory to the system."""

import ctypes
import resource
from contextlib import suppress

from webhook.limits import CONNECTIONS_LIMIT, SPARE_DESCRIPTORS

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_THRESHOLD = 2**17


def give_back() -> None:
    """Return each large block of memory to the system when it is freed (mallopt(3)).

    By default, glibc raises its mmap threshold to the largest block ever freed. After one large body, all later ones
    would come from the heap, which small blocks keep from shrinking.
    """
    with suppress(OSError, AttributeError):  # other C libraries have no mallopt
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
        library.mallopt(_M_TRIM_THRESHOLD, _THRESHOLD)


def allow_files(connections: int) -> int:
    """Raise the limit on open files as far as needed.

    Args:
        connections: The wanted number of connections.

    Returns:
        The number of connections that the limit allows. If the limit is low, connections still get half of it.
    """
    wanted = min(connections, CONNECTIONS_LIMIT) + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        wanted = soft
    return min(connections, max(wanted - SPARE_DESCRIPTORS, wanted // 2))
