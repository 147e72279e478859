"""The pytest fixtures: one cluster for the session, or for each worker of pytest-xdist, and the guard before it."""

import os
from collections.abc import Iterator

import pytest

from tests.cni.crd import crd
from tests.controlplane.binaries import Binaries, binaries
from tests.controlplane.cluster import Cluster
from tests.controlplane.guard import GuardProcess
from tests.controlplane.guarded import NODES, Guarded
from tests.controlplane.progress import UnavailableError


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> Binaries:
    """Find or build the programs; skip where that is impossible, except in CI, where it fails."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    try:
        # A build takes minutes: whoever waits for the tests should see it.
        with capture.global_and_fixture_disabled():
            return binaries()
    except UnavailableError as reason:
        line = f"no control plane: {reason}"
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


@pytest.fixture(scope="session")
def cluster(programs: Binaries) -> Iterator[Cluster]:
    """Run a cluster with controllers and simulated nodes; leave it as you found it."""
    with Cluster(controllers=True, programs=programs) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Put the shipped guard in front of the cluster, registered as it ships."""
    cluster.nodes(NODES)
    cluster.apply(crd())
    with GuardProcess(cluster, tmp_path_factory.mktemp("guard")) as guard:
        guard.register()
        yield Guarded(cluster, guard)
        guard.unregister()
