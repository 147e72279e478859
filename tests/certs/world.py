"""A place to install into: a namespace of its own on a real API server, and the installer as a person starts it."""

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from certs.cluster import Cluster as Client
from certs.cluster import credentials
from certs.errors import InstallError
from certs.install import Settings, install
from certs.registration import read
from certs.renewal import CA
from certs.resources import CLUSTER_ROLE, ENDPOINT_SLICE, LEASE, MUTATING, SECRET, SERVICE, VALIDATING, Object, Resource
from tests.controlplane import Cluster

ROOT = Path(__file__).parents[2]
WEBHOOKS = ROOT / "manifests" / "webhooks.yaml"
PORT = 8443
NAME = "cni-guard"
SECRET_NAME = f"{NAME}-tls"
CANARY = "cni-guard-canary"
PATIENCE = 30.0
"""Seconds for what goes well."""

_NUMBERS = count(1)


@dataclass(frozen=True)
class Run:
    """How an installation went."""

    code: int
    lines: tuple[str, ...]
    error: str

    @property
    def output(self) -> str:
        return "\n".join([*self.lines, self.error])


class World:
    """A namespace with a Service that nobody listens behind yet."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.namespace = f"guard-{os.getpid()}-{next(_NUMBERS)}"
        self.webhooks = WEBHOOKS

    def __enter__(self) -> Self:
        self._connection = self.cluster.connection()
        for resource in (VALIDATING, MUTATING):
            self.delete(resource, NAME)
        self.delete(VALIDATING, CANARY)
        self.delete(CLUSTER_ROLE, NAME)
        self.create(CLUSTER_ROLE, CLUSTER_ROLE.named(NAME, ""))
        self.create(NAMESPACE, NAMESPACE.named(self.namespace, ""))
        service = {**SERVICE.named(NAME, self.namespace), "spec": {"ports": [{"name": "https", "port": PORT}]}}
        self.address: str = self.create(SERVICE, service)["spec"]["clusterIP"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    # The API server as the administrator.

    def call(self, method: str, path: str, body: Object | None = None) -> tuple[int, Object]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        self._connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def create(self, resource: Resource, wanted: Object) -> Object:
        status, made = self.call("POST", resource.path(self.namespace), wanted)
        assert status == http.client.CREATED, made
        return made

    def find(self, resource: Resource, name: str) -> Object | None:
        status, found = self.call("GET", resource.path(self.namespace, name))
        return found if status == http.client.OK else None

    def get(self, resource: Resource, name: str) -> Object:
        found = self.find(resource, name)
        assert found, f"{resource.kind} {name}"
        return found

    def patch(self, resource: Resource, name: str, change: Object) -> None:
        status, answer = self.call("PATCH", resource.path(self.namespace, name), change)
        assert status == http.client.OK, answer

    def delete(self, resource: Resource, name: str) -> None:
        self.call("DELETE", resource.path(self.namespace, name))

    def listen(self, *addresses: str, **conditions: bool) -> None:
        """Let the Service have these addresses in an EndpointSlice, ready unless the conditions say otherwise."""
        labels = {"kubernetes.io/service-name": NAME}
        found = {"addresses": list(addresses), "conditions": {"ready": True, **conditions}}
        content: Object = {
            **ENDPOINT_SLICE.named(slice_name(*addresses), self.namespace, labels=labels),
            "addressType": "IPv4",
            "endpoints": [found],
            "ports": [{"name": "https", "port": PORT}],
        }
        self.create(ENDPOINT_SLICE, content)

    # The installer.

    def install(self, environment: Mapping[str, str] | None = None, **changes: Any) -> Run:
        """Run it in this process, as the administrator or as this environment says."""
        return self.install_with(credentials(environment or {"KUBECONFIG": str(self.cluster.kubeconfig)}), **changes)

    def install_with(self, access: Any, **changes: Any) -> Run:
        """Run it in this process with these credentials."""
        chosen = {"namespace": self.namespace, "service": NAME, "port": PORT, "secret": SECRET_NAME}
        settings = Settings(**{**chosen, "timeout": PATIENCE, "lease_seconds": 2, "settle": 0.2, **changes})
        lines: list[str] = []
        with Client(access, settings.namespace, lines.append) as client:
            try:
                install(client, settings, read(self.webhooks.read_text()), lines.append)
            except InstallError as error:
                return Run(1, tuple(lines), str(error))
        return Run(0, tuple(lines), "")

    def command(self, *flags: str) -> list[str | Path]:
        """The command line that the Job has."""
        usual = [f"--namespace={self.namespace}", f"--webhooks={self.webhooks}", f"--timeout={PATIENCE:g}"]
        return [sys.executable, "-m", "certs", "install", *usual, *flags]

    def run(self, *flags: str, kubeconfig: Path | None = None) -> Run:
        """Run it as a process."""
        environment = os.environ | {"KUBECONFIG": str(kubeconfig or self.cluster.kubeconfig)}
        done = subprocess.run(
            self.command(*flags), cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        return Run(done.returncode, tuple(done.stdout.splitlines()), done.stderr)

    # What came of it.

    def policies(self) -> dict[str, str]:
        """The failurePolicy of each entry that is registered."""
        return {
            f"{resource.plural[0]}/{entry['name']}": entry["failurePolicy"]
            for resource in (VALIDATING, MUTATING)
            for entry in (self.find(resource, NAME) or {"webhooks": []})["webhooks"]
        }

    def versions(self) -> dict[str, str]:
        """The resourceVersion of each object that an installation leaves behind, save for the Lease."""
        left = ((SECRET, SECRET_NAME), (VALIDATING, NAME), (MUTATING, NAME))
        return {resource.kind: self.get(resource, name)["metadata"]["resourceVersion"] for resource, name in left}

    def secret(self) -> dict[str, str]:
        found: dict[str, str] = self.get(SECRET, SECRET_NAME)["data"]
        return found

    def bundles(self) -> set[bytes]:
        """All that is trusted by the entries."""
        return {
            base64.b64decode(entry["clientConfig"]["caBundle"])
            for resource in (VALIDATING, MUTATING)
            for entry in self.get(resource, NAME)["webhooks"]
        }

    def assert_installed(self) -> None:
        """It is as the file has it, trusts what the Secret holds, belongs to the ClusterRole, and nothing is left."""
        assert self.policies() == written_policies()
        assert self.bundles() == {base64.b64decode(self.secret()[CA])}
        services = {
            (client["namespace"], client["name"], client["port"])
            for resource in (VALIDATING, MUTATING)
            for client in (entry["clientConfig"]["service"] for entry in self.get(resource, NAME)["webhooks"])
        }
        assert services == {(self.namespace, NAME, PORT)}
        uid = self.get(CLUSTER_ROLE, NAME)["metadata"]["uid"]
        for resource, name in ((VALIDATING, NAME), (MUTATING, NAME), (SECRET, SECRET_NAME), (LEASE, NAME)):
            assert [owner["uid"] for owner in self.get(resource, name)["metadata"]["ownerReferences"]] == [uid]
        self.assert_nothing_left()

    def assert_open(self) -> None:
        """Nothing can stand in anybody's way."""
        assert set(self.policies().values()) <= {"Ignore"}
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        assert self.find(VALIDATING, CANARY) is None
        assert not self.get(LEASE, NAME)["spec"].get("holderIdentity")


NAMESPACE = Resource("", "v1", "namespaces", "Namespace")


def slice_name(*addresses: str) -> str:
    """The EndpointSlice that `listen` makes for these addresses."""
    return "-".join([NAME, *addresses])


def written_policies() -> dict[str, str]:
    """What the file says."""
    documents = yaml.safe_load_all(WEBHOOKS.read_text())
    return {
        f"{document['kind'][0].lower()}/{entry['name']}": entry["failurePolicy"]
        for document in documents
        for entry in document["webhooks"]
    }
