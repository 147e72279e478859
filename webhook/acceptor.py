"""Connections taken from a listening socket, always: one that is too many is for the caller to close."""

import ctypes
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent.socket import wait_read

from webhook.limits import LAST_HANDSHAKE_SECONDS
from webhook.turns import let_others

_AT_ONCE = 16
"""Connections that are taken before the open ones are looked at again."""

_PAUSE = 0.02
"""Seconds before the next try where the process or the host has no room for another open file."""

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_SO_ATTACH_FILTER = 26
_NO_SYN = [(0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]
"""A socket filter of Linux (linux/filter.h): load the flags of TCP, keep SYN and ACK, drop where it is SYN alone."""


class Acceptor:
    """Takes connections until it is closed.

    Args:
        listener: A listening socket of gevent.
        take: Given each connection with its address; must not block.
        no_room: Called where no file can be opened; should close a connection.
    """

    def __init__(self, listener: Any, take: Callable[[Any, Any], None], no_room: Callable[[], object]) -> None:
        self._listener = listener
        self._take = take
        self._no_room = no_room
        listener.settimeout(0)
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Take what has reached the port, then close it: a connection left in its queue would be reset."""
        _refuse_new(self._listener)
        gevent.sleep(LAST_HANDSHAKE_SECONDS)
        self._greenlet.kill()
        while self._accept():
            pass
        self._listener.close()

    def _run(self) -> None:
        while True:
            wait_read(self._listener.fileno())
            for _ in range(_AT_ONCE):
                if not self._accept():
                    break
            let_others()

    def _accept(self) -> bool:
        """Take one connection; whether there may be another."""
        try:
            client, address = self._listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._no_room()
                gevent.sleep(_PAUSE)
            return error.errno not in {errno.EBADF, errno.EINVAL}
        self._take(client, address)
        return True


class Named:
    """A listening socket of which gunicorn asks the name alone, also when it is closed."""

    def __init__(self, listener: Any) -> None:
        self._name = listener.getsockname()

    def getsockname(self) -> Any:
        """The address that it had."""
        return self._name


def _refuse_new(listener: Any) -> None:
    """Answer no further SYN, so that the queue can be emptied; a client tries again elsewhere, or is refused."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    described = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
    with suppress(OSError):  # not on other systems, where the moment between the two stays
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
