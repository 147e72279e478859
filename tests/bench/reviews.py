"""The reviews of the newest aws-node: as an API server sends them where one is there, else made from the manifest."""

import http.server
import json
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from tests.bench.registered import registered
from tests.bench.served import HOST, Tls
from tests.changes import review
from tests.controlplane import Cluster
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.model import Operation

Reviews = Mapping[tuple[str, Operation], bytes]
"""A body for each door and operation."""

DOORS = ("validate", "mutate")
OPERATIONS: tuple[Operation, ...] = ("CREATE", "UPDATE")
VARIABLE, VALUE = "WARM_ENI_TARGET", "2"
"""What the update changes: an ordinary tuning, which the guard lets through without a word."""


def made() -> Reviews:
    """Make them of the manifest: without the API server's defaults and managedFields."""
    old, new = stock(), stock()
    env = new["spec"]["template"]["spec"]["containers"][0]["env"]
    next(entry for entry in env if entry["name"] == VARIABLE)["value"] = VALUE
    changes = (change_of("DaemonSet", old), change_of("DaemonSet", new, old, "UPDATE"))
    return {(door, change.operation): review(change) for door in DOORS for change in changes}


def recorded(cluster: Cluster, tls: Tls) -> Reviews:
    """Create and update aws-node with kubectl, and keep what the API server asks its webhooks about it."""
    bodies: dict[tuple[str, Operation], bytes] = {}
    with _recorder(tls, bodies) as port, registered(cluster, "recorder", port, tls):
        cluster.wait_for(lambda: _create(cluster, bodies), "the API server to call the recorder")
        cluster.kubectl(
            "set", "env", "daemonset/aws-node", "-n", "kube-system", "-c", "aws-node", f"{VARIABLE}={VALUE}"
        )
    cluster.kubectl("delete", "daemonset", "aws-node", "-n", "kube-system")
    return bodies


def _create(cluster: Cluster, bodies: Reviews) -> bool:
    """Create aws-node; a registration takes a moment until it counts."""
    cluster.kubectl("delete", "daemonset", "aws-node", "-n", "kube-system", "--ignore-not-found")
    cluster.apply(stock())
    return len(bodies) == len(DOORS)


@contextmanager
def _recorder(tls: Tls, bodies: dict[tuple[str, Operation], bytes]) -> Iterator[int]:
    """Serve a webhook that says yes and keeps the last body of each kind; yields its port."""

    class Handler(_Recorder):
        kept = bodies

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    with http.server.ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class _Recorder(http.server.BaseHTTPRequestHandler):
    kept: ClassVar[dict[tuple[str, Operation], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)["request"]
        door = re.split(r"[/?]", self.path)[1]
        if asked["operation"] in OPERATIONS:
            self.kept[door, asked["operation"]] = body
        answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        said = json.dumps({**answer, "response": {"uid": asked["uid"], "allowed": True}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
