"""Offers the fixtures to the tests beside this file."""

import pytest

from tests.controlplane.fixtures import cluster, guarded, programs

__all__ = ["cluster", "guarded", "programs"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all that need the cluster on one worker of pytest-xdist, so that there is only one."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()) and item.path.parent.name == "controlplane":
            item.add_marker(pytest.mark.xdist_group("cluster"))
