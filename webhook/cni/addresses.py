"""The address that a probe targets, in all spellings of gRPC and as an argument of other programs.

Sources: the name syntax of gRPC (doc/naming.md of grpc/grpc and internal/resolver of grpc/grpc-go).
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import unquote

from webhook.cni.agents import IPAMD_PATH, IPAMD_PORT, PORTS
from webhook.model import Json
from webhook.printable import named

Speaks = Literal["health", "grpc", "tcp", "http", "other"]
"""What probes: grpc-health-probe in the container (health), the kubelet (grpc, tcp, http), or another program."""


class Flaw(NamedTuple):
    """Why a probe by grpc-health-probe always fails, even at the right address."""

    how: str
    """What the probe does, after its address in a message: ``with -tls``."""
    why: str
    """Why that fails, a clause."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The target of a probe: a unix socket, or a port of this node or of another host."""

    speaks: Speaks
    socket: str = ""
    """The absolute path of a unix socket; empty for TCP."""
    port: int | None = None
    """None for a socket, and if the port is unknown."""
    host: str = ""
    """Another host; empty for this node."""
    loopback: bool = True
    """Whether it targets the loopback address, not the address of the node."""
    flaw: Flaw | None = None
    """Why ipamd never answers it, even at the right address."""

    @property
    def address(self) -> str:
        """The normalized address: ``unix:///path``, ``:port``, ``host:port``."""
        port = "(unknown port)" if self.port is None else str(self.port)
        return f"unix://{self.socket}" if self.socket else f"{self.host}:{port}"

    @property
    def is_ipamds(self) -> bool:
        """Whether ipamd of any release listens there."""
        return self.socket == IPAMD_PATH if self.socket else self.port == IPAMD_PORT and not self.host


@dataclass(frozen=True, slots=True)
class Opaque:
    """A probe that cannot be fully parsed, and why."""

    why: str
    program: str = ""
    """What it runs; empty if unknown."""
    given: tuple[Asked, ...] = ()
    """Addresses that are separate arguments of the program."""
    mentioned: tuple[Asked, ...] = ()
    """Addresses in longer texts such as scripts; what is done with them is unknown."""


def in_range(number: Json) -> int | None:
    """A valid port number; None for anything else."""
    return number if type(number) is int and 0 < number <= _LAST_PORT else None


def port_of(digits: str) -> int | None:
    """A port from its digits, as Go parses them."""
    found = _DIGITS.fullmatch(digits)
    return in_range(int(found[1])) if found else None


_LAST_PORT = 65535
_DIGITS = re.compile(r"\+?0*([0-9]{1,5})", re.ASCII)


# --- targets of gRPC -------------------------------------------------------------------------------------------------

_RESOLVER = re.compile(r"(?:passthrough|dns):(?://[^/]*/|/)?", re.IGNORECASE)
_HOST_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([^:]*)")
_LINKED = "/run/"


def target(written: str, folder: str) -> Asked | Opaque:
    """Parse a target of gRPC.

    Args:
        written: The target.
        folder: The working directory of the container, for relative paths of sockets.
    """
    if found := _RESOLVER.match(written):
        written = written[found.end() :]
    scheme, colon, rest = written.partition(":")
    if colon and scheme.lower() == "unix":
        return _socket(rest, folder)
    if colon and scheme.lower() == "unix-abstract":
        return Asked("health", socket=f"@{rest}")
    found = _HOST_PORT.fullmatch(written)
    if found is None:
        return Opaque(f"the guard cannot read its address {named(written[:100])}")
    host = found[1] or found[2] or ""
    port = port_of(found[3])
    if port is None:
        return Opaque(f"the guard cannot read the port of its address {named(written[:100])}")
    return Asked("health", port=port, host="" if is_local(host) else host)


def _socket(rest: str, folder: str) -> Asked | Opaque:
    """The path behind ``unix:``."""
    if rest.startswith("//") and not rest.startswith("///"):
        return Opaque("unix:// is followed by three slashes or none")
    path = unquote(re.split(r"[?#]", rest, maxsplit=1)[0]) if rest.startswith("/") else rest
    if not path.startswith("/") and not folder.startswith("/"):
        return Opaque("its socket depends on the working folder of the image")
    path = posixpath.normpath(posixpath.join(folder, path))
    path = f"/{path.lstrip('/')}"
    if path.startswith(_LINKED):
        return Opaque("whether /run and /var/run are one folder depends on the image")
    return Asked("health", socket=path)


