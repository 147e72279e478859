"""A cluster of its own, since it registers and removes the guard again and again; its kubelet runs the guard's pods."""

from collections.abc import Iterator

import pytest

from tests.controlplane import Binaries, Cluster
from tests.controlplane.fixtures import programs
from tests.controlplane.kubelet import Kubelet
from tests.installation.world import World

__all__ = ["programs"]


@pytest.fixture(scope="session")
def kubelet(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    """Two nodes, as few as the guard needs, and a third for whatever else."""
    with Cluster(controllers=True, programs=programs) as cluster:
        cluster.nodes(3)
        with Kubelet(cluster, tmp_path_factory.mktemp("pods")) as running:
            yield running


@pytest.fixture
def world(kubelet: Kubelet) -> Iterator[World]:
    """The cluster without the guard."""
    found = World(kubelet)
    found.remove()
    yield found
    kubelet.frozen = False


@pytest.fixture
def installed(kubelet: Kubelet) -> Iterator[World]:
    """The guard as `kubectl apply -k manifests` installs it, in mode enforce; without aws-node, with its CRD.

    An installation that is there is used again: applying the manifests mends what the last test did to it.
    """
    world = World(kubelet)
    world.install()
    world.cluster.apply(world.crd)
    world.enforce()
    world.wait_for_refusals()
    world.past_the_guard("delete", "daemonset", "--all", "-n", "kube-system")
    world.past_the_guard("delete", "eniconfig", "--all")
    yield world
    kubelet.frozen = False
