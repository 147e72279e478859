"""TLS handshakes one at a time, so that a flood of them does not keep the connections that are open waiting."""

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


class Turns:
    """Who may go on next: the peers in rotation, and of one peer the newest, which is the likeliest to be still there.

    Between two turns the loop looks once at every connection.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[Event]] = {}
        self._some = Event()
        gevent.spawn(self._give)

    def wait(self, peer: str) -> None:
        """Return when it is this one's turn."""
        turn = Event()
        self._waiting.setdefault(peer, []).append(turn)
        self._some.set()
        try:
            turn.wait()
        finally:
            self._forget(peer, turn)

    def _forget(self, peer: str, turn: Event) -> None:
        """Take back a turn that is no longer wanted."""
        if turn in (of_peer := self._waiting.get(peer, [])):
            of_peer.remove(turn)
            if not of_peer:
                del self._waiting[peer]

    def _give(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                peer = next(iter(self._waiting))
                of_peer = self._waiting.pop(peer)
                of_peer.pop().set()
                if of_peer:
                    self._waiting[peer] = of_peer
                let_others()
