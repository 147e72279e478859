"""Counts refused connections immediately, and logs a summary at most once a minute."""

import time
from collections import Counter
from collections.abc import Callable

from webhook import loglimit
from webhook.connections import Reason
from webhook.limits import SUMMARY_SECONDS
from webhook.live import LOG
from webhook.metrics import Metrics

_PEERS = 1000
"""Maximum number of peers counted separately between two summaries."""


class Summary:
    """The refusals since the last summary."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._reasons: Counter[str] = Counter()
        self._peers: Counter[str] = Counter()
        self._said_at = -SUMMARY_SECONDS

    def refused(self, peer: str, reason: Reason) -> None:
        """Count a connection that was refused or closed early."""
        self._metrics.connection_refused(reason)
        self._reasons[reason] += 1
        if peer in self._peers or len(self._peers) < _PEERS:
            self._peers[peer] += 1

    def look(self) -> None:
        """Log a summary if there is anything to report, at most once a minute."""
        if self._clock() - self._said_at < SUMMARY_SECONDS:
            return
        left_out = loglimit.LIMIT.taken()
        if not self._reasons and not left_out:
            return
        self._said_at = self._clock()
        self._metrics.lines_left_out(sum(left_out.values()))
        LOG.warning({"message": "refused", "connections": dict(self._reasons), "log_lines": left_out} | self._most())
        self._reasons.clear()
        self._peers.clear()

    def _most(self) -> dict[str, str]:
        """The peer with the most refusals."""
        return {"most_from": self._peers.most_common(1)[0][0]} if self._peers else {}
