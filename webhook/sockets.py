"""Two operations that gevent's sockets lack."""

import array
import fcntl
import socket
import termios
from contextlib import suppress
from typing import Any


def end_now(sock: Any) -> None:
    """Shut a connection down, so that a greenlet that reads from it sees the end of the stream.

    This bypasses gevent, which would raise an error in that greenlet instead.
    """
    with suppress(OSError, AttributeError):
        sock._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - the only access to the plain socket


def has_bytes(sock: Any) -> bool:
    """Whether unread bytes have arrived."""
    count = array.array("i", [0])
    with suppress(OSError, ValueError, AttributeError):
        fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
    return count[0] > 0
