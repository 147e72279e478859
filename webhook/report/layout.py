"""What a format may take into account besides the report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from webhook.model import Level
from webhook.report.report import Report

Detail = Literal["quiet", "normal", "verbose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a person wants to see the report; a format for machines ignores it and shows everything."""

    colors: bool = False
    width: int = 100
    """Columns to wrap at."""
    detail: Detail = "normal"
    """``quiet`` for only what affects the exit code, ``verbose`` to list what is otherwise counted."""
    fail_on: Level | None = None
    """The lowest level that fails the run, as in `Report.failing`."""


Renderer: TypeAlias = Callable[[Report, Layout], str]
"""Renders a report, without a newline at the end; empty if there is nothing to print."""
