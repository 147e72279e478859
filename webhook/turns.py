"""TLS handshakes one at a time, so that a flood of them does not keep the connections that are open waiting."""

from dataclasses import dataclass, field

import gevent
from gevent.event import Event


def let_others() -> None:
    """Serve the connections that have something to read before this greenlet goes on.

    Without it a client that sends its next request fast enough never lets go of the process. A timer that is due
    makes the loop look at every connection; `gevent.sleep(0)` would not.
    """
    hub = gevent.get_hub()
    due = hub.loop.timer(0.0)
    try:
        hub.wait(due)
    finally:
        due.close()


@dataclass
class _Queue:
    """Who waits of one peer, in the order of their coming."""

    waiting: list[Event] = field(default_factory=list)
    newest: bool = True
    """Whether the next turn is the newest's."""

    def next(self) -> Event:
        """Take out whose turn it is."""
        turn = self.waiting.pop(-1 if self.newest else 0)
        self.newest = not self.newest
        return turn


class Turns:
    """Who may go on next: the peers in rotation, and of one peer the newest and the oldest by turns.

    The newest is the likeliest to be still there; but beside some who come again and again, one that missed its turn
    would never have another. Between two turns the loop looks once at every connection.
    """

    def __init__(self) -> None:
        self._peers: dict[str, _Queue] = {}
        self._some = Event()
        gevent.spawn(self._give)

    def wait(self, peer: str) -> None:
        """Return when it is this one's turn."""
        turn = Event()
        self._peers.setdefault(peer, _Queue()).waiting.append(turn)
        self._some.set()
        try:
            turn.wait()
        finally:
            self._forget(peer, turn)

    def _forget(self, peer: str, turn: Event) -> None:
        """Take back a turn that is no longer wanted."""
        queue = self._peers.get(peer)
        if queue is not None and turn in queue.waiting:
            queue.waiting.remove(turn)
            if not queue.waiting:
                del self._peers[peer]

    def _give(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._peers:
                peer = next(iter(self._peers))
                queue = self._peers.pop(peer)
                queue.next().set()
                if queue.waiting:
                    self._peers[peer] = queue
                let_others()
