"""Allows one installation at a time, by a Lease in the installer's namespace, as in Kubernetes leader election.

The Lease lasts a few seconds and is renewed between steps, so that a killed run does not block the next one for long.
It has expired when it has not changed for its duration; the clocks of two machines are never compared.
"""

import time
from types import TracebackType
from typing import Self

from certs.cluster import Cluster, Say
from certs.errors import ConflictError, ForbiddenError, InstallError, UnavailableError
from certs.resources import LEASE, Object

NAME = "cni-guard"

_PAUSE = 0.5


class Lease:
    """Held within a `with` block, and released at its end even after an error."""

    def __init__(self, cluster: Cluster, holder: str, seconds: int, owners: list[Object], say: Say) -> None:
        """Prepare a Lease.

        Args:
            cluster: Where the Lease is.
            holder: The identity of this run.
            seconds: How long the Lease lasts unless it is renewed.
            owners: The `ownerReferences` of the Lease.
            say: Called with the holder that is waited for.
        """
        self._cluster = cluster
        self._holder = holder
        self._seconds = seconds
        self._owners = owners
        self._say = say
        self._held: Object = {}
        self._renewed = 0.0

    def __enter__(self) -> Self:
        """Wait for the Lease and take it.

        Raises:
            UnavailableError: Another run still held it when the time ran out.
        """
        seen, since, told = "", time.monotonic(), ""
        while True:
            found = self._cluster.get(LEASE, NAME)
            holder, version = _holder(found), _version(found)
            if version != seen:
                seen, since = version, time.monotonic()
            over = time.monotonic() - since >= _duration(found, self._seconds)
            if (holder in {"", self._holder} or over) and self._take(found):
                return self
            if holder != told:
                self._say(f"another run ({holder}) holds the Lease {NAME}: waiting for it to finish")
                told = holder
            if self._cluster.remaining < _PAUSE:
                raise UnavailableError(f"another run ({holder}) still holds the Lease {NAME}: see `kubectl get pods`")
            time.sleep(_PAUSE)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Release the Lease; if that fails, it expires by itself."""
        if not self._held:
            return
        try:
            self._renew({"holderIdentity": "", "leaseDurationSeconds": 1})
        except InstallError as failed:
            if kind is None and isinstance(failed, ForbiddenError):
                raise
            self._say(f"could not release the Lease {NAME}, it expires in {self._seconds} s: {failed}")

    def keep(self) -> None:
        """Renew the Lease once a third of its duration has passed. Call it before each write.

        Raises:
            UnavailableError: Another run has taken the Lease, so this one must not write.
        """
        if time.monotonic() - self._renewed < self._seconds / 3:
            return
        self._renew(self._spec())

    def _renew(self, spec: Object) -> None:
        try:
            self._write(spec)
        except ConflictError as error:
            found = self._cluster.get(LEASE, NAME)
            if found is None or _holder(found) != self._holder:
                self._held = {}
                raise UnavailableError(f"another run ({_holder(found)}) took over the Lease {NAME}") from error
            # Still ours: someone labeled it, or the response to our own write was lost.
            self._held = found
            self._write(spec)

    def _take(self, found: Object | None) -> bool:
        try:
            if found is None:
                wanted = LEASE.named(NAME, self._cluster.namespace, ownerReferences=self._owners)
                self._held = self._cluster.create(LEASE, {**wanted, "spec": self._spec()})
                self._renewed = time.monotonic()
            else:
                self._held = found
                self._write(self._spec())
        except ConflictError:
            return False
        return True

    def _write(self, spec: Object) -> None:
        metadata = {**self._held["metadata"], "ownerReferences": self._owners}
        self._held = self._cluster.replace(LEASE, {**self._held, "metadata": metadata, "spec": spec})
        self._renewed = time.monotonic()

    def _spec(self) -> Object:
        now = f"{self._cluster.now():%Y-%m-%dT%H:%M:%S.%f}Z"
        return {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": self._seconds,
            "acquireTime": now,
            "renewTime": now,
        }


def _holder(found: Object | None) -> str:
    return str((found or {}).get("spec", {}).get("holderIdentity") or "")


def _version(found: Object | None) -> str:
    return str((found or {}).get("metadata", {}).get("resourceVersion") or "")


def _duration(found: Object | None, usual: int) -> float:
    return float((found or {}).get("spec", {}).get("leaseDurationSeconds") or usual)
