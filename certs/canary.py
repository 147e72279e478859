"""The proof that the API server reaches the guard: a dry run that the guard must answer at both doors.

A DaemonSet with the CNI's image is judged like any copy of aws-node; its annotation makes the guard say so, in a
warning with the annotation's value. While the entries fail open, an unreachable guard is silence. So beside them there
is, from the moment of silence to the end of the run, a configuration that matches one object alone, this run's question
for the reason, and fails closed: its refusal says why. The proof itself never meets it.
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
"""So many answers are needed: an API server that just learned of the entries may have a sibling that did not."""

_DOORS = ("mutate", "validate")
_PAUSE, _LONG_PAUSE = 0.25, 1.0
_SILENCE = 2.0
"""How long silence is no cause to ask why: the API server needs a moment to hear of a new configuration."""


@dataclass(frozen=True, slots=True)
class Called:
    """How the guard is called, and for whom."""

    scene: Scene
    path: str
    bundle: str
    owners: list[Object]


def prove(cluster: Cluster, called: Called, keep: Callable[[], None], say: Say) -> None:
    """Return when the guard has answered at both doors so often in a row.

    Raises:
        UnprovenError: it had not when the time was over; the message says why.

    """
    inquiry = _Inquiry(cluster, called)
    patient_until = time.monotonic() + min(_SILENCE, cluster.remaining / 4)
    in_a_row, why = 0, Reason("the guard was silent")
    while in_a_row < IN_A_ROW:
        keep()
        nonce = secrets.token_hex(8)
        answer = cluster.try_out(DAEMON_SET, daemon_set(cluster.namespace, nonce))
        silent = silent_doors(answer.warnings, nonce)
        in_a_row = 0 if silent else in_a_row + 1
        asking = bool(silent) and time.monotonic() > patient_until
        if asking and (reason := inquiry.ask(silent, answer.message)).words != why.words:
            say(f"canary: not answered yet: {reason}")
            why = reason
        if cluster.remaining < _PAUSE and in_a_row < IN_A_ROW:
            raise UnprovenError(f"the canary was not answered: {why}")
        time.sleep(min(_LONG_PAUSE if asking else _PAUSE, cluster.remaining) if silent else 0)


def remove(cluster: Cluster) -> None:
    """Let nothing of this run, or of a killed one, stand in the cluster."""
    cluster.delete(VALIDATING, NAME)


def silent_doors(warnings: Iterable[str], nonce: str) -> list[str]:
    """The doors at which the guard did not answer this canary."""
    said = list(warnings)
    return [door for door in _DOORS if not any(f"canary {nonce} answered at {door}" in text for text in said)]


def daemon_set(namespace: str, nonce: str) -> Object:
    """The canary: what the guard takes for another aws-node. It is never stored."""
    labels = {"app.kubernetes.io/name": NAME}
    container = {"name": "aws-node", "image": IMAGE}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    metadata = DAEMON_SET.named(NAME, namespace, annotations={ANNOTATION: nonce})
    return {**metadata, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def configuration(namespace: str, nonce: str, called: Called) -> Object:
    """The configuration that fails closed for one object alone: this canary with this nonce."""
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
    """Asks the API server why there is silence."""

    def __init__(self, cluster: Cluster, called: Called) -> None:
        self._cluster = cluster
        self._called = called
        self._nonce = secrets.token_hex(8)
        self._registered = False

    def ask(self, silent: list[str], refusal: str) -> Reason:
        """Say why these doors are silent.

        Args:
            silent: the doors.
            refusal: what the API server said when it refused the canary itself; empty when it did not.

        """
        try:
            return self._answered(silent, refusal)
        except InstallError as error:
            return Reason(f"the API server can not be asked why: {error}")

    def _answered(self, silent: list[str], refusal: str) -> Reason:
        asked = self._asked()
        if self._reached(asked):
            return Reason(
                f"the guard is reached, but the entries do not call it at {' and '.join(silent)}: do their rules and "
                "conditions match a DaemonSet with the image amazon-k8s-cni?",
                refusal,
            )
        if not asked.status:
            return Reason(f"the API server itself did not answer: {asked.message}")
        if said := asked.message or refusal:
            return self._explained(said)
        return Reason("the guard was silent, and the API server does not say why")

    def _asked(self) -> Answer:
        """Ask once; the first time again and again, until the API server has heard of the configuration."""
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
        return "validate" not in silent_doors(asked.warnings, self._nonce)

    def _explained(self, said: str) -> Reason:
        scene = self._called.scene
        try:
            slices = self._cluster.select(ENDPOINT_SLICE, f"kubernetes.io/service-name={scene.service}")
        except InstallError as error:
            known = explain(said, scene)
            return replace(known, words=f"{known.words} (whether a pod is ready is not known: {error})".strip())
        return explain(said, replace(scene, ready=ready_endpoints(slices)))
