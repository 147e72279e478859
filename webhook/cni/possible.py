"""The values to try for a variable whose value is unknown at admission.

One for each way in which the CNI, or a rule, can treat a value of that kind. What holds for all of them holds for
whatever the ConfigMap, the Secret or the kubelet supplies.
"""

from collections.abc import Mapping
from types import MappingProxyType

from webhook.cni.reading import Parser, Variable

_NUMBERS = ("0", "1", "2", "3", "16", "110", "1000")
_LISTS = ("", "10.0.0.0/8", "0.0.0.0/0", "x")
_SIZES = ("0", "9", "10", "575", "1279", "1280", "1500", "9001", "9002")
_VALUES: Mapping[Parser, tuple[str, ...]] = MappingProxyType(
    {
        "bool": ("false", "true"),
        "bool-quiet": ("false", "true"),
        "bool-true": ("false", "true"),
        "target": _NUMBERS,
        "integer": _SIZES,
        "clamped": _SIZES,
        "mark": ("0x80", "0", "0x4000", "0x10000"),
        "text": ("x", ""),
        "path": ("/x", ""),
        "folder": ("/x", ""),
        "choice": ("", "x"),
        "cidrs": _LISTS,
        "cidrs-exact": _LISTS,
        "json": ("{}", ""),
        "url": ("https://a.example", "x", ""),
        "address": ("127.0.0.1:61679", ":61679", ""),
        "field": ("x", ""),
        "none": ("x",),
    }
)


def possible(row: Variable | None, *, may_be_absent: bool) -> tuple[str | None, ...]:
    """The values to try, the most common one first; None is an absent variable."""
    values: tuple[str | None, ...] = ("x", "")
    if row is not None:
        usual = (row.default,) if row.default is not None and not may_be_absent else ()
        readings = [reading for _, reading in reversed(row.steps)]
        chosen = [choice for reading in readings for choice in reading.choices]
        tried = [value for reading in readings for value in _VALUES[reading.parser]]
        values = tuple(dict.fromkeys((*usual, *chosen, *tried)))
    return (None, *values) if may_be_absent else values
