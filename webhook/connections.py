"""Which connections are open, whose they are, and which one goes when there are too many."""

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
    """What a connection does."""

    NEW = "new"
    """It has not finished the TLS handshake."""
    SILENT = "silent"
    """It waits for a request."""
    HEAD = "head"
    """A request has begun."""
    BODY = "body"
    """Its head is read."""
    ANSWER = "answer"
    """It is answered; what still comes is thrown away."""


def peer_of(address: str) -> str:
    """Whose connections are counted together.

    An IPv4 address is one peer. IPv6 counts by /80, the prefix that the VPC CNI gives to one node, which can send
    from any address in it; a /64 is a whole subnet, the API server's own interfaces included.
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
    """When it last changed its state, in seconds of the clock."""
    sock: Any = None
    state: State = State.NEW
    proven: bool = False
    """Whether it has carried an AdmissionReview."""
    dropped: bool = False
    gives_way: bool = False
    greenlet: Any = None
    deadline: Any = None
    request: Any = None
    """gunicorn's, the last one."""
    received: int = 0
    """Bytes that have come of the last request."""

    def end(self) -> None:
        """End it, whatever it does."""
        self.dropped = True
        end_now(self.sock)

    @property
    def asks(self) -> bool:
        """Whether it is silent no longer: a request is about to be read."""
        return self.state is State.SILENT and has_bytes(self.sock)

    def ahead(self) -> bool:
        """Whether a part of the next request came with the last one."""
        return self.request is not None and self.request.unreader.buf.getbuffer().nbytes > 0

    def goes_on(self, method: str) -> bool:
        """Whether it stays open after this answer: not where only a probe came, nor where a body was cut off."""
        return (self.proven or method == "POST") and not self.request.body.failed

    @property
    def waits(self) -> bool:
        """Whether nothing is under way on it."""
        return self.state is State.NEW or self.state is State.SILENT

    @property
    def arrives(self) -> bool:
        """Whether a request is being read from it."""
        return self.state is State.HEAD or self.state is State.BODY


class Connections:
    """The open connections.

    Args:
        limit: How many there may be; at least two. One peer may hold half of them without having carried a review.
        refused: Told of each connection that went or was not taken, by its peer, with the reason.
    """

    def __init__(self, limit: int, refused: Callable[[str, Reason], None]) -> None:
        self._limit = limit
        self._peer_limit = min(PEER_LIMIT, limit // 2)
        self._refused = refused
        self._open: dict[str, dict[Connection, None]] = {}
        self._unproven: Counter[str] = Counter()
        self.total = 0

    def admit(self, connection: Connection) -> bool:
        """Take a connection, in place of another where there are too many; False where none can go."""
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
        """It is closed."""
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
        """It changes its state."""
        connection.state = state
        connection.since = now
        of_peer = self._open.get(connection.peer, {})
        if connection in of_peer:
            of_peer[connection] = of_peer.pop(connection)

    def prove(self, connection: Connection) -> None:
        """It has carried an AdmissionReview."""
        if not connection.proven and connection in self._open.get(connection.peer, {}):
            connection.proven = True
            self._unproven[connection.peer] -= 1

    def shed(self, reason: Reason) -> bool:
        """Drop the longest silent connection of the peer that holds most."""
        most = sorted(self._open, key=self._weight, reverse=True)[:2]
        return any(self._make_room(peer, reason, proven=True) for peer in most)

    def waiting(self) -> list[Connection]:
        """The connections on which nothing is under way."""
        return [one for of_peer in self._open.values() for one in of_peer if one.waits]

    def _weight(self, peer: str) -> tuple[int, int]:
        """How much a peer holds; connections that proved themselves count only beyond its limit."""
        unproven, all_ = self._unproven[peer], len(self._open[peer])
        return (unproven + max(0, all_ - unproven - self._peer_limit), all_)

    def _make_room(self, peer: str, reason: Reason, *, proven: bool) -> bool:
        """Drop a connection of the peer: a silent one before one whose request trickles, before one proven."""
        gone = self._longest(peer, proven=proven)
        if gone is None:
            return False
        self.remove(gone)
        gone.end()
        self._refused(peer, reason)
        return True

    def _longest(self, peer: str, *, proven: bool) -> Connection | None:
        """The connection of the peer that can go first; they are kept in the order of their last change of state."""
        slow = idle = None
        for one in self._open[peer]:
            if one.waits and not one.asks:
                if not one.proven:
                    return one
                idle = idle or one
            elif one.arrives and not one.proven:
                slow = slow or one
        return slow or (idle if proven else None)
