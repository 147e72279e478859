"""Runs TLS handshakes one at a time, so that a flood of them does not delay the open connections."""

from dataclasses import dataclass, field

import gevent
from gevent.event import Event


def let_others() -> None:
    """Let the connections with something to read run before this greenlet continues.

    Otherwise, a client that sends its next request fast enough would occupy the process. A timer that is due makes the
    event loop poll every connection; `gevent.sleep(0)` does not.
    """
    hub = gevent.get_hub()
    due = hub.loop.timer(0.0)
    try:
        hub.wait(due)
    finally:
        due.close()


@dataclass
class _Queue:
    """The waiting greenlets of one peer, in order of arrival."""

    waiting: list[Event] = field(default_factory=list)
    newest: bool = True
    """Whether the newest one is next."""

    def next(self) -> Event:
        """Remove and return the next one."""
        turn = self.waiting.pop(-1 if self.newest else 0)
        self.newest = not self.newest
        return turn


class Turns:
    """Gives turns to waiting greenlets: peers in rotation, and for each peer the newest and the oldest alternately.

    The newest is most likely to be still connected. The oldest gets turns too, or constant newcomers would starve it.
    Between two turns, the event loop polls every connection once.
    """

    def __init__(self) -> None:
        self._peers: dict[str, _Queue] = {}
        self._some = Event()
        gevent.spawn(self._give)

    def wait(self, peer: str) -> None:
        """Wait for a turn."""
        turn = Event()
        self._peers.setdefault(peer, _Queue()).waiting.append(turn)
        self._some.set()
        try:
            turn.wait()
        finally:
            self._forget(peer, turn)

    def _forget(self, peer: str, turn: Event) -> None:
        """Withdraw a turn that is no longer needed."""
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
