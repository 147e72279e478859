"""Limits the bytes of unfinished requests, in total and for each peer.

Many requests are read concurrently, large ones too. When the limit is reached, the slowest gives way. A request counts
until its response begins. Decoded objects do not count, since only one body is decoded at a time (`server._review`).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from webhook.limits import IN_FLIGHT_LIMIT, NORMAL_BODY, PEER_SHARE, YOUNG_SECONDS


class GivenWayError(Exception):
    """This request gave way to others; it is answered with 503, and API servers retry it."""


class Sender(Protocol):
    """The sender of a request."""

    @property
    def peer(self) -> str:
        """The peer that it counts for (`connections.peer_of`)."""


SenderT = TypeVar("SenderT", bound=Sender)


@dataclass
class _Held:
    """The bytes received of one request."""

    began: float
    received: int = 0

    def rate(self, now: float) -> float:
        """Bytes per second since it began."""
        return self.received / max(now - self.began, 0.001)

    def protected(self, now: float) -> bool:
        """Whether it may still be a review of normal size at a normal speed."""
        return self.received <= NORMAL_BODY and now - self.began < YOUNG_SECONDS


class Intake(Generic[SenderT]):
    """The requests that are being read.

    Args:
        clock: A monotonic clock in seconds.
        end: Ends a sender's request with `GivenWayError`; its bytes no longer count.
    """

    def __init__(self, clock: Callable[[], float], end: Callable[[SenderT], None]) -> None:
        self._clock = clock
        self._end = end
        self._held: dict[SenderT, _Held] = {}
        self._by_peer: Counter[str] = Counter()
        self.total = 0
        """Bytes held now."""

    def arrived(self, sender: SenderT, count: int) -> None:
        """Count bytes; while a limit is exceeded, make requests give way, possibly this one."""
        held = self._held.get(sender)
        if held is None:
            held = self._held[sender] = _Held(self._clock())
        held.received += count
        self.total += count
        self._by_peer[sender.peer] += count
        while self._by_peer[sender.peer] > PEER_SHARE:
            self._give_way(one for one in self._held if one.peer == sender.peer)
        while self.total > IN_FLIGHT_LIMIT:
            self._give_way(self._held)

    def release(self, sender: SenderT) -> None:
        """Stop counting a request that is fully read or has ended."""
        held = self._held.pop(sender, None)
        if held is None:
            return
        self.total -= held.received
        self._by_peer[sender.peer] -= held.received
        if self._by_peer[sender.peer] <= 0:
            del self._by_peer[sender.peer]

    def _give_way(self, candidates: Iterable[SenderT]) -> None:
        """Make the slowest give way; if all may be normal reviews, the oldest of the peer that holds the most."""
        now = self._clock()

        def order(one: SenderT) -> tuple[bool, int, float]:
            held = self._held[one]
            if held.protected(now):
                return (True, -self._by_peer[one.peer], held.began)
            return (False, 0, held.rate(now))

        slowest = min(candidates, key=order)
        self.release(slowest)
        self._end(slowest)
