"""A real Kubernetes control plane on this machine: API server, etcd, and simulated nodes where they are wanted."""

from tests.controlplane.binaries import Binaries, UnavailableError, binaries
from tests.controlplane.cluster import Cluster, CommandFailedError
from tests.controlplane.pki import Authority, Credential

__all__ = ["Authority", "Binaries", "Cluster", "CommandFailedError", "Credential", "UnavailableError", "binaries"]