def is_local(host: str) -> bool:
    """Whether a host is this node by its loopback or unspecified address."""
    found = _ip(host)
    return not host.rstrip(".") or is_loopback(host) or (found is not None and found.is_unspecified)


def is_loopback(host: str) -> bool:
    """Whether only the node itself reaches what listens on a host."""
    found = _ip(host)
    named = host.lower().rstrip(".") in {"localhost", "ip6-localhost", "ip6-loopback"}
    return named or (found is not None and found.is_loopback)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


# --- addresses that any program is given -----------------------------------------------------------------------------

_FLAG = re.compile(r"--?[A-Za-z][\w-]*=", re.ASCII)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://)(?:[^/@]*@)?(?P<rest>[^/?#]+)", re.IGNORECASE)
_LONGEST = 300


def given(words: Sequence[str]) -> tuple[Asked, ...]:
    """The addresses that are separate arguments: ``:50051``, a URL, a socket, a port after a host."""
    found: dict[Asked, None] = {}
    for before, word in zip(("", *words), words, strict=False):
        if len(word) <= _LONGEST and (one := _argument(_unflagged(before), _unflagged(word))):
            found[one] = None
    return tuple(found)


def _unflagged(word: str) -> str:
    """The value of ``--flag=value``, else the word."""
    flag = _FLAG.match(word)
    return word[flag.end() :] if flag else word


def _argument(before: str, word: str) -> Asked | None:
    """The address in a word, or in a port after a host; None if it is not one."""
    path = word[len("unix:") :] if word.lower().startswith("unix:") else word
    if path.startswith("/"):
        return _OF_IPAMD if f"/{posixpath.normpath(path).lstrip('/')}" == IPAMD_PATH else None
    if word.isdecimal():
        return Asked("other", port=port) if before and is_local(before) and (port := port_of(word)) else None
    url = _URL.match(word)
    found = _HOST_PORT.fullmatch(url["rest"] if url else word.partition("/")[0])
    port = port_of(found[3]) if found else None
    if found is None or port is None:
        return None
    host = found[1] or found[2] or ""
    if not is_local(host) and url is None and _ip(host) is None:
        return None  # as in 12:30 or name:1
    return Asked("other", port=port, host="" if is_local(host) else host)


_OF_IPAMD = Asked("other", socket=IPAMD_PATH)


_PORT = re.compile(r"(?<![0-9A-Za-z_.])[0-9]{1,5}(?![0-9A-Za-z_])", re.ASCII)
_SOCKET = re.compile(rf"(?<![\w.]){re.escape(IPAMD_PATH)}(?![\w.])")
_OF_A_HOST = string.ascii_letters + string.digits + "_.-:%[]"
_LONGEST_HOST = 80
_MOST = 5


def mentioned(text: str) -> tuple[Asked, ...]:
    """The addresses in a longer text: ports of a local host, ports of aws-node, and ipamd's socket."""
    found: dict[Asked, None] = {}
    if _SOCKET.search(text):
        found[_OF_IPAMD] = None
    for one in _ports(text):
        found[one] = None
        if len(found) == _MOST:
            break
    return tuple(found)


def _ports(text: str) -> Iterator[Asked]:
    for number in _PORT.finditer(text):
        port, start = port_of(number[0]), number.start()
        # The text before it is read within a bound: a script may be one long word.
        ahead = text[max(0, start - _LONGEST_HOST) : start]
        mark = ahead[-1:] if ahead[-1:] in {":", "/"} else ""
        before = ahead.removesuffix(mark)
        host = before[len(before.rstrip(_OF_A_HOST)) :].strip("[]") if mark else ""
        if port is not None and ((host and is_local(host)) or (port in PORTS and not _is_another(host))):
            yield Asked("other", port=port)


def _is_another(host: str) -> bool:
    return not is_local(host) and ("." in host or _ip(host) is not None)
