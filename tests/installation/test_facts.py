"""The container `facts` of the shipped manifests: it reads with its own rights, and `serve` uses what it wrote."""

import http.client
import json
import ssl
from typing import Any

import pytest

from tests.controlplane.kubelet import PORT
from tests.installation.world import World

pytestmark = pytest.mark.xdist_group("installation")


def facts(address: str) -> Any:
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 - as the kubelet probes
    connection = http.client.HTTPSConnection(address, PORT, context=context, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return json.loads(connection.getresponse().read())["facts"]
    finally:
        connection.close()


def test_each_replica_has_fresh_facts(installed: World) -> None:
    def are_fresh() -> bool:
        found = [facts(address) for address in installed.kubelet.addresses()]
        return len(found) == 2 and all(one["taken"] and not one["stale"] for one in found)

    installed.cluster.wait_for(are_fresh, "facts in both replicas", 240)
