"""Why the API server does not reach the guard, in words that lead to the mend. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scene:
    """What a reason may name."""

    namespace: str
    service: str
    port: int
    secret: str
    ready: int | None
    """How many endpoints of the Service are ready; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the guard does not answer: our words for it, and what the API server said, where it said anything."""

    words: str
    said: str = ""

    def __str__(self) -> str:
        quoted = f"the API server says: {self.said}" if self.said else ""
        return "; ".join(part for part in (self.words, quoted) if part)


def explain(said: str, scene: Scene) -> Reason:
    """Explain an error of the API server about the guard."""
    words = next((words(scene) for pattern, words in _REASONS if re.search(pattern, said)), "")
    return Reason(words, " ".join(said.split()))


def ready_endpoints(slices: Iterable[Mapping[str, Any]]) -> int:
    """Count the endpoints that are ready; one that does not say counts, as it does for kube-proxy."""
    found = (endpoint for item in slices for endpoint in item.get("endpoints") or [])
    return sum((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in found)


def _pods(scene: Scene) -> str:
    return (
        f"no pod ready: the Service {scene.service} has no ready endpoint; "
        f"see `kubectl -n {scene.namespace} get pods` and `kubectl -n {scene.namespace} get events`"
    )


def _timeout(scene: Scene) -> str:
    if scene.ready == 0:
        return _pods(scene)
    return (
        f"unreachable port: nobody answers the control plane on port {scene.port}; on EKS the security group of the "
        f"nodes must allow TCP {scene.port} from the cluster's (control plane) security group"
    )


def _closed(scene: Scene) -> str:
    if scene.ready == 0:
        return _pods(scene)
    return (
        f"unreachable port: nothing listens on port {scene.port} of the guard's pods; compare --port with the port of "
        f"the Service and with `cni-guard serve --bind`, and see `kubectl -n {scene.namespace} get pods`"
    )


def _authority(scene: Scene) -> str:
    return (
        f"wrong certificate: the guard serves one of another CA than the Secret {scene.secret} names; its pods read "
        f"that within two minutes, else: `kubectl -n {scene.namespace} rollout restart deployment {scene.service}`"
    )


def _names(scene: Scene) -> str:
    return (
        f"wrong certificate: the guard serves one for other names than {scene.service}.{scene.namespace}.svc; does "
        f"another program listen on port {scene.port}, or is another Secret mounted than {scene.secret}?"
    )


def _early(scene: Scene) -> str:
    return (
        "clock: the certificate is not yet valid for the control plane; the clocks differ by more than a day: correct "
        f"that of the node, then `kubectl -n {scene.namespace} delete secret {scene.secret}` and install again"
    )


def _expired(scene: Scene) -> str:
    return (
        "wrong certificate: the one that the guard serves has expired; its pods have not read the Secret "
        f"{scene.secret}: `kubectl -n {scene.namespace} rollout restart deployment {scene.service}`"
    )


def _no_tls(scene: Scene) -> str:
    return f"another program listens on port {scene.port}: it does not speak TLS as the guard does"


def _no_service(scene: Scene) -> str:
    return (
        f"the Service {scene.service} is not in the namespace {scene.namespace}: apply the manifests, or name it "
        "with --service"
    )


def _no_port(scene: Scene) -> str:
    return f"the Service {scene.service} has no port {scene.port}: compare it with --port"


def _refused(scene: Scene) -> str:
    return (
        f"another policy refuses the canary before the guard is asked: exempt the DaemonSet {scene.namespace}/"
        "cni-guard-canary, which is only ever a dry run"
    )


def _not_the_guard(scene: Scene) -> str:
    return (
        f"what answers on port {scene.port} does not answer as the guard: an older version, or another program; see "
        f"`kubectl -n {scene.namespace} get pods`"
    )


_REASONS: tuple[tuple[str, Callable[[Scene], str]], ...] = (
    (r"current time \S+ is before", _early),
    (r"current time \S+ is after", _expired),
    (r"unknown authority|certificate signed by", _authority),
    (r"certificate is (?:not )?valid for|not valid for any names|cannot validate certificate for", _names),
    (r"gave HTTP response to HTTPS|first record does not look like|tls: ", _no_tls),
    (r"no endpoints available|no service endpoints", _pods),
    (r'service "[^"]*" not found|services "[^"]*" not found', _no_service),
    (r"no service port", _no_port),
    (r"connection refused|connection reset|\bEOF\b", _closed),
    (r"deadline exceeded|i/o timeout|no route to host|is unreachable|Client\.Timeout", _timeout),
    (r"denied (?:the )?request|exceeded quota", _refused),
    (r"could not find the requested resource|unexpected response|expected webhook response|invalid", _not_the_guard),
)
"""What Go's network and TLS and the API server's webhook client say, the most exact first."""
