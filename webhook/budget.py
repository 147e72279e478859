"""The CPU time budget of one evaluation: the last of all limits, so that no request can stall the guard.

It counts the CPU time of the thread, not wall-clock time, so that load from other processes never denies a change.
"""

import time
from collections.abc import Callable

Spend = Callable[[], None]
"""Called repeatedly during the evaluation; raises OverBudgetError once the budget is used up."""


class OverBudgetError(Exception):
    """The evaluation exceeded its CPU time budget."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"more than {seconds} s of CPU time")
        self.seconds = seconds


def unlimited() -> None:
    """The budget of commands, which have no limit: a person can interrupt them."""


def cpu_seconds(seconds: float) -> Spend:
    """Start a budget of CPU seconds."""
    ends = time.thread_time() + seconds

    def spend() -> None:
        if time.thread_time() > ends:
            raise OverBudgetError(seconds)

    return spend
