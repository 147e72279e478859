"""One reader for each parser of the CNI, so that rules see the value that aws-node uses.

Sources: amazon-vpc-cni-k8s, utils/utils.go, pkg/ipamd/ipamd.go, pkg/networkutils/network.go; Go's strconv.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from webhook.cni.version import Version

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_NUMBERS, _PROGRAM = Version(1, 9, 1), Version(1, 12, 1)
"""The releases that changed how the entry point compares targets with zero."""

_SHELL_INTEGER = re.compile(r"\s*([+-]?)0*([0-9]+)[ \t]*", re.ASCII)
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
"""The maximum digits of an int64 in any base, without leading zeros; Python refuses to convert more than 4,300."""


def go_bool(text: str) -> bool | None:
    """strconv.ParseBool; None if it fails, in which case the CNI uses its default."""
    if text in TRUE:
        return True
    return False if text in FALSE else None


def go_int(text: str) -> int | None:
    """strconv.Atoi: a sign and ASCII digits within 64 bits, no spaces; None if it fails."""
    found = _INTEGER.fullmatch(text)
    return _int64(int(found[1] + found[2])) if found else None


def go_int_any_base(text: str) -> int | None:
    """strconv.ParseInt(text, 0, 64); None if it fails.

    Accepts the prefixes 0x, 0o, 0b and 0 (octal), and underscores between digits and after a prefix.
    """
    found = _ANY_BASE.fullmatch(text)
    if found is None or found.lastgroup is None:
        return None
    digits = found[found.lastgroup].replace("_", "").lstrip("0") or "0"
    return _int64(int(found["sign"] + digits, _BASES[found.lastgroup])) if len(digits) <= _LONGEST else None


def _int64(number: int) -> int | None:
    return number if -_INT64 <= number < _INT64 else None


def warm_target(text: str | None, default: int) -> int:
    """A warm pool target as ipamd reads it: anything but a non-negative integer silently gives the default."""
    number = go_int(text) if text else None
    return default if number is None or number < 0 else number


def mark(text: str | None, default: int) -> int:
    """A mark of 32 bits as the CNI reads it: anything else gives the default."""
    number = go_int_any_base(text) if text else None
    return number if number is not None and 0 < number < 2**32 else default


def beyond_zero(text: str | None, version: Version | None = None) -> bool:
    """Whether the entry point takes a target as set; absent counts as "0", an unknown release as the newest.

    1.9.0 compares it with "0" as a string, the shell script of 1.9.1 to 1.12.0 as a number (scripts/entrypoint.sh). The
    program since 1.12.1 compares bytes: "00" and "abc" count as set, "+5" and "" do not (cmd/aws-vpc-cni/main.go,
    validateEnvVars).
    """
    if version is not None and version < _PROGRAM:
        text = text or "0"
        return text != "0" if version < _NUMBERS else not _at_most_zero(text)
    return (text if text is not None else "0").encode("utf-8", "surrogatepass") > b"0"


def _at_most_zero(text: str) -> bool:
    """``[ "$text" -le 0 ]`` in bash, which fails for a text that is not a number."""
    found = _SHELL_INTEGER.fullmatch(text)
    if found is None or len(found[2]) > _LONGEST:
        return False
    number = _int64(int(found[1] + found[2]))
    return number is not None and number <= 0


def go_cidr(text: str) -> tuple[ipaddress.IPv4Network, bool] | None:
    """net.ParseCIDR: an IPv4 network and whether host bits were set; None if it fails or the network is IPv6.

    A network in ::ffff:0:0/96 is an IPv4 network: Go's net.IP.To4 returns its last four bytes.
    """
    return _remembered_ipv4(text) if len(text) <= _LONGEST else _ipv4(text)


def _ipv4(text: str) -> tuple[ipaddress.IPv4Network, bool] | None:
    read = _cidr(text)
    if read is None:
        return None
    network, host_bits = read
    if isinstance(network, ipaddress.IPv4Network):
        return network, host_bits
    mapped = network.network_address.ipv4_mapped
    if mapped is None or network.prefixlen < _MAPPED:
        return None
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED)), host_bits


_remembered_ipv4 = lru_cache(maxsize=1024)(_ipv4)
"""Cached, since a list is read again for every possible value of another setting."""


def is_ipv6_cidr(text: str) -> bool:
    """Whether net.ParseCIDR returns an IPv6 network."""
    return _cidr(text) is not None and go_cidr(text) is None


_MAPPED = 96
"""The length of the prefix ::ffff:0:0 of IPv4-mapped IPv6 addresses."""


def _cidr(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, bool] | None:
    address, slash, bits = text.partition("/")
    length = _LENGTH.fullmatch(bits)
    if not slash or length is None or "%" in address:
        return None
    try:
        host = ipaddress.ip_address(address)
        network = ipaddress.ip_network(f"{address}/{length[1]}", strict=False)
    except ValueError:
        return None
    return network, host != network.network_address


_GO_SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def go_trim(text: str) -> str:
    """strings.TrimSpace; unlike Python's strip it keeps the separators U+001C to U+001F."""
    return text.strip(_GO_SPACES)


def go_lower(text: str) -> str:
    """strings.ToLower: one letter for each letter, while Python may return two."""
    return "".join("i" if letter == "\u0130" else letter.lower() for letter in text)


def covers_everything(networks: Iterable[ipaddress.IPv4Network]) -> bool:
    """Whether the networks contain every IPv4 address."""
    return list(ipaddress.collapse_addresses(networks)) == [_EVERYTHING]


_EVERYTHING = ipaddress.IPv4Network("0.0.0.0/0")
