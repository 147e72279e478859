"""Quantities of Kubernetes: ``25m``, ``0.1``, ``64Mi``, ``1e3``.

Source: apimachinery, pkg/api/resource/quantity.go and suffix.go.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from webhook.model import Json

_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}))(?:[eE]([+-]?[0-9]{1,2})|([A-Za-z]{0,2}))"
)
_LONGEST = 42
"""Characters of the longest quantity: a sign, 18 digits, a dot, 18 digits, and an exponent."""
_SUFFIXES: Mapping[str, Decimal] = MappingProxyType(
    {
        "": Decimal(1),
        **{suffix: Decimal(10) ** power for suffix, power in zip("num", (-9, -6, -3), strict=True)},
        **{suffix: Decimal(1000) ** (power + 1) for power, suffix in enumerate("kMGTPE")},
        **{f"{suffix}i": Decimal(1024) ** (power + 1) for power, suffix in enumerate("KMGTPE")},
    }
)


def quantity(value: Json) -> Decimal | None:
    """Read a quantity; None for anything else."""
    if isinstance(value, str):
        return _quantity(value) if len(value) <= _LONGEST else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _quantity(repr(value)[:_LONGEST]) if is_number else None


@lru_cache(maxsize=256)
def _quantity(text: str) -> Decimal | None:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    factor = Decimal(10) ** int(exponent) if exponent else _SUFFIXES.get(suffix or "")
    return None if factor is None else Decimal(number) * factor
