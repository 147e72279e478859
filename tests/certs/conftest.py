"""One API server without controllers for these tests, and in it a fresh place for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certs.world import World
from tests.controlplane import Cluster
from tests.controlplane.binaries import Binaries
from tests.controlplane.fixtures import programs
from tests.controlplane.network import PYTHONPATH

__all__ = ["api_server", "programs", "world"]


@pytest.fixture(scope="session")
def api_server(programs: Binaries) -> Iterator[Cluster]:
    """Run an API server."""
    with Cluster(programs=programs) as running:
        yield running


@pytest.fixture
def world(api_server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give a namespace with the guard's Service, the ClusterRole, and nothing registered."""
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)
    with World(api_server, tmp_path) as made:
        yield made
