"""The harness is a real control plane: what tests and the demo rely on, tried."""

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.controlplane import Authority, Binaries, Cluster, CommandFailedError
from tests.controlplane.process import DiedError, Process

REPOSITORY = Path(__file__).parents[2]
NAME, NAMESPACE = "guard", "guard-system"


def daemon_set(name: str) -> dict[str, Any]:
    """Describe a DaemonSet in the manner of aws-node."""
    labels = {"app": name}
    container = {"name": "aws-node", "image": "cni:1", "env": [{"name": "WARM_ENI_TARGET", "value": "1"}]}
    init = {"name": "aws-vpc-cni-init", "image": "cni-init:1", "securityContext": {"privileged": True}}
    pod = {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": name,
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [init],
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def test_starts_in_seconds(programs: Binaries, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with Cluster(programs=programs) as fresh:
        ready = time.monotonic()
        assert "apiserver_request_total" in fresh.metrics()
        version = json.loads(fresh.kubectl("version", "--output=json").stdout)
    with capsys.disabled():
        sys.stdout.write(f" [ready after {ready - began:.1f} s, gone after {time.monotonic() - ready:.1f} s more] ")
    started = subprocess.run([programs.kube_apiserver, "--version"], capture_output=True, text=True, check=True).stdout
    assert started.split() == ["Kubernetes", version["serverVersion"]["gitVersion"]]


def test_clusters_run_side_by_side(programs: Binaries, cluster: Cluster) -> None:
    with Cluster(programs=programs) as other:
        other.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
        assert cluster.kubectl("get", "namespace", "elsewhere", check=False).returncode == 1
        assert cluster.service("side", "by") != other.service("side", "by")


def test_nodes_and_a_daemon_set_that_rolls(cluster: Cluster) -> None:
    names = cluster.nodes(3)
    assert {cluster.get("node", name)["metadata"]["labels"]["topology.kubernetes.io/zone"] for name in names} == {
        "us-west-2a",
        "us-west-2b",
        "us-west-2c",
    }
    cluster.apply(daemon_set("rolls"))
    roll_out = ("rollout", "status", "daemonset/rolls", "--namespace=kube-system", "--timeout=60s")
    cluster.kubectl(*roll_out)
    before = cluster.get("daemonset", "rolls", "kube-system")
    assert before["status"]["numberAvailable"] == len(names)

    cluster.kubectl("set", "env", "daemonset/rolls", "WARM_ENI_TARGET=2", "--namespace=kube-system")
    cluster.kubectl(*roll_out)
    after = cluster.get("daemonset", "rolls", "kube-system")
    assert after["status"]["updatedNumberScheduled"] == len(names)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    pods = ("get", "pods", "--namespace=kube-system", "--selector=app=rolls")
    values = cluster.kubectl(*pods, "--output=jsonpath={.items[*].spec.containers[0].env[0].value}").stdout
    assert values.split() == ["2"] * len(names)

    cluster.kubectl("delete", "daemonset", "rolls", "--namespace=kube-system")
    cluster.wait_for(lambda: not cluster.kubectl(*pods, "--output=name").stdout, "the pods to be gone")


def test_rights_are_those_of_the_user(cluster: Cluster) -> None:
    nobody = cluster.kubectl("get", "nodes", as_user="somebody", check=False)
    assert 'User "somebody" cannot list resource "nodes"' in nobody.stderr
    cluster.kubectl("get", "nodes", as_user="somebody", as_groups=["system:masters"])
    who = cluster.kubectl(
        "auth", "whoami", f"--kubeconfig={cluster.kubeconfig_for('ann', 'team')}", "--output=json"
    ).stdout
    assert json.loads(who)["status"]["userInfo"]["groups"] == ["team", "system:authenticated"]
    with pytest.raises(CommandFailedError, match='nodes "no-such" not found'):
        cluster.get("node", "no-such")


def test_connection_is_kept_alive(cluster: Cluster) -> None:
    connection = cluster.connection()
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/api/v1/namespaces/default")
        assert json.load(connection.getresponse())["kind"] == "Namespace"
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


class Deny(http.server.BaseHTTPRequestHandler):
    """Denies whatever it is asked about."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Answer one AdmissionReview."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(review["request"]["name"])
        status = {"message": "not today", "code": 403}
        review = {
            "apiVersion": review["apiVersion"],
            "kind": review["kind"],
            "response": {"uid": review["request"]["uid"], "allowed": False, "status": status},
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(review).encode())

    def log_message(self, _: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(address: str, authority: Authority, folder: Path) -> Iterator[None]:
    """Listen as the Service, with its certificate."""
    credential = authority.server(f"{NAME}.{NAMESPACE}.svc")
    both = folder / "tls.pem"
    both.write_bytes(credential.certificate + credential.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    with http.server.ThreadingHTTPServer((address, 8443), Deny) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def webhook(authority: Authority) -> dict[str, Any]:
    """Refer to the Service in the way of a shipped manifest."""
    service = {"name": NAME, "namespace": NAMESPACE, "path": "/validate", "port": 8443}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": "deny.guard.dev",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "clientConfig": {"service": service, "caBundle": base64.b64encode(authority.certificate).decode()},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
                "rules": [rule],
            }
        ],
    }


def test_webhook_is_called_at_its_service(cluster: Cluster, tmp_path: Path) -> None:
    authority = Authority()
    create = ("create", "configmap", "refused", f"--namespace={NAMESPACE}", "--dry-run=server")
    with serving(cluster.service(NAMESPACE, NAME), authority, tmp_path):
        cluster.apply(webhook(authority))
        try:
            answer = cluster.wait_for(
                lambda: cluster.kubectl(*create, check=False).stderr, "the webhook to be known to the API server"
            )
        finally:
            cluster.kubectl("delete", "validatingwebhookconfiguration", NAME)
    assert 'admission webhook "deny.guard.dev" denied the request: not today' in answer
    assert "refused" in Deny.asked


def test_death_of_a_program_is_told_with_its_log(tmp_path: Path) -> None:
    program = ["/bin/sh", "-c", "echo out of luck; exit 3"]
    with Process(program, tmp_path / "log") as process, pytest.raises(DiedError) as death:
        _check_on(process)
    assert str(death.value) == "sh ended with 3; its log ends:\nout of luck"


def _check_on(process: Process) -> None:
    while True:
        process.check()
        time.sleep(0.01)


@pytest.mark.usefixtures("programs")
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = "from tests.controlplane import Cluster\nwith Cluster() as c: print(c.folder, flush=True); input()"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        folder = parent.stdout.readline().strip()
        assert running(folder)
        parent.kill()
    end = time.monotonic() + 10
    while running(folder):
        assert time.monotonic() < end
        time.sleep(0.05)


def running(folder: str) -> list[str]:
    """List the processes that were started with this folder in their command line."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_text())
        except OSError:
            continue  # it ended meanwhile
    return [line for line in lines if folder in line]
