"""Verifies that the API server reaches cni-guard: a dry run that cni-guard must answer at both endpoints.

The canary is a DaemonSet with the CNI's image, so it is evaluated like any copy of aws-node; its annotation makes
cni-guard add a warning with the annotation's value. While the webhooks fail open, the API server does not report an
unreachable guard: the warning is just missing. To learn the reason, this module then registers a second configuration
until the end of the run. It fails closed and matches only one object, a second canary of this run, so the API server's
error says what is wrong. The first canary never matches it.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from certs.answers import Answer
from certs.cluster import Cluster, Say
from certs.diagnosis import Reason, Scene, explain, ready_endpoints
from certs.errors import InstallError, UnprovenError
from certs.registration import FAIL, NAMESPACE_LABEL
from certs.resources import DAEMON_SET, ENDPOINT_SLICE, VALIDATING, Object

NAME = "cni-guard-canary"
ANNOTATION = "cni-guard.dev/canary"
IMAGE = "example.invalid/amazon-k8s-cni:v0.0.0"
IN_A_ROW = 3
"""Consecutive answers that are required: when one API server has the new configuration, another may not have it yet."""

_ENDPOINTS = ("mutate", "validate")
_PAUSE, _LONG_PAUSE = 0.25, 1.0
_SILENCE = 2.0
"""Seconds without an answer before asking why: the API server takes a moment to load a new configuration."""


@dataclass(frozen=True, slots=True)
class Called:
    """How the API server calls cni-guard, and the owners of what is registered."""

    scene: Scene
    path: str
    bundle: str
    owners: list[Object]


def prove(cluster: Cluster, called: Called, keep: Callable[[], None], say: Say) -> None:
    """Wait until cni-guard has answered at both endpoints `IN_A_ROW` times in a row.

    Args:
        cluster: Where to send the canary; its remaining time is the limit.
        called: How the API server calls cni-guard.
        keep: Called before each request; renews the Lease.
        say: Called with the reason whenever it changes.

    Raises:
        UnprovenError: The time ran out; the message says why there was no answer.
    """
    inquiry = _Inquiry(cluster, called)
    patient_until = time.monotonic() + min(_SILENCE, cluster.remaining / 4)
    in_a_row, why = 0, Reason("cni-guard did not answer")
    while in_a_row < IN_A_ROW:
        keep()
        nonce = secrets.token_hex(8)
        answer = cluster.try_out(DAEMON_SET, daemon_set(cluster.namespace, nonce))
        silent = silent_endpoints(answer.warnings, nonce)
        in_a_row = 0 if silent else in_a_row + 1
        asking = bool(silent) and time.monotonic() > patient_until
        if asking and (reason := inquiry.ask(silent, answer.message)).words != why.words:
            say(f"canary: no answer yet: {reason}")
            why = reason
        if cluster.remaining < _PAUSE and in_a_row < IN_A_ROW:
            raise UnprovenError(f"the canary was not answered: {why}")
        time.sleep(min(_LONG_PAUSE if asking else _PAUSE, cluster.remaining) if silent else 0)


def remove(cluster: Cluster) -> None:
    """Remove the canary's configuration, whether this run or a killed one left it."""
    cluster.delete(VALIDATING, NAME)


def silent_endpoints(warnings: Iterable[str], nonce: str) -> list[str]:
    """The endpoints at which cni-guard did not answer this canary."""
    said = list(warnings)
    return [name for name in _ENDPOINTS if not any(f"canary {nonce} answered at {name}" in text for text in said)]


def daemon_set(namespace: str, nonce: str) -> Object:
    """The canary, which cni-guard evaluates as a copy of aws-node. It is never stored."""
    labels = {"app.kubernetes.io/name": NAME}
    container = {"name": "aws-node", "image": IMAGE}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    metadata = DAEMON_SET.named(NAME, namespace, annotations={ANNOTATION: nonce})
    return {**metadata, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def configuration(namespace: str, nonce: str, called: Called) -> Object:
    """The webhook configuration that fails closed for the canary with this nonce, and matches nothing else."""
    is_ours = " && ".join(
        (
            "object != null",
            f'request.?namespace.orValue("") == "{namespace}"',
            f'object.?metadata.?name.orValue("") == "{NAME}"',
            f'object.?metadata.?annotations[?"{ANNOTATION}"].orValue("") == "{nonce}"',
        )
    )
    service = {
        "namespace": namespace,
        "name": called.scene.service,
        "port": called.scene.port,
        "path": called.path,
    }
    entry = {
        "name": "canary.cni-guard.dev",
        "rules": [
            {
                "apiGroups": [DAEMON_SET.group],
                "apiVersions": [DAEMON_SET.version],
                "resources": [DAEMON_SET.plural],
                "operations": ["CREATE"],
                "scope": "Namespaced",
            }
        ],
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
        "matchConditions": [{"name": "is-canary", "expression": is_ours}],
        "clientConfig": {"service": service, "caBundle": called.bundle},
        "failurePolicy": FAIL,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 3,
    }
    return {**VALIDATING.named(NAME, "", ownerReferences=called.owners), "webhooks": [entry]}


class _Inquiry:
    """Finds out from the API server why cni-guard does not answer."""

    def __init__(self, cluster: Cluster, called: Called) -> None:
        self._cluster = cluster
        self._called = called
        self._nonce = secrets.token_hex(8)
        self._registered = False

    def ask(self, silent: list[str], refusal: str) -> Reason:
        """Find out why these endpoints do not answer.

        Args:
            silent: The endpoints.
            refusal: The API server's message if it refused the canary itself; else empty.
        """
        try:
            return self._answered(silent, refusal)
        except InstallError as error:
            return Reason(f"the reason is unknown, the request to the API server failed: {error}")

    def _answered(self, silent: list[str], refusal: str) -> Reason:
        asked = self._asked()
        if self._reached(asked):
            return Reason(
                f"the API server reaches cni-guard, but the webhooks do not call it at {' and '.join(silent)}. Check "
                "that their rules and conditions match a DaemonSet with the image amazon-k8s-cni",
                refusal,
            )
        if not asked.status:
            return Reason(f"the API server itself did not answer: {asked.message}")
        if said := asked.message or refusal:
            return self._explained(said)
        return Reason("cni-guard did not answer, and the API server gives no reason")

    def _asked(self) -> Answer:
        """Send the second canary; the first time, repeat until the API server has loaded the configuration."""
        patient_until = time.monotonic()
        if not self._registered:
            self._cluster.apply(VALIDATING, configuration(self._cluster.namespace, self._nonce, self._called))
            self._registered = True
            patient_until += _SILENCE
        question = daemon_set(self._cluster.namespace, self._nonce)
        while True:
            asked = self._cluster.try_out(DAEMON_SET, question)
            if not asked.good or self._reached(asked) or time.monotonic() >= patient_until:
                return asked
            time.sleep(_PAUSE)

    def _reached(self, asked: Answer) -> bool:
        return "validate" not in silent_endpoints(asked.warnings, self._nonce)

    def _explained(self, said: str) -> Reason:
        scene = self._called.scene
        try:
            slices = self._cluster.select(ENDPOINT_SLICE, f"kubernetes.io/service-name={scene.service}")
        except InstallError as error:
            known = explain(said, scene)
            return replace(known, words=f"{known.words} (could not check whether a pod is ready: {error})".strip())
        return explain(said, replace(scene, ready=ready_endpoints(slices)))
