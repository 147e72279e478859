"""Limits the rate of log lines that clients can cause, by kind, and counts the dropped lines."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gunicorn.glogging import Logger

from webhook.limits import DECISIONS_BURST, DECISIONS_EACH_SECOND, LINE_KINDS, LINES_BURST, LINES_EACH_SECOND

_DECISION = "decision"
_OTHER = "other"
_KIND_LENGTH = 100


@dataclass
class _Allowance:
    """A token bucket."""

    tokens: float
    each_second: float
    burst: float
    at: float
    left_out: int = 0

    def spend(self, now: float) -> bool:
        """Take a token; False if there is none."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.each_second)
        self.at = now
        if self.tokens < 1:
            self.left_out += 1
            return False
        self.tokens -= 1
        return True


class LogLimit(logging.Filter):
    """Passes a line while its kind has an allowance, and adds the number of lines dropped before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._allowances: dict[str, _Allowance] = {}
        self._left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        kind = _kind(record)
        if kind not in self._allowances and len(self._allowances) >= LINE_KINDS:
            kind = _OTHER
        allowance = self._allowances.get(kind)
        if allowance is None:
            allowance = self._allowances[kind] = self._fresh(kind)
        if not allowance.spend(self._clock()):
            self._left_out[kind] += 1
            return False
        if allowance.left_out:
            _say(record, allowance.left_out)
            allowance.left_out = 0
        return True

    def taken(self) -> dict[str, int]:
        """The number of lines of each kind that were dropped since the last call."""
        taken = dict(self._left_out)
        self._left_out.clear()
        return taken

    def _fresh(self, kind: str) -> _Allowance:
        decision = kind.startswith(_DECISION)
        burst = DECISIONS_BURST if decision else LINES_BURST
        return _Allowance(burst, DECISIONS_EACH_SECOND if decision else LINES_EACH_SECOND, burst, self._clock())


def _kind(record: logging.LogRecord) -> str:
    """The kind of a line; never includes what a client has written."""
    said = record.msg
    if not isinstance(said, dict):
        return str(said)[:_KIND_LENGTH]
    parts = (said.get("message"), said.get("status"), said.get("allowed"))
    return " ".join(str(part) for part in parts if part is not None)[:_KIND_LENGTH]


def _say(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "left_out_before": left_out}
    else:
        record.left_out_before = left_out


class Quiet(Logger):
    """gunicorn's logger without its access log, since cni-guard logs a line for each decision."""

    def access(self, *_: object) -> None:
        """Do nothing. Formatting an unused line would take a tenth of the time of a request."""


LIMIT = LogLimit()
"""The limit of this process."""


def the_limit() -> LogLimit:
    """The filter that the logging configuration refers to."""
    return LIMIT
