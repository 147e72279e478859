"""The network policy agent beside the CNI: which one ships with which release, and how they talk.

Sources: config/master/aws-k8s-cni.yaml of each tag of aws/amazon-vpc-cni-k8s (pairs, probes); its
cmd/routed-eni-cni-plugin/cni.go, pkg/ipamd/rpc_handler.go and CHANGELOG.md (sockets); main.go of
aws/aws-network-policy-agent (sockets).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from webhook.cni.values import go_lower
from webhook.cni.version import Version, at

if TYPE_CHECKING:
    from collections.abc import Mapping

V = Version.of

FIRST_WITH_AGENT = V("1.14.0")
"""The first release whose manifest has the container aws-eks-nodeagent."""

_SHIPPED: tuple[tuple[str, str], ...] = (
    ("1.0.1", "1.14.0"),
    ("1.0.2", "1.14.1 1.15.0"),
    ("1.0.4", "1.15.1"),
    ("1.0.5", "1.15.3"),
    ("1.0.6", "1.15.4"),
    ("1.0.7", "1.15.5 1.16.0 1.16.2"),
    ("1.0.8", "1.16.3 1.16.4"),
    ("1.1.0", "1.17.1 1.18.0"),
    ("1.1.1", "1.18.1"),
    ("1.1.2", "1.18.2 1.18.3"),
    ("1.1.3", "1.18.4 1.18.5"),
    ("1.1.4", "1.18.6"),
    ("1.1.5", "1.19.0"),
    ("1.1.6", "1.19.2"),
    ("1.2.0", "1.19.3"),
    ("1.2.1", "1.19.4 1.19.5"),
    ("1.2.2", "1.19.6"),
    ("1.2.3", "1.20.0"),
    ("1.2.4", "1.20.1"),
    ("1.2.6", "1.20.2 1.20.3"),
    ("1.2.7", "1.20.4 1.20.5"),
    ("1.3.0", "1.21.0"),
    ("1.3.1", "1.21.1"),
    ("1.3.5", "1.21.2 1.22.1 1.22.2"),
    ("1.3.7", "1.22.3"),
    ("1.4.0", "1.22.4"),
    ("1.4.1", "1.23.0"),
    ("1.4.2", "1.23.1"),
)

PAIRS: Mapping[Version, Version] = MappingProxyType(
    {V(cni): V(agent) for agent, releases in _SHIPPED for cni in releases.split()},
)
"""The agent in the manifest of each release. 1.22.0 is missing: its manifest deploys 1.21.1."""

ToAgent = Literal["none", "tcp-if-strict", "tcp-always", "tcp-if-mode-set", "unix-if-mode-set"]
ToIpamd = Literal["none", "tcp", "unix"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """How the plugin reaches the agent, and the agent ipamd, from one release on."""

    to_agent: ToAgent
    agent_address: str
    to_ipamd: ToIpamd
    ipamd_address: str
    minimum: Version | None = None
    """The oldest agent that can talk to these releases."""
    before: Version | None = None
    """The first agent that is too new for them."""
    before_when_enabled: bool = False
    """Whether ``before`` matters only while network policies are enabled."""


_AGENT_TCP, _AGENT_SOCKET = "127.0.0.1:50052", "unix:///var/run/aws-node/npa.sock"
IPAMD_PORT, IPAMD_PATH = 50051, "/var/run/aws-node/ipamd.sock"
"""Where ipamd answers gRPC: at this port of the loopback address before 1.23.0, at this socket from there on."""

PORTS = frozenset((IPAMD_PORT, 50052, 61678, 61679, 8162, 8163))
"""The ports of ipamd and of the agent: gRPC, metrics and introspection, metrics and health of the agent."""

_IPAMD_TCP, _IPAMD_SOCKET = f"127.0.0.1:{IPAMD_PORT}", f"unix://{IPAMD_PATH}"
_NEW_SOCKET, _NO_TCP = V("1.2.6"), V("1.4.1")

EPOCHS: tuple[tuple[Version, Epoch], ...] = (
    (V("0.0.0"), Epoch("none", "", "none", "", before=_NEW_SOCKET)),
    (V("1.17.0"), Epoch("tcp-if-strict", _AGENT_TCP, "none", "", before=_NEW_SOCKET)),
    (V("1.19.3"), Epoch("tcp-always", _AGENT_TCP, "tcp", _IPAMD_TCP, before=_NEW_SOCKET)),
    (V("1.19.4"), Epoch("tcp-if-mode-set", _AGENT_TCP, "tcp", _IPAMD_TCP, before=_NEW_SOCKET)),
    (
        V("1.20.2"),
        Epoch("unix-if-mode-set", _AGENT_SOCKET, "tcp", _IPAMD_TCP, _NEW_SOCKET, _NO_TCP, before_when_enabled=True),
    ),
    (V("1.23.0"), Epoch("unix-if-mode-set", _AGENT_SOCKET, "unix", _IPAMD_SOCKET, _NO_TCP)),
)
"""The epochs of the transport, each with its first release."""


def epoch(version: Version) -> Epoch:
    """The epoch that a release belongs to."""
    found = at(EPOCHS, version)
    return EPOCHS[0][1] if found is None else found


def needs_answer(to_agent: ToAgent, mode: str | None) -> bool:
    """Whether the plugin fails every new pod for which the agent does not answer; 1.19.3 calls it and goes on."""
    if to_agent.endswith("-if-strict"):
        return go_lower(mode or "") == "strict"
    return to_agent.endswith("-if-mode-set") and bool(mode)


_HEALTH: tuple[tuple[Version, str], ...] = ((V("0.0.0"), f":{IPAMD_PORT}"), (V("1.23.0"), _IPAMD_SOCKET))


def health_address(version: Version) -> str:
    """Where ipamd of a release answers a health probe: what follows ``-addr=`` in the manifest."""
    return at(_HEALTH, version) or _HEALTH[0][1]
