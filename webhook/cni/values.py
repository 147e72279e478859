"""One reader for each of the CNI's own parsers, so that a rule sees the value that aws-node will really use.

Sources: amazon-vpc-cni-k8s, utils/utils.go, pkg/ipamd/ipamd.go, pkg/networkutils/network.go; Go's strconv.
"""

import ipaddress
import re
from collections.abc import Iterable

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})", re.ASCII)
_ANY_BASE = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[oO]?(?P<octal>(?:_?[0-7])+)|0[bB](?P<binary>(?:_?[01])+)"
    r"|(?P<decimal>[1-9](?:_?[0-9])*|0))",
    re.ASCII,
)
_LENGTH = re.compile(r"0*([0-9]{1,9})", re.ASCII)
_BASES = {"hex": 16, "octal": 8, "binary": 2, "decimal": 10}
_INT64 = 2**63
_LONGEST = 64
"""Digits beyond which no int64 is written, leading zeros aside; Python refuses to convert over 4,300."""


def go_bool(text: str) -> bool | None:
    """strconv.ParseBool; None where it fails, and the CNI then takes its default."""
    if text in TRUE:
        return True
    return False if text in FALSE else None


def go_int(text: str) -> int | None:
    """strconv.Atoi: a sign and ASCII digits within 64 bits, no blanks; None where it fails."""
    found = _INTEGER.fullmatch(text)
    return _int64(int(found[1] + found[2])) if found else None


def go_int_any_base(text: str) -> int | None:
    """strconv.ParseInt(text, 0, 64); None where it fails.

    The prefixes 0x, 0o, 0b and a bare 0 for octal; an underscore between digits, and after a prefix.
    """
    found = _ANY_BASE.fullmatch(text)
    if found is None or found.lastgroup is None:
        return None
    digits = found[found.lastgroup].replace("_", "").lstrip("0") or "0"
    return _int64(int(found["sign"] + digits, _BASES[found.lastgroup])) if len(digits) <= _LONGEST else None


def _int64(number: int) -> int | None:
    return number if -_INT64 <= number < _INT64 else None


def warm_target(text: str | None, default: int) -> int:
    """A warm pool target as ipamd reads it: whatever is no integer, or negative, is silently the default."""
    number = go_int(text) if text else None
    return default if number is None or number < 0 else number


def beyond_zero(text: str | None) -> bool:
    """The entry point's own test of a target: text compared with "0" byte by byte, an absent one being "0".

    So "00" and "abc" count as set, "+5" and "" do not (cmd/aws-vpc-cni/main.go, validateEnvVars).
    """
    return (text if text is not None else "0").encode("utf-8", "surrogatepass") > b"0"


def go_cidr(text: str) -> tuple[ipaddress.IPv4Network, bool] | None:
    """net.ParseCIDR for IPv4: the network and whether host bits were set; None where the CNI skips the item."""
    address, slash, bits = text.partition("/")
    length = _LENGTH.fullmatch(bits)
    if not slash or length is None:
        return None
    try:
        host = ipaddress.IPv4Address(address)
        network = ipaddress.IPv4Network(f"{address}/{length[1]}", strict=False)
    except ValueError:
        return None
    return network, host != network.network_address


def covers_everything(networks: Iterable[ipaddress.IPv4Network]) -> bool:
    """Whether every IPv4 address lies in one of the networks."""
    return list(ipaddress.collapse_addresses(networks)) == [_EVERYTHING]


_EVERYTHING = ipaddress.IPv4Network("0.0.0.0/0")
