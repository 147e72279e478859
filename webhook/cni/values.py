"""One reader for each of the CNI's own parsers, so that a rule sees the value that aws-node will really use.

Sources: amazon-vpc-cni-k8s, utils/utils.go, pkg/ipamd/ipamd.go, pkg/networkutils/network.go; Go's strconv.
"""

import ipaddress
import re

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64 = 2**63
_LONGEST = 64
"""Digits beyond which no int64 is written; Python refuses to convert over 4,300."""


def go_bool(text: str) -> bool | None:
    """strconv.ParseBool; None where it fails, and the CNI then takes its default."""
    if text in TRUE:
        return True
    return False if text in FALSE else None


def go_int(text: str) -> int | None:
    """strconv.Atoi: a sign and ASCII digits within 64 bits, no blanks; None where it fails."""
    if len(text) > _LONGEST or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None


def go_int_any_base(text: str) -> int | None:
    """strconv.ParseInt(text, 0, 64): with the prefixes 0x, 0o, 0b and a bare 0 for octal; None where it fails."""
    if len(text) > _LONGEST or not re.fullmatch(
        r"[+-]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|[1-9][0-9]*|0)", text
    ):
        return None
    octal = re.fullmatch(r"([+-]?)0([0-7]+)", text)
    return int(f"{octal[1]}0o{octal[2]}" if octal else text, 0)


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
    if not slash or not re.fullmatch(r"[0-9]{1,9}", bits, re.ASCII):
        return None
    try:
        host = ipaddress.IPv4Address(address)
        network = ipaddress.IPv4Network(f"{address}/{int(bits)}", strict=False)
    except ValueError:
        return None
    return network, host != network.network_address
