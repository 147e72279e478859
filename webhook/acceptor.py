"""Accepts connections from a listening socket without a limit; the caller closes those that are too many."""

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
"""Connections to accept before the open ones get a turn."""

_PAUSE = 0.02
"""Seconds before a retry when the process or the host cannot open another file."""

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_SO_ATTACH_FILTER = 26
_NO_SYN = [(0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]
"""A Linux socket filter (linux/filter.h): loads the TCP flags, masks SYN and ACK, drops packets with SYN only."""


class Acceptor:
    """Accepts connections until it is closed.

    Args:
        listener: A listening gevent socket.
        take: Called with each connection and its address; must not block.
        no_room: Called when no file can be opened; should close a connection.
    """

    def __init__(self, listener: Any, take: Callable[[Any, Any], None], no_room: Callable[[], object]) -> None:
        self._listener = listener
        self._take = take
        self._no_room = no_room
        listener.settimeout(0)
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Accept what is queued, then close the port; a connection left in the queue would be reset."""
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
        """Accept one connection.

        Returns:
            Whether another one may be waiting.
        """
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
    """The name of a listening socket, which gunicorn asks for even after the socket is closed."""

    def __init__(self, listener: Any) -> None:
        self._name = listener.getsockname()

    def getsockname(self) -> Any:
        """The address of the socket."""
        return self._name


def _refuse_new(listener: Any) -> None:
    """Drop new SYN packets, so that the queue can be emptied; clients retry elsewhere or are refused."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    described = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
    with suppress(OSError):  # Linux only; elsewhere a connection that arrives just before the close is reset
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
