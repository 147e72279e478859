"""The socket that gunicorn reads from, which counts each byte as it arrives."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent

from webhook.connections import Connection
from webhook.limits import DRAIN_BYTES, DRAIN_SECONDS


class Counted:
    """A socket after its TLS handshake.

    Args:
        sock: The socket.
        connection: The connection of this socket.
        arrived: Called with the number of bytes read; may raise.
    """

    def __init__(self, sock: Any, connection: Connection, arrived: Callable[[Connection, int], None]) -> None:
        self._sock = sock
        self._arrived = arrived
        self.connection = connection
        self.unread = False
        """Whether part of the request is unread at the close: the client then needs time to read the response."""

    def recv(self, size: int) -> bytes:
        """Read up to `size` bytes; empty at the end of the connection."""
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
        """Close the socket; if `unread`, first give the client time to read the response."""
        if self.unread:
            self.unread = False
            with suppress(OSError), gevent.Timeout(DRAIN_SECONDS, exception=False):  # type: ignore[arg-type] # the stubs forget this use
                self._sock.shutdown(socket.SHUT_WR)
                left = DRAIN_BYTES
                while left > 0 and (data := self._sock.recv(2**16)):
                    left -= len(data)
        self._sock.close()

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to the socket."""
        return getattr(self._sock, name)


def read_off(body: Any) -> None:
    """Read and discard the rest of a body: closing a connection with unread bytes would lose the response."""
    left = DRAIN_BYTES
    # Broken framing gets no second response here: gunicorn closes a connection whose body failed.
    with suppress(Exception):
        while left > 0 and not body.failed and (data := body.read(2**16)):
            left -= len(data)
    body.failed = body.failed or left <= 0
