"""The target of a probe of container aws-node: an address, in any spelling.

Sources: pkg/kubelet/prober and pkg/probe of kubernetes/kubernetes (named ports, the host that a probe asks, variables
in commands).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from webhook.cni.addresses import Asked, Flaw, Opaque, Speaks, given, in_range, is_local, port_of
from webhook.cni.container import Container
from webhook.cni.programs import read
from webhook.model import Json, at, text

KINDS = ("livenessProbe", "readinessProbe", "startupProbe")
"""The probes that a container can have."""

ProbeTarget = Asked | Flaw | Opaque | None
"""None if the container has no such probe, or the probe has no target."""


def asked(container: Container, kind: str) -> ProbeTarget:
    """The target of a probe of a container.

    Args:
        container: The container; its variables and named ports are what the kubelet puts into the probe.
        kind: One of `KINDS`.
    """
    probe = container.raw.get(kind)
    if isinstance(command := at(probe, "exec", "command"), list):
        if len(command) > _MOST_WORDS or sum(len(word) for word in command if isinstance(word, str)) > _MOST_LETTERS:
            return Opaque("it is too long")
        words = [_expanded(word, container) if isinstance(word, str) else None for word in command]
        if None in words:
            # An unknown word keeps its place: a port counts only right behind its host.
            known = [word or "" for word in words]
            return Opaque("it has a value that is not known, or too long", given=given(known))
        return read([word for word in words if word is not None], text(container.raw.get("workingDir")))
    for handler, speaks in _HANDLERS:
        action = at(probe, handler)
        if isinstance(action, dict):
            return _by_kubelet(container, action, speaks)
    return None


_MOST_WORDS = 100
_MOST_LETTERS = 2**14
"""How many words and characters of a probe's command are read; the official one has four words."""

_HANDLERS: tuple[tuple[str, Speaks], ...] = (("httpGet", "http"), ("tcpSocket", "tcp"), ("grpc", "grpc"))


def _by_kubelet(container: Container, action: Mapping[str, Json], speaks: Speaks) -> Asked:
    """A probe by the kubelet; without a host it targets the address of the pod, which is that of the node."""
    host = text(action.get("host"))
    return Asked(
        speaks, port=_port(container, action.get("port")), host="" if is_local(host) else host, loopback=bool(host)
    )


def _port(container: Container, port: Json) -> int | None:
    """A port, given as a number, as the name of a container port, or as a string of digits."""
    if not isinstance(port, str):
        return in_range(port)
    ports = container.raw.get("ports")
    for entry in ports if isinstance(ports, list) else ():
        if at(entry, "name") == port:
            return in_range(at(entry, "containerPort"))
    return port_of(port)


_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")


def _expanded(word: str, container: Container) -> str | None:
    """A word with its variables expanded by the kubelet; None if a value is unknown or the word gets too long."""
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
