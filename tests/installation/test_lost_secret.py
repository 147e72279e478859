"""The Secret is lost and made again while both replicas run: nothing fails closed before both show the new pair."""

import base64
import time
from datetime import UTC, datetime

import pytest

from certs.endpoints import Endpoint, Trust, fault_of
from tests.controlplane.kubelet import PORT
from tests.controlplane.network import published
from tests.installation.test_install import AS_WRITTEN
from tests.installation.world import BAD_ENICONFIG, NAMESPACE, SECONDS, World

pytestmark = pytest.mark.xdist_group("installation")

TRUST_NAME = "cni-guard.cni-guard.svc"
WATCHED_SECONDS = 4.0
"""How long the Job must go on waiting."""


def bundle(world: World) -> bytes:
    entries = world.cluster.get("validatingwebhookconfiguration", "cni-guard")["webhooks"]
    return base64.b64decode(entries[0]["clientConfig"]["caBundle"])


def wrong(world: World) -> list[str]:
    """The replicas that show something else than the entries trust."""
    trust = Trust(bundle(world), TRUST_NAME)
    ready = [Endpoint(address, PORT, ready=True) for address in world.kubelet.addresses()]
    return [f"{published(one.address)}:{PORT}" for one in ready if fault_of(one, trust, datetime.now(UTC))]


@pytest.fixture
def late(world: World) -> str:
    """An installation of two replicas, one of which is on a node that does not look at its files for now."""
    world.install()
    world.cluster.wait_for(lambda: len(world.kubelet.addresses()) == 2, "both replicas to be ready")
    pods = ("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=webhook")
    node: str = world.kubectl("get", *pods, "-o", "jsonpath={.items[0].spec.nodeName}").stdout
    world.kubelet.late = {node}
    return node


def test_no_entry_fails_closed_while_one_replica_shows_the_old_pair(world: World, late: str) -> None:
    world.cluster.apply(world.crd)
    before = bundle(world)
    world.kubectl("delete", "secret", "cni-guard-tls", "-n", NAMESPACE)
    world.kubectl("delete", "job", "cni-guard-install", "-n", NAMESPACE)
    world.install(complete=False)
    try:
        world.cluster.wait_for(lambda: bundle(world) != before and len(wrong(world)) == 1, "one replica to be right")
        (stale,) = wrong(world)
        said, seen = f"endpoints: waiting for: {stale} serves a certificate", 0.0
        end = time.monotonic() + SECONDS
        while not seen or time.monotonic() < seen + WATCHED_SECONDS:
            assert "Fail" not in world.policies().values(), "an entry fails closed"
            assert wrong(world) == [stale]
            assert time.monotonic() < end, world.kubelet.job_log()
            seen = seen or (said in world.kubelet.job_log()) * time.monotonic()
    finally:
        world.kubelet.late = set()
    world.wait_for_job("complete")
    assert world.policies() == AS_WRITTEN
    assert wrong(world) == []
    answers = {
        world.create(BAD_ENICONFIG, "--dry-run=server").stderr.count("failed calling webhook") for _ in range(10)
    }
    assert answers == {0}
    assert late
