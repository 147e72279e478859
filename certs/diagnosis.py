"""Explains why the API server does not reach cni-guard, and what to do about it. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scene:
    """The names that a reason may mention."""

    namespace: str
    service: str
    port: int
    secret: str
    ready: int | None
    """The number of ready endpoints of the Service; None if unknown."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why cni-guard does not answer: our explanation, and the API server's message if there is one."""

    words: str
    said: str = ""

    def __str__(self) -> str:
        quoted = f"the API server says: {self.said}" if self.said else ""
        return "; ".join(part for part in (self.words, quoted) if part)


def explain(said: str, scene: Scene) -> Reason:
    """Explain the API server's error about calling cni-guard."""
    words = next((words(scene) for pattern, words in _REASONS if re.search(pattern, said)), "")
    return Reason(words, " ".join(said.split()))


def ready_endpoints(slices: Iterable[Mapping[str, Any]]) -> int:
    """Count the ready endpoints; one without the condition is ready, as for kube-proxy."""
    found = (endpoint for item in slices for endpoint in item.get("endpoints") or [])
    return sum((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in found)


def _pods(scene: Scene) -> str:
    return (
        f"no pod is ready: the Service {scene.service} has no ready endpoints. "
        f"See `kubectl -n {scene.namespace} get pods` and `kubectl -n {scene.namespace} get events`"
    )


def _timeout(scene: Scene) -> str:
    if scene.ready == 0:
        return _pods(scene)
    return (
        f"port unreachable: connections from the control plane to port {scene.port} time out. On EKS, the node "
        f"security group must allow TCP {scene.port} from the cluster security group"
    )


def _closed(scene: Scene) -> str:
    if scene.ready == 0:
        return _pods(scene)
    return (
        f"port unreachable: nothing listens on port {scene.port} in cni-guard's pods. --port, the port of the Service "
        f"and `cni-guard serve --bind` must match; see also `kubectl -n {scene.namespace} get pods`"
    )


def _authority(scene: Scene) -> str:
    return (
        f"wrong certificate: cni-guard serves a certificate from a different CA than the one in the Secret "
        f"{scene.secret}. Its pods load the Secret within two minutes; if they do not, run "
        f"`kubectl -n {scene.namespace} rollout restart deployment {scene.service}`"
    )


def _names(scene: Scene) -> str:
    return (
        f"wrong certificate: the certificate served is not for {scene.service}.{scene.namespace}.svc. Check whether "
        f"another program listens on port {scene.port}, and that the pods mount the Secret {scene.secret}"
    )


def _early(scene: Scene) -> str:
    return (
        "clock skew: the certificate is not yet valid on the control plane, so the clocks differ by more than a day. "
        f"Correct the node's clock, run `kubectl -n {scene.namespace} delete secret {scene.secret}`, and install again"
    )


def _expired(scene: Scene) -> str:
    return (
        f"wrong certificate: cni-guard serves an expired certificate, so its pods have not loaded the Secret "
        f"{scene.secret}. Run `kubectl -n {scene.namespace} rollout restart deployment {scene.service}`"
    )


def _no_tls(scene: Scene) -> str:
    return f"another program listens on port {scene.port}: it does not speak TLS as cni-guard does"


def _no_service(scene: Scene) -> str:
    return (
        f"the Service {scene.service} does not exist in the namespace {scene.namespace}. Apply the manifests, or pass "
        "its name with --service"
    )


def _no_port(scene: Scene) -> str:
    return f"the Service {scene.service} has no port {scene.port}. Pass its port with --port"


def _refused(scene: Scene) -> str:
    return (
        f"another policy denies the canary before cni-guard is called. Exempt the DaemonSet {scene.namespace}/"
        "cni-guard-canary from it; the canary is always a dry run"
    )


def _not_the_guard(scene: Scene) -> str:
    return (
        f"the program on port {scene.port} does not answer like cni-guard: it is an older version or another program. "
        f"See `kubectl -n {scene.namespace} get pods`"
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
"""Error messages of Go's network and TLS packages and of the API server's webhook client, the most specific first."""
