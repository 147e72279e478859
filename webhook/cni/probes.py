"""What a probe of container aws-node asks: an address, however it is written.

Sources: main.go of grpc-ecosystem/grpc-health-probe (flags); Go's package flag (the last of two wins); the name syntax
of gRPC (doc/naming.md of grpc/grpc and internal/resolver of grpc/grpc-go); pkg/kubelet/prober and pkg/probe of
kubernetes/kubernetes (named ports, the host that a probe asks, variables in commands).
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from webhook.cni.container import Container
from webhook.model import Json, at, text

KINDS = ("livenessProbe", "readinessProbe", "startupProbe")
"""The probes that a container can have."""

Speaks = Literal["health", "grpc", "tcp", "http"]
"""Who asks: grpc-health-probe inside the container (health), or the kubelet by one of its own kinds of probe."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a probe asks: at a unix socket, or at a port of this node or of another host."""

    speaks: Speaks
    socket: str = ""
    """The absolute path of a unix socket; empty for TCP."""
    port: int | None = None
    """None for a socket, and where the port cannot be found."""
    host: str = ""
    """Another host; empty for this node."""
    loopback: bool = True
    """Whether it asks at the loopback address, and not at the address of the node."""

    @property
    def address(self) -> str:
        """The address in one spelling: ``unix:///path``, ``:port``, ``host:port``."""
        port = "(unknown port)" if self.port is None else str(self.port)
        return f"unix://{self.socket}" if self.socket else f"{self.host}:{port}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A probe that cannot be read whole, and why."""

    why: str


Answer = Asked | Unread | None
"""None: the container has no such probe, or the probe is a command that asks nothing of ipamd."""


def asked(container: Container, kind: str) -> Answer:
    """What one of the probes of a container asks.

    Args:
        container: The container; its variables and named ports are what the kubelet puts into the probe.
        kind: One of `KINDS`.
    """
    probe = container.raw.get(kind)
    if isinstance(command := at(probe, "exec", "command"), list):
        if len(command) > _MOST_WORDS or sum(len(word) for word in command if isinstance(word, str)) > _MOST_LETTERS:
            return Unread("it is too long")
        words = [_expanded(word, container) for word in command if isinstance(word, str)]
        known = [word for word in words if word is not None]
        return (
            _command(known, container)
            if len(known) == len(command)
            else Unread("it has a value that is not known, or too long")
        )
    for handler, speaks in _HANDLERS:
        action = at(probe, handler)
        if isinstance(action, dict):
            return _by_kubelet(container, action, speaks)
    return None


_MOST_WORDS = 100
_MOST_LETTERS = 2**14
"""Words and characters of a probe's command that are read; the official one has two words."""


_HANDLERS: tuple[tuple[str, Speaks], ...] = (("httpGet", "http"), ("tcpSocket", "tcp"), ("grpc", "grpc"))


def _by_kubelet(container: Container, action: Mapping[str, Json], speaks: Speaks) -> Asked:
    """A probe of the kubelet's own; without a host it asks at the address of the pod, here that of the node."""
    host = text(action.get("host"))
    return Asked(
        speaks, port=_port(container, action.get("port")), host="" if _is_local(host) else host, loopback=bool(host)
    )


def _port(container: Container, port: Json) -> int | None:
    """A port by its number, by its name among the container's ports, or by digits in a text."""
    if not isinstance(port, str):
        return _in_range(port)
    ports = container.raw.get("ports")
    for entry in ports if isinstance(ports, list) else ():
        if at(entry, "name") == port:
            return _in_range(at(entry, "containerPort"))
    return _number(port)


def _in_range(number: Json) -> int | None:
    return number if type(number) is int and 0 < number <= _LAST_PORT else None


def _number(digits: str) -> int | None:
    found = _DIGITS.fullmatch(digits)
    return _in_range(int(found[1])) if found else None


_LAST_PORT = 65535


_DIGITS = re.compile(r"\+?0*([0-9]{1,5})", re.ASCII)
_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")


def _expanded(word: str, container: Container) -> str | None:
    """A word after the kubelet has put variables into it; None where one is not known, or the word grows too long."""
    if "$" not in word:
        return word
    names = [found[1] for found in _REFERENCE.finditer(word) if found[1] is not None]
    # Measured before it is built: many references to one long value multiply.
    put_in = [known for name in names if isinstance(known := container.env.get(name), str)]
    if len(word) + sum(map(len, put_in)) > _MOST_LETTERS:
        return None
    if any(container.may_have(name) and not isinstance(container.env.get(name), str) for name in names):
        return None

    def value(found: re.Match[str]) -> str:
        known = container.env.get(found[1]) if found[1] is not None else None
        return "$" if found[1] is None else known if isinstance(known, str) else found[0]

    return _REFERENCE.sub(value, word)


# --- commands --------------------------------------------------------------------------------------------------------

_PROBER = re.compile(r"grpc[-_]health[-_]probe")
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh"))
_LONGEST_SCRIPT = 4096
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
_QUOTED = re.compile(r"""'[^']*'|"[^"$`\\]*\"""")
_SPECIAL = frozenset("$`;&|<>()*?{}~#!\n")
"""What makes a shell do more than run one program with these words."""


