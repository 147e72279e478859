"""Tracks the open connections by peer, and chooses which one to close when there are too many."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Literal

from webhook.limits import PEER_LIMIT
from webhook.sockets import end_now, has_bytes

Reason = Literal["peer_limit", "pool_limit", "descriptors", "slow_head", "slow_request"]

_NODE_PREFIX = 80


class State(Enum):
    """The state of a connection."""

    NEW = "new"
    """The TLS handshake is not complete."""
    SILENT = "silent"
    """Waiting for a request."""
    HEAD = "head"
    """Reading the head of a request."""
    BODY = "body"
    """Reading the body, or evaluating it."""
    ANSWER = "answer"
    """The response has begun; further input is discarded."""


def peer_of(address: str) -> str:
    """The peer of an address; connections are counted by peer.

    An IPv4 address is a peer. IPv6 addresses are grouped by /80, the prefix that the VPC CNI assigns to a node, which
    can send from any address in it. A /64 would be a whole subnet, including the API servers' interfaces.
    """
    found = ip_address(address.partition("%")[0])
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, _NODE_PREFIX), strict=False))


@dataclass(eq=False, slots=True)
class Connection:
    """An accepted connection."""

    peer: str
    since: float = 0.0
    """When the state last changed, in seconds of `time.monotonic`."""
    sock: Any = None
    state: State = State.NEW
    proven: bool = False
    """Whether it has delivered an AdmissionReview."""
    dropped: bool = False
    gives_way: bool = False
    greenlet: Any = None
    deadline: Any = None
    request: Any = None
    """The latest request, as gunicorn's object."""
    received: int = 0
    """Bytes received of the latest request."""

    def end(self) -> None:
        """Close the connection in any state."""
        self.dropped = True
        end_now(self.sock)

    @property
    def asks(self) -> bool:
        """Whether the first bytes of a request wait to be read."""
        return self.state is State.SILENT and has_bytes(self.sock)

    def ahead(self) -> bool:
        """Whether part of the next request was read together with the last one."""
        return self.request is not None and self.request.unreader.buf.getbuffer().nbytes > 0

    def goes_on(self, method: str) -> bool:
        """Whether it stays open after this response: not after a probe, nor after an incomplete body."""
        return (self.proven or method == "POST") and not self.request.body.failed

    @property
    def waits(self) -> bool:
        """Whether no request is in progress."""
        return self.state is State.NEW or self.state is State.SILENT

    @property
    def arrives(self) -> bool:
        """Whether a request is being read."""
        return self.state is State.HEAD or self.state is State.BODY


class Connections:
    """The open connections.

    Args:
        limit: The maximum number, at least two. Connections of one peer that have not delivered a review may take half.
        refused: Called with peer and reason for each connection that is refused or closed to make room.
    """

    def __init__(self, limit: int, refused: Callable[[str, Reason], None]) -> None:
        self._limit = limit
        self._peer_limit = min(PEER_LIMIT, limit // 2)
        self._refused = refused
        self._open: dict[str, dict[Connection, None]] = {}
        self._unproven: Counter[str] = Counter()
        self.total = 0

    def admit(self, connection: Connection) -> bool:
        """Add a connection; if there are too many, close another one.

        Returns:
            False if no other connection can be closed.
        """
        peer = connection.peer
        if self._unproven[peer] >= self._peer_limit and not self._make_room(peer, "peer_limit", proven=False):
            self._refused(peer, "peer_limit")
            return False
        if self.total >= self._limit and not self.shed("pool_limit"):
            self._refused(peer, "pool_limit")
            return False
        self._open.setdefault(peer, {})[connection] = None
        self._unproven[peer] += 1
        self.total += 1
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a closed connection."""
        of_peer = self._open.get(connection.peer, {})
        if connection not in of_peer:
            return
        del of_peer[connection]
        self.total -= 1
        if not connection.proven:
            self._unproven[connection.peer] -= 1
        if not of_peer:
            del self._open[connection.peer]
            del self._unproven[connection.peer]

    def enter(self, connection: Connection, state: State, now: float) -> None:
        """Change the state of a connection."""
        connection.state = state
        connection.since = now
        of_peer = self._open.get(connection.peer, {})
        if connection in of_peer:
            of_peer[connection] = of_peer.pop(connection)

    def prove(self, connection: Connection) -> None:
        """Note that a connection has delivered an AdmissionReview."""
        if not connection.proven and connection in self._open.get(connection.peer, {}):
            connection.proven = True
            self._unproven[connection.peer] -= 1

    def shed(self, reason: Reason) -> bool:
        """Close the connection that has been idle longest, of the peer that holds the most.

        Returns:
            Whether one could be closed.
        """
        most = sorted(self._open, key=self._weight, reverse=True)[:2]
        return any(self._make_room(peer, reason, proven=True) for peer in most)

    def waiting(self) -> list[Connection]:
        """The connections without a request in progress."""
        return [one for of_peer in self._open.values() for one in of_peer if one.waits]

    def _weight(self, peer: str) -> tuple[int, int]:
        """How much a peer holds; connections that delivered a review count only beyond its limit."""
        unproven, all_ = self._unproven[peer], len(self._open[peer])
        return (unproven + max(0, all_ - unproven - self._peer_limit), all_)

    def _make_room(self, peer: str, reason: Reason, *, proven: bool) -> bool:
        """Close a connection of the peer: first an idle one, then a slow request, then one that delivered a review."""
        gone = self._longest(peer, proven=proven)
        if gone is None:
            return False
        self.remove(gone)
        gone.end()
        self._refused(peer, reason)
        return True

    def _longest(self, peer: str, *, proven: bool) -> Connection | None:
        """The next connection of the peer to close; they are in the order of their last change of state."""
        slow = idle = None
        for one in self._open[peer]:
            if one.waits and not one.asks:
                if not one.proven:
                    return one
                idle = idle or one
            elif one.arrives and not one.proven:
                slow = slow or one
        return slow or (idle if proven else None)
