"""Plain scalars as kubectl resolves them: sigs.k8s.io/yaml v1.6.0, which is go.yaml.in/yaml/v2 followed by JSON.

This is YAML 1.1 with Go's number formats (``resolve.go``). It differs from PyYAML: ``y`` and ``n`` are booleans,
``1e3`` is a number, and dates and ``1:30`` stay strings. Every integral number that fits int64 becomes an integer,
even if it is written as ``1.0``; a larger one becomes a float.
"""

import math
import re
from decimal import Decimal
from typing import Any, Final

_BOOLEANS: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_NOT_FINITE: Final = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_LONGEST: Final = 70
"""Digits of the longest 64-bit number, with a margin: Python refuses to convert very long strings."""

_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_INT64: Final = range(-(2**63), 2**63)
_UINT64_END: Final = 2**64


def plain(text: str) -> Any:
    """The value of an unquoted scalar: None, a boolean, a number (possibly not finite), otherwise the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    value = _number(text)
    return text if value is None else value


def whole(value: float) -> int | float:
    """A number after its conversion to JSON and back: an integer if int64 holds it exactly, otherwise a float."""
    if isinstance(value, int):
        return value if value in _INT64 else float(value)
    if not value.is_integer():
        return value
    # Go writes the shortest digits that identify a float, and parses those as an integer.
    digits = int(Decimal(repr(value)))
    return digits if digits in _INT64 else value


def key(value: Any) -> str | None:
    """The JSON key for a scalar; None for null, which cannot be a key."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "d" if isinstance(value, int) else "g")


def _number(text: str) -> int | float | None:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    digits = text.replace("_", "")
    integer = _integer(digits)
    if integer is not None:
        return whole(integer)
    if not _FLOAT.fullmatch(digits):
        return None
    value = float(digits)
    return whole(value) if math.isfinite(value) else None


def _integer(digits: str) -> int | None:
    """The integer; None if the digits are not an integer, or fit neither int64 nor uint64."""
    match = _INTEGER.fullmatch(digits) if len(digits) < _LONGEST else None
    if not match:
        return None
    base, figures = next((name, found) for name in _BASES if (found := match[name]) is not None)
    value = int(figures, _BASES[base])
    if match["sign"] == "-":
        return -value if -value in _INT64 else None
    limit = _INT64.stop if match["sign"] else _UINT64_END
    return value if value < limit else None
