"""Quantiles, and tables of text."""

from collections.abc import Iterable, Sequence
from statistics import median, quantiles


def p50(values: Sequence[float]) -> float:
    """What half of them stay below."""
    return median(values)


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 stay below."""
    return quantiles(values, n=100, method="inclusive")[98]


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Put cells into columns, the first to the left, figures to the right; long heads take several lines."""
    body = [list(row) for row in rows]
    heads = [name.split(" ") for name in head]
    height = max(map(len, heads))
    lines = [[words[line] if line < len(words) else "" for words in heads] for line in range(height)]
    widths = [max(len(row[column]) for row in [*lines, *body]) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in [*lines, ["-" * width for width in widths], *body])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
