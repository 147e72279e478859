"""VER-007 and POD-008: what the probes of container aws-node ask."""

from collections.abc import Iterator

from webhook.cni.agents import IPAMD_PATH, IPAMD_PORT, health_address
from webhook.cni.probes import Asked, Unread
from webhook.cni.version import Version
from webhook.model import Path, Problem, at
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example
from webhook.rules.rule import AwsNodeCase, rule

_SOCKET = f"unix://{IPAMD_PATH}"
_SCRIPT = {"exec": {"command": ["sh", "-c", "/app/grpc-health-probe -addr=$ADDRESS"]}}


def _path(case: AwsNodeCase, kind: str) -> Path:
    main = case.new.required
    return (*main.path, kind, *(("exec", "command") if at(main.raw, kind, "exec") else ()))


@rule(
    "VER-007",
    "The health probe targets an address this release does not listen on",
    level="deny",
    link=links.TROUBLESHOOTING,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(release="1.23.1", probe_address=":50051")),
        Example(DaemonSet(release="1.22.4", probe_address=_SOCKET)),
        Example(DaemonSet(release="1.23.1", probe_address=f"{_SOCKET}.bak")),
        Example(DaemonSet(release="1.23.1", fields={"livenessProbe": {"tcpSocket": {"port": 50051}}})),
        Example(DaemonSet(release="1.23.1", fields={"startupProbe": {"grpc": {"port": 50051}}})),
        Example(DaemonSet(release="1.23.1", fields={"livenessProbe": _SCRIPT})),
    ),
    good=(Example(DaemonSet(release="1.23.1", probe_address=f"unix:{IPAMD_PATH}")),),
)
def wrong_probe(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.23.0 on ipamd answers health checks on a unix socket, before on TCP.

    A new image with the old probes (what `kubectl set image` makes) never becomes healthy: its container restarts
    forever and the rollout stops.
    """
    version = case.new.known_version
    for kind, answer in case.new.probes.items():
        if isinstance(answer, Unread):
            yield _unread(case, version, kind, answer)
        elif answer is not None and _asks_another_release(version, answer):
            yield _never_healthy(case, version, kind, answer)


def _asks_another_release(version: Version, answer: Asked) -> bool:
    """Whether a probe asks where ipamd of another release answers, or at a socket that no release has."""
    if health_address(version) == _SOCKET:
        return answer.socket != IPAMD_PATH if answer.socket else answer.port == IPAMD_PORT and not answer.host
    return bool(answer.socket)


def _never_healthy(case: AwsNodeCase, version: Version, kind: str, answer: Asked) -> Problem:
    right = health_address(version)
    return Problem(
        path=_path(case, kind),
        evidence=((f"aws-node {kind} address", answer.address), ("ipamd address", right)),
        level="deny",
        certain=True,
        wrong=f"the {kind} asks {answer.address}",
        effect=f"CNI {version} answers health checks on {right} alone, so the container restarts forever and the "
        "rollout stops",
        remedy=f"Apply the complete manifest of {version} instead of only its image",
    )


def _unread(case: AwsNodeCase, version: Version, kind: str, answer: Unread) -> Problem:
    main, right = case.new.required, health_address(version)
    words = at(main.raw, kind, "exec", "command")
    return Problem(
        path=_path(case, kind),
        evidence=((f"aws-node {kind} command", repr(words)), ("ipamd address", right)),
        level="warn",
        wrong=f"the {kind} cannot be read whole: {answer.why}",
        effect=f"whether it asks ipamd of CNI {version} on {right} is not known, and anywhere else it never succeeds",
        remedy=f"Run grpc-health-probe without a shell, with -addr={right}",
    )


@rule(
    "POD-008",
    "A probe asks something other than ipamd",
    level="warn",
    link=links.BEST_PRACTICES,
    bad=(
        Example(DaemonSet(fields={"livenessProbe": {"httpGet": {"port": "metrics", "path": "/metrics"}}})),
        Example(DaemonSet(probe_address=":50052")),
        Example(DaemonSet(release="1.22.4", fields={"livenessProbe": {"grpc": {"port": 50051}}})),
    ),
    good=(Example(DaemonSet(release="1.22.4", probe_address="localhost:50051")),),
)
def another_port(case: AwsNodeCase) -> Iterator[Problem]:
    """The other ports of aws-node, of metrics and of introspection, answer although ipamd serves no addresses.

    Before 1.23.0 ipamd listens on the loopback address alone, where a probe of the kubelet's own does not ask.
    """
    version = case.new.version
    right = health_address(version or case.tables.newest)
    for kind, answer in case.new.probes.items():
        if isinstance(answer, Asked) and not answer.socket and _is_elsewhere(version, answer):
            yield Problem(
                path=_path(case, kind),
                evidence=((f"aws-node {kind} asks", f"{answer.speaks} {answer.address}"), ("ipamd address", right)),
                level="warn",
                wrong=f"the {kind} asks {answer.address} by {_BY[answer.speaks]}, where ipamd's health service is not",
                effect="it passes although pods get no addresses, or fails although they do",
                remedy=f"Use the probes of the official manifest: grpc-health-probe with -addr={right}",
            )


_BY = {"health": "grpc-health-probe", "grpc": "grpc", "tcp": "tcpSocket", "http": "httpGet"}


def _is_elsewhere(version: Version | None, answer: Asked) -> bool:
    """Whether a probe asks at a port or host that no release's ipamd has, or in a way that ipamd does not answer."""
    if answer.port != IPAMD_PORT or answer.host:
        return True
    by_kubelet = answer.speaks == "http" or not answer.loopback
    return version is not None and health_address(version) != _SOCKET and by_kubelet
