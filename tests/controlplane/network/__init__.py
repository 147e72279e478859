"""The network of the simulated nodes: the addresses that EndpointSlices give for what listens on this machine."""

from pathlib import Path

from tests.controlplane.network import sitecustomize

__all__ = ["PYTHONPATH", "published", "sitecustomize"]

PYTHONPATH = str(Path(__file__).parent)
"""With this on its path a Python process of its own reaches those addresses too."""


def published(address: str) -> str:
    """The address of a node for one of 127.95.0.0/16 or 127.96.0.0/16: this process connects there when it is told."""
    return address.replace("127.", "10.", 1)
