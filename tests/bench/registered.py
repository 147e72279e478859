"""A server registered at both doors of an API server, under the guard's own conditions, for a `with` block."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.served import HOST, Tls
from tests.controlplane import Cluster
from tests.controlplane.guard import registration

_COUNT = re.compile(
    r'^apiserver_admission_webhook_request_total\{.*\bname="aws-node\.(\w+)\.bench".*\} (\S+)$', re.MULTILINE
)


@contextmanager
def registered(cluster: Cluster, name: str, port: int, tls: Tls) -> Iterator[None]:
    """Let the API server ask the server at this port; a moment may pass until it does, and until it stops."""
    configurations = [_named(item, name, port, tls) for item in registration(tls.ca.read_bytes())]
    cluster.apply(configurations)
    try:
        yield
    finally:
        everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": configurations})
        cluster.kubectl("delete", "--filename=-", input=everything)


def _named(configuration: dict[str, Any], name: str, port: int, tls: Tls) -> dict[str, Any]:
    """Give the guard's registration another name, and a server on this machine; only aws-node is asked about."""
    webhook = next(one for one in configuration["webhooks"] if one["name"].startswith("aws-node."))
    path = webhook["clientConfig"]["service"]["path"]
    client = {"url": f"https://{HOST}:{port}{path}", "caBundle": base64.b64encode(tls.ca.read_bytes()).decode()}
    renamed = webhook | {"name": f"aws-node.{name}.bench", "clientConfig": client}
    return configuration | {"metadata": {"name": f"bench-{name}"}, "webhooks": [renamed]}


def calls(cluster: Cluster) -> dict[str, int]:
    """Count the calls that the API server has made so far, by the name of the registration."""
    counts: dict[str, int] = {}
    for name, count in _COUNT.findall(cluster.metrics()):
        counts[name] = counts.get(name, 0) + int(float(count))
    return counts
