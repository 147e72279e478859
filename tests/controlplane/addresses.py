"""Loopback addresses for one cluster, so that several run side by side, each with the usual ports."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CLAIM_PORT = 6444
CLUSTERS = 256


@dataclass(frozen=True)
class Addresses:
    """The addresses of the n-th cluster: all of 127.0.0.0/8 is this machine, and no address need be set up."""

    number: int

    @property
    def host(self) -> str:
        """Where etcd and the API server listen."""
        return f"127.95.{self.number}.1"

    @property
    def services(self) -> str:
        """The range of the ClusterIPs: what listens on one of them is reached as that Service."""
        return f"127.96.{self.number}.0/24"

    @property
    def kubernetes_service(self) -> str:
        """The ClusterIP that the API server gives to itself: the first of the range."""
        return f"127.96.{self.number}.1"


@contextmanager
def claimed() -> Iterator[Addresses]:
    """Claim the first free addresses: a bound socket is the claim, which the kernel drops when we die."""
    with socket.socket() as claim:
        for number in range(CLUSTERS):
            addresses = Addresses(number)
            try:
                claim.bind((addresses.host, CLAIM_PORT))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                yield addresses
                return
    raise RuntimeError(f"{CLUSTERS} clusters run on this machine already")
