"""Offers the fixtures to the tests beside this file."""

from tests.controlplane.fixtures import cluster, programs

__all__ = ["cluster", "programs"]
