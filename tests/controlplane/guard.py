"""The shipped guard in front of a cluster: `cni-guard serve` as installed, over TLS, registered at both endpoints."""

import base64
import http.client
import json
import ssl
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

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

REGISTRATION = Path(__file__).resolve().parents[2] / "manifests" / "webhooks.yaml"


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
        self._prepare()
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Kill the server; what is registered stays, as it does when a guard dies."""
        self.kill()

    def _prepare(self) -> None:
        self.address = self.cluster.service(NAMESPACE, SERVICE, PORT)
        now = datetime.now(UTC)
        ca = make_ca(now, timedelta(days=1))
        pair = make_leaf(ca, (*service_names(SERVICE, NAMESPACE), self.address), now, timedelta(days=1))
        self.ca = ca.certificate_pem
        certificate, key = self.folder / "tls.crt", self.folder / "tls.key"
        certificate.write_bytes(pair.certificate_pem)
        key.write_bytes(pair.key_pem)

    def start(self, *flags: str | Path) -> None:
        """Start the server, at first or after it was killed, perhaps with more flags, and wait until it is ready."""
        pair = ("--tls-cert", self.folder / "tls.crt", "--tls-key", self.folder / "tls.key")
        command = [*self._command, "--bind", f"{self.address}:{PORT}", *pair, "--policy", self.policy_file]
        command += flags
        with ExitStack() as stack:
            self.process = stack.enter_context(Process(command, self.folder / "guard.log"))
            self.cluster.wait_for(self._ready, "the guard to be ready", START_SECONDS)
            self._stop = stack.pop_all()

    def kill(self) -> None:
        """Let the server die at once."""
        self._stop.close()

    def rule_by(self, policy: str) -> None:
        """Swap the policy file, and wait until the server has read it."""
        before = len(self.logged("policy loaded"))
        fresh = self.policy_file.with_suffix(".new")
        fresh.write_text(policy)
        fresh.replace(self.policy_file)
        self.cluster.wait_for(lambda: len(self.logged("policy loaded")) > before, "the policy to be read", 10)

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
        return self.logged("decision")

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The log lines with this message since it was started last."""
        text = self.process.log.read_text()
        # The last line may be half written.
        lines = (json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("message") == message]

    def register(self) -> None:
        """Register both endpoints in the cluster, and wait until the API server calls them."""
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
    """Both webhook configurations as they are shipped, with the caBundle that the install Job would add."""
    configurations: list[dict[str, Any]] = list(yaml.safe_load_all(REGISTRATION.read_text()))
    bundle = base64.b64encode(ca).decode()
    return [
        configuration | {"webhooks": [_trusting(webhook, bundle) for webhook in configuration["webhooks"]]}
        for configuration in configurations
    ]


def _trusting(webhook: dict[str, Any], bundle: str) -> dict[str, Any]:
    return webhook | {"clientConfig": webhook["clientConfig"] | {"caBundle": bundle}}
