"""Two things that gevent's sockets do not offer."""

import array
import fcntl
import socket
import termios
from contextlib import suppress
from typing import Any


def end_now(sock: Any) -> None:
    """End a connection: whatever greenlet reads from it sees its end.

    Past gevent, which would raise an error in that greenlet instead.
    """
    with suppress(OSError, AttributeError):
        sock._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - gevent has no other way to the socket itself


def has_bytes(sock: Any) -> bool:
    """Whether something has arrived that was not read."""
    count = array.array("i", [0])
    with suppress(OSError, ValueError, AttributeError):
        fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
    return count[0] > 0
