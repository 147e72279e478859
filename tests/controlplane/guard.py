"""The shipped guard in front of a cluster: `cni-guard serve` as it is installed, over TLS, registered at both doors."""

import base64
import http.client
import json
import ssl
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from certs.authority import make_ca, make_leaf, service_names
from tests.controlplane.cluster import Cluster
from tests.controlplane.process import Process

NAMESPACE = "cni-guard"
SERVICE = "cni-guard"
PORT = 8443
NAME = "cni-guard"
START_SECONDS = 20

POLICY = "mode: enforce\n"
"""The policy that is served where a test gives none."""

# aws-node by its traits: the CNI's image, its service account, or its name. `object` is null on DELETE.
_IS_AWS_NODE = """
[object, oldObject].exists(o, o != null && (
  (o.metadata.?namespace.orValue("") == "kube-system" && (
    o.metadata.?name.orValue("") == "aws-node" ||
    o.spec.template.spec.?serviceAccountName.orValue("") == "aws-node")) ||
  (o.spec.template.spec.containers + o.spec.template.spec.?initContainers.orValue([])).exists(c,
    c.?image.orValue("").contains("amazon-k8s-cni"))))
"""
_NO_BREAK_GLASS = '!("cni-guard:break-glass" in request.userInfo.?groups.orValue([]))'


class GuardProcess:
    """`cni-guard serve` on the ClusterIP of its Service, with certificate and policy in a folder of its own."""

    def __init__(
        self, cluster: Cluster, folder: Path, policy: str = POLICY, command: Sequence[str | Path] | None = None
    ) -> None:
        """Say where to serve; `command` is another server with the same flags, for comparison."""
        self.cluster = cluster
        self.folder = folder
        self.policy_file = folder / "policy.yaml"
        self.policy_file.write_text(policy)
        self._command = command or [Path(sys.executable).with_name("cni-guard"), "serve"]
        self._stop = ExitStack()

    def __enter__(self) -> Self:
        """Make the certificate, start the server, wait until it is ready."""
        self.address = self.cluster.service(NAMESPACE, SERVICE, PORT)
        now = datetime.now(UTC)
        ca = make_ca(now, timedelta(days=1))
        pair = make_leaf(ca, (*service_names(SERVICE, NAMESPACE), self.address), now, timedelta(days=1))
        self.ca = ca.certificate_pem
        certificate, key = self.folder / "tls.crt", self.folder / "tls.key"
        certificate.write_bytes(pair.certificate_pem)
        key.write_bytes(pair.key_pem)
        with ExitStack() as stack:
            command = [*self._command, "--bind", f"{self.address}:{PORT}", "--tls-cert", certificate, "--tls-key", key]
            self.process = stack.enter_context(
                Process([*command, "--policy", self.policy_file], self.folder / "guard.log")
            )
            self.cluster.wait_for(self._ready, "the guard to be ready", START_SECONDS)
            self._stop = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Kill the server; what is registered stays, as it does when a guard dies."""
        self._stop.close()

    def get(self, path: str) -> tuple[int, str]:
        """GET a path of the guard over TLS."""
        context = ssl.create_default_context(cadata=self.ca.decode())
        connection = http.client.HTTPSConnection(self.address, PORT, context=context, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def _ready(self) -> bool:
        self.process.check()
        try:
            return self.get("/readyz")[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def decisions(self) -> list[dict[str, Any]]:
        """The log lines of its decisions so far."""
        lines = (json.loads(line) for line in self.process.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("message") == "decision"]

    def register(self) -> None:
        """Register both doors in the cluster, and wait until the API server calls them."""
        self.cluster.apply(registration(self.ca))
        self.cluster.wait_for(self._called, "the API server to call the guard")

    def unregister(self) -> None:
        """Remove the registration."""
        for kind in ("validating", "mutating"):
            self.cluster.kubectl("delete", f"{kind}webhookconfiguration", NAME, "--ignore-not-found")

    def _called(self) -> bool:
        """Whether a bad ENIConfig is refused; its CRD must be there."""
        probe = {"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": "probe"}}
        bad = json.dumps(probe | {"spec": {"subnet": "none"}})
        done = self.cluster.kubectl("create", "--dry-run=server", "--filename=-", input=bad, check=False)
        return "ENIC-001" in done.stderr


def registration(ca: bytes) -> list[dict[str, Any]]:
    """Both doors: the mutating one fails open, the validating one closed."""
    mutate = [_webhook("aws-node", "mutate", _DAEMONSETS, ca)]
    validate = [_webhook("aws-node", "validate", _DAEMONSETS, ca), _webhook("eniconfig", "validate", _ENICONFIGS, ca)]
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": webhooks,
        }
        for kind, webhooks in (("Mutating", mutate), ("Validating", validate))
    ]


_DAEMONSETS = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["daemonsets"]}
_ENICONFIGS = {"apiGroups": ["crd.k8s.amazonaws.com"], "apiVersions": ["*"], "resources": ["eniconfigs"]}
_DOORS: dict[str, dict[str, Any]] = {
    "mutate": {"failurePolicy": "Ignore", "reinvocationPolicy": "IfNeeded"},
    "validate": {"failurePolicy": "Fail"},
}


def _webhook(name: str, door: str, matched: Mapping[str, Any], ca: bytes) -> dict[str, Any]:
    operations = ["CREATE", "UPDATE", *(["DELETE"] if door == "validate" else [])]
    conditions = {"no-break-glass": _NO_BREAK_GLASS, **({"is-aws-node": _IS_AWS_NODE} if name == "aws-node" else {})}
    return {
        "name": f"{name}.cni-guard.dev",
        "rules": [{**matched, "operations": operations}],
        "matchConditions": [{"name": key, "expression": expression} for key, expression in conditions.items()],
        "clientConfig": {
            "service": {"namespace": NAMESPACE, "name": SERVICE, "port": PORT, "path": f"/{door}"},
            "caBundle": base64.b64encode(ca).decode(),
        },
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "matchPolicy": "Equivalent",
        "timeoutSeconds": 3,
        **_DOORS[door],
    }
