"""The CPU time that one evaluation may take: the last net below all limits, so that one request never stops the guard.

It counts the time of this thread, not the clock's: on a busy machine a change is not refused for what others do.
"""

import time
from collections.abc import Callable

Spend = Callable[[], None]
"""Called again and again while work is done; raises OverBudgetError when the time is used up."""


class OverBudgetError(Exception):
    """The evaluation took more CPU time than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"more than {seconds} s of CPU time")
        self.seconds = seconds


def unlimited() -> None:
    """The budget of a command: a person waits for it, not an API server."""


def cpu_seconds(seconds: float) -> Spend:
    """A budget that begins now."""
    ends = time.thread_time() + seconds

    def spend() -> None:
        if time.thread_time() > ends:
            raise OverBudgetError(seconds)

    return spend
