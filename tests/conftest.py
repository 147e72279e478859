"""What holds for every test, and which of them need a control plane: `-m "not cluster"` leaves those out."""

import pytest
from hypothesis import settings

# A deadline would judge the machine, not the code.
settings.register_profile("cni-guard", deadline=None)
settings.load_profile("cni-guard")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what asks for the programs of a control plane, itself or through its fixtures."""
    if "programs" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.cluster)