def _command(words: Sequence[str], container: Container) -> Answer:
    """What a command asks: grpc-health-probe, alone or behind programs that only start another one."""
    words = _started(words)
    program = posixpath.basename(words[0]) if words else ""
    if program in _SHELLS:
        return _shell(words, container)
    if _PROBER.match(program):
        return _by_health_probe(words[1:], container)
    if any(_PROBER.search(word) for word in words):
        return Unread(f"it runs {program[:60]}, which the guard does not know")
    return None


def _started(words: Sequence[str]) -> Sequence[str]:
    """The words without those that only start another program."""
    index = 0
    while index < len(words):
        program = posixpath.basename(words[index])
        following = words[index + 1] if index + 1 < len(words) else "-"
        if program == "timeout" and not following.startswith("-"):
            index += 2
        elif (program in {"exec", "env", "nohup"} and not following.startswith("-")) or (
            index and _ASSIGNMENT.match(words[index])
        ):
            index += 1
        else:
            break
    return words[index:]


def _shell(words: Sequence[str], container: Container) -> Answer:
    """What a shell asks that is given its script by ``-c``."""
    script = _script(words)
    if script is None:
        return Unread("it runs a script")
    script = script.strip()
    if len(script) > _LONGEST_SCRIPT:
        return Unread("its script is too long")
    if _SPECIAL & set(_QUOTED.sub("", script)):
        return Unread("its shell command is more than one program with fixed words")
    try:
        inside = shlex.split(script)
    except ValueError:
        return Unread("its shell command has a quote that does not end")
    first = next((place for place, word in enumerate(inside) if not _ASSIGNMENT.match(word)), len(inside))
    inner = _started(inside[first:])
    if inner and posixpath.basename(inner[0]) in _SHELLS:
        return Unread("it runs a shell in a shell")
    return _command(inner, container)


def _script(words: Sequence[str]) -> str | None:
    """The script that follows ``-c`` among the options of a shell."""
    given, index = False, 1
    while index < len(words) and words[index][:1] in {"-", "+"} and words[index] != "--":
        letters = "" if words[index].startswith("--") else words[index][1:]
        given = given or "c" in letters
        index += 2 if "o" in letters else 1
    index += index < len(words) and words[index] == "--"
    return words[index] if given and index < len(words) else None


_SWITCHES = frozenset(("tls", "tls-no-verify", "v", "verbose", "alts", "gzip", "spiffe"))
_VALUED = frozenset(
    (
        "addr",
        "connect-timeout",
        "rpc-header",
        "rpc-timeout",
        "service",
        "tls-ca-cert",
        "tls-client-cert",
        "tls-client-key",
        "tls-server-name",
        "user-agent",
    )
)


def _by_health_probe(words: Sequence[str], container: Container) -> Asked | Unread:
    """What grpc-health-probe asks with these arguments: of an address given twice the last."""
    address, index = "", 0
    while index < len(words) and words[index].startswith("-") and words[index] not in {"-", "--"}:
        name, equals, value = words[index].removeprefix("-").removeprefix("-").partition("=")
        index += 1
        if name in _VALUED and not equals:
            value = words[index] if index < len(words) else ""
            index += 1
        elif name not in _VALUED | _SWITCHES:
            return Unread(f"the guard does not know its flag {name[:60]}")
        if name == "addr":
            address = value
    return _target(address, container) if address else Unread("it names no address")


# --- addresses -------------------------------------------------------------------------------------------------------

_RESOLVER = re.compile(r"(?:passthrough|dns):(?://[^/]*/|/)?", re.IGNORECASE)
_HOST_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([^:]*)")
_LINKED = "/run/"


def _target(target: str, container: Container) -> Asked | Unread:
    """A target of gRPC."""
    if found := _RESOLVER.match(target):
        target = target[found.end() :]
    scheme, colon, rest = target.partition(":")
    if colon and scheme.lower() == "unix":
        return _socket(rest, container)
    if colon and scheme.lower() == "unix-abstract":
        return Asked("health", socket=f"@{rest}")
    found = _HOST_PORT.fullmatch(target)
    if found is None:
        return Unread(f"the guard cannot read its address {target[:100]}")
    host = found[1] or found[2] or ""
    port = _number(found[3])
    if port is None:
        return Unread(f"the guard cannot read the port of its address {target[:100]}")
    return Asked("health", port=port, host="" if _is_local(host) else host)


def _socket(rest: str, container: Container) -> Asked | Unread:
    """The path behind ``unix:``; one that is not absolute begins at the working folder of the container."""
    if rest.startswith("//") and not rest.startswith("///"):
        return Unread("unix:// is followed by three slashes or none")
    path = unquote(re.split(r"[?#]", rest, maxsplit=1)[0]) if rest.startswith("/") else rest
    folder = text(container.raw.get("workingDir"))
    if not path.startswith("/") and not folder.startswith("/"):
        return Unread("its socket depends on the working folder of the image")
    path = posixpath.normpath(posixpath.join(folder, path))
    path = f"/{path.lstrip('/')}"
    if path.startswith(_LINKED):
        return Unread("whether /run and /var/run are one folder depends on the image")
    return Asked("health", socket=path)


def _is_local(host: str) -> bool:
    """Whether a host is this node by its loopback or unspecified address."""
    if host.lower().rstrip(".") in {"", "localhost", "ip6-localhost", "ip6-loopback"}:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or (mapped or address).is_unspecified
