"""Quantities of Kubernetes: ``25m``, ``0.1``, ``64Mi``, ``1e3``.

Source: apimachinery, pkg/api/resource/quantity.go and suffix.go.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from webhook.model import Json

_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}))(?:[eE]([+-]?[0-9]{1,2})|([A-Za-z]{0,2}))"
)
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
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _QUANTITY.fullmatch(value if isinstance(value, str) else repr(value)[:40])
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    factor = Decimal(10) ** int(exponent) if exponent else _SUFFIXES.get(suffix or "")
    return None if factor is None else Decimal(number) * factor
