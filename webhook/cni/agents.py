"""How the CNI and its network policy agent communicate. The agent of each release is in `releases.py`.

Sources: config/master/aws-k8s-cni.yaml of each tag of aws/amazon-vpc-cni-k8s (probes); its
cmd/routed-eni-cni-plugin/cni.go, pkg/ipamd/rpc_handler.go and CHANGELOG.md (sockets); main.go of
aws/aws-network-policy-agent (sockets).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from webhook.cni.values import go_lower
from webhook.cni.version import Version, in_force

V = Version.of

ToAgent = Literal["none", "tcp-if-strict", "tcp-always", "tcp-if-mode-set", "unix-if-mode-set"]
ToIpamd = Literal["none", "tcp", "unix"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """How the plugin connects to the agent, and the agent to ipamd, from one release on."""

    to_agent: ToAgent
    to_ipamd: ToIpamd
    minimum: Version | None = None
    """The oldest agent that works with these releases."""
    before: Version | None = None
    """The first agent that is too new for these releases."""
    before_when_enabled: bool = False
    """Whether ``before`` applies only if network policies are enabled."""


IPAMD_PORT, IPAMD_PATH = 50051, "/var/run/aws-node/ipamd.sock"
"""Where ipamd serves gRPC: on this loopback port before 1.23.0, on this socket since."""

PORTS = frozenset((IPAMD_PORT, 50052, 61678, 61679, 8162, 8163))
"""The ports of ipamd (gRPC, metrics, introspection) and of the agent (gRPC, metrics, health)."""

IPAMD_SOCKET = f"unix://{IPAMD_PATH}"
_NEW_SOCKET, _NO_TCP = V("1.2.6"), V("1.4.1")

EPOCHS: tuple[tuple[Version, Epoch], ...] = (
    (V("0.0.0"), Epoch("none", "none", before=_NEW_SOCKET)),
    (V("1.17.0"), Epoch("tcp-if-strict", "none", before=_NEW_SOCKET)),
    (V("1.19.3"), Epoch("tcp-always", "tcp", before=_NEW_SOCKET)),
    (V("1.19.4"), Epoch("tcp-if-mode-set", "tcp", before=_NEW_SOCKET)),
    (
        V("1.20.2"),
        Epoch("unix-if-mode-set", "tcp", _NEW_SOCKET, _NO_TCP, before_when_enabled=True),
    ),
    (V("1.23.0"), Epoch("unix-if-mode-set", "unix", _NO_TCP)),
)
"""Each way of communicating, with its first release."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What the agent does from one of its releases on."""

    listens_on: Literal["tcp", "unix"]
    asks_ipamd: bool
    """Whether it asks ipamd for the enforcing mode if policies are enabled."""


AGENTS: tuple[tuple[Version, Agent], ...] = (
    (V("0.0.0"), Agent("tcp", asks_ipamd=False)),
    (V("1.2.4"), Agent("tcp", asks_ipamd=True)),
    (_NEW_SOCKET, Agent("unix", asks_ipamd=True)),
)
"""What the agent does, from which of its releases on."""


def needs_answer(to_agent: ToAgent, mode: str | None) -> bool:
    """Whether every new pod fails if the agent does not answer; 1.19.3 calls the agent, but ignores a failure."""
    if to_agent.endswith("-if-strict"):
        return go_lower(mode or "") == "strict"
    return to_agent.endswith("-if-mode-set") and bool(mode)


HEALTH_ADDRESSES: tuple[tuple[Version, str], ...] = ((V("0.0.0"), f":{IPAMD_PORT}"), (V("1.23.0"), IPAMD_SOCKET))
"""Where ipamd answers health probes, from which release on."""


def health_address(version: Version, steps: tuple[tuple[Version, str], ...] = HEALTH_ADDRESSES) -> str:
    """The address of ipamd's health service in a release, as after ``-addr=`` in the manifest."""
    return in_force(steps, version) or steps[0][1]
