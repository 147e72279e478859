"""Tells the tests that need a control plane from all others: `-m "not cluster"` leaves them out."""

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what asks for the programs of a control plane, itself or through its fixtures."""
    if "programs" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.cluster)
