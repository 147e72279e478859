"""The bytes of requests that are under way: counted as they arrive, shared among peers, bounded.

Many are read side by side, large ones too, until there is no room left: then the slowest gives way. Each stops counting
when its answer begins. What is built of a body is not counted: that happens to one body at a time (`server._review`).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from webhook.limits import IN_FLIGHT_LIMIT, NORMAL_BODY, PEER_SHARE, YOUNG_SECONDS


class GivenWayError(Exception):
    """This request gave way to others: it is answered with 503, and an API server sends it again."""


class Sender(Protocol):
    """What sends a request."""

    @property
    def peer(self) -> str:
        """Where it is."""


@dataclass
class _Held:
    """What has arrived of one request."""

    began: float
    received: int = 0

    def rate(self, now: float) -> float:
        """Bytes a second since it began."""
        return self.received / max(now - self.began, 0.001)

    def protected(self, now: float) -> bool:
        """Whether it may still be a review of normal size that comes at a normal pace."""
        return self.received <= NORMAL_BODY and now - self.began < YOUNG_SECONDS


class Intake:
    """The requests that have begun and are not read to their end.

    Args:
        clock: Seconds, monotonic.
        end: Ends the request of a sender with `GivenWayError`; what it holds does not count from then on.
    """

    def __init__(self, clock: Callable[[], float], end: Callable[[Sender], None]) -> None:
        self._clock = clock
        self._end = end
        self._held: dict[Sender, _Held] = {}
        self._by_peer: Counter[str] = Counter()
        self.total = 0
        """Bytes held now."""

    def arrived(self, sender: Sender, count: int) -> None:
        """Count bytes, and let others give way, or this one, until there is room for them."""
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

    def release(self, sender: Sender) -> None:
        """The request is read, or over."""
        held = self._held.pop(sender, None)
        if held is None:
            return
        self.total -= held.received
        self._by_peer[sender.peer] -= held.received
        if self._by_peer[sender.peer] <= 0:
            del self._by_peer[sender.peer]

    def _give_way(self, candidates: Iterable[Sender]) -> None:
        """The slowest gives way; where all may be normal reviews, one of the peer that holds most."""
        now = self._clock()

        def order(one: Sender) -> tuple[bool, int, float]:
            held = self._held[one]
            if held.protected(now):
                return (True, -self._by_peer[one.peer], held.began)
            return (False, 0, held.rate(now))

        slowest = min(candidates, key=order)
        self.release(slowest)
        self._end(slowest)
