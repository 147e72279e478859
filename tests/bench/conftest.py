"""Offers the programs of a control plane, or the reason why there are none."""

from tests.controlplane.fixtures import programs

__all__ = ["programs"]
