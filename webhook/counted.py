"""What gunicorn reads a connection through: each byte is counted when it arrives."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent

from webhook.connections import Connection
from webhook.limits import DRAIN_BYTES, DRAIN_SECONDS


class Counted:
    """A socket after its handshake.

    Args:
        sock: The socket.
        connection: Whose state it is.
        arrived: Told how many bytes have come; may raise.
    """

    def __init__(self, sock: Any, connection: Connection, arrived: Callable[[Connection, int], None]) -> None:
        self._sock = sock
        self._arrived = arrived
        self.connection = connection
        self.unread = False
        """Whether it is closed before all was read: the client must have time to read the answer."""

    def recv(self, size: int) -> bytes:
        """Up to so many bytes; none where the connection is over."""
        try:
            data: bytes = self._sock.recv(size)
        except OSError:
            if self.connection.dropped:
                return b""
            raise
        if data:
            self._arrived(self.connection, len(data))
        return data

    def close(self) -> None:
        """Close it; where something was left unread, only after the client has had time to read the answer."""
        if self.unread:
            self.unread = False
            with suppress(OSError), gevent.Timeout(DRAIN_SECONDS, exception=False):  # type: ignore[arg-type] # the stubs forget this use
                self._sock.shutdown(socket.SHUT_WR)
                left = DRAIN_BYTES
                while left > 0 and (data := self._sock.recv(2**16)):
                    left -= len(data)
        self._sock.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the socket's."""
        return getattr(self._sock, name)


def read_off(body: Any) -> None:
    """Take what was not read of a body off the connection: closing it with bytes unread would lose the answer."""
    left = DRAIN_BYTES
    # Broken framing after the answer is no second answer: gunicorn closes a connection whose body failed.
    with suppress(Exception):
        while left > 0 and not body.failed and (data := body.read(2**16)):
            left -= len(data)
    body.failed = body.failed or left <= 0
