"""The fixture of the real kubectl."""

from tests.controlplane.fixtures import programs

__all__ = ["programs"]
