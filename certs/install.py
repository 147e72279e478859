"""The installation: certificates, registration, verification. Every step is safe to repeat after a run that failed.

What protects a running installation: **a webhook that fails closed stays closed as long as it does not change**. Each
write is first tried as a dry run. Only a webhook whose service, rules, conditions or policy would differ, or whose
caBundle would trust less than before, is set to Ignore until the canary is answered again. So a second run with the
same manifests leaves no gap in enforcement. A run whose canary is never answered leaves every webhook on Ignore: by
then cni-guard has not answered for the whole timeout, and the error tells the operator why.

What is verified: cni-guard answers a canary through the API server (`canary`), and every ready endpoint of the Service
serves a certificate that the caBundle trusts (`endpoints`).

The registration is written before the Secret: in a renewal, the API server first trusts both the old and the new CA,
and only then do the pods get the new certificate. A run that is killed in between leaves trust in a CA whose key no
longer exists.
"""

import base64
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from certs import canary, endpoints
from certs.authority import Issued, issue, service_names
from certs.canary import Called
from certs.cluster import Cluster, Say
from certs.diagnosis import Scene
from certs.errors import InstallError, InvalidError, UnprovenError
from certs.farewell import give_up
from certs.lease import Lease
from certs.registration import Configuration, Place, closed, failing_open, unchanged
from certs.renewal import CA, CERTIFICATE, KEY, overlap, read, renewal_reason
from certs.resources import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE_BINDING, SECRET, Object, owned_by

OWNER = "cni-guard"
"""The ClusterRole that owns everything written here, so that deleting it removes the installation."""

_TLS = "kubernetes.io/tls"
_CLEANING_SECONDS = 15.0
"""Seconds for the cleanup at the end of a run, successful or not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an installation. Times are in seconds."""

    namespace: str
    service: str
    port: int
    secret: str
    timeout: float
    lease_seconds: int
    settle: float = 10.0
    """How long to wait for every API server to load the new CA before running pods get its certificate."""


def install(cluster: Cluster, settings: Settings, configurations: Sequence[Configuration], say: Say) -> None:
    """Install cni-guard, or repair an installation.

    Raises:
        InstallError: the installation failed; the message says what to do.

    """
    cluster.allow(settings.timeout)
    owners = owned_by(_owner(cluster))
    holder = f"{os.environ.get('POD_NAME') or socket.gethostname()}-{secrets.token_hex(4)}"
    with Lease(cluster, holder, settings.lease_seconds, owners, say) as lease:
        say(f"lease: held in the namespace {settings.namespace}")
        cluster.allow(settings.timeout)
        with _nothing_left(cluster, say):
            _Installation(cluster, settings, configurations, lease, owners, say).run()
        # While the Lease is held, so that the next run does not lose its permissions midway.
        give_up(cluster, CLUSTER_ROLE_BINDING, say)
    give_up(cluster, ROLE_BINDING, say)


class _Installation:
    """The steps of an installation, in order."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the steps share
        self,
        cluster: Cluster,
        settings: Settings,
        configurations: Sequence[Configuration],
        lease: Lease,
        owners: list[Object],
        say: Say,
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._configurations = configurations
        self._lease = lease
        self._place = Place(settings.namespace, settings.service, settings.port, owners)
        self._say = say
        self._secret_type = _TLS

    def run(self) -> None:
        bundle, issued = self._certificate()
        wanted = [(item, item.at(self._place, bundle)) for item in self._configurations]
        running = [self._register(*item) for item in wanted]
        if issued:
            self._store(issued, bundle, wait=any(running))
        try:
            self._prove(wanted)
        except UnprovenError as error:
            self._cluster.allow(_CLEANING_SECONDS)
            for item, content in wanted:
                self._apply(item, failing_open(content))
            raise UnprovenError(f"{error}\nAll webhooks now fail open (failurePolicy: Ignore)") from error
        for item, content in wanted:
            self._apply(item, content)
            self._say(f"{item.resource.kind}: final; failing closed: {', '.join(closed(content)) or 'none'}")

    def _certificate(self) -> tuple[bytes, Issued | None]:
        """The caBundle to trust as PEM, and a new certificate if one is needed."""
        found = self._cluster.get(SECRET, self._settings.secret)
        self._secret_type = str((found or {}).get("type") or _TLS)
        data: Mapping[str, str] | None = (found.get("data") or {}) if found else None
        names, now = service_names(self._settings.service, self._settings.namespace), self._cluster.now()
        reason = renewal_reason(data, names, now)
        if data is not None and not reason:
            self._say(f"certificate: kept, valid until {read(data).leaf.not_valid_after_utc:%Y-%m-%d}")
            return base64.b64decode(data[CA]), None
        self._say(f"certificate: issuing a new one: {reason}")
        issued = issue(names, now)
        return issued.ca + overlap(data, now), issued

    def _register(self, item: Configuration, wanted: Object) -> list[str]:
        """Write a configuration; webhooks that changed fail open until verified.

        Returns:
            The names of the webhooks that keep failing closed.

        """
        name = wanted["metadata"]["name"]
        live = self._cluster.get(item.resource, name)
        same = unchanged(live, self._cluster.apply(item.resource, wanted, dry_run=True)) if live else set()
        content = failing_open(wanted, same)
        self._apply(item, content)
        stay = closed(content)
        opened = [entry for entry in closed(wanted) if entry not in stay]
        self._say(f"{item.resource.kind}: registered; failing open until verified: {', '.join(opened) or 'none'}")
        return stay

    def _store(self, issued: Issued, bundle: bytes, *, wait: bool) -> None:
        """Write the Secret; with `wait`, first give the API servers time to load the new CA.

        A Secret's type is immutable, and a volume mount does not check it. So a Secret of another type keeps its type
        instead of being deleted while a pod may be starting. Only an immutable Secret is deleted and recreated.
        """
        if wait:
            time.sleep(self._settings.settle)
        content = {CA: bundle, CERTIFICATE: issued.certificate, KEY: issued.key}
        metadata = SECRET.named(self._settings.secret, self._settings.namespace, ownerReferences=self._place.owners)
        data = {key: base64.b64encode(value).decode() for key, value in content.items()}
        wanted = {**metadata, "type": self._secret_type, "data": data}
        self._lease.keep()
        try:
            self._cluster.apply(SECRET, wanted)
        except InvalidError:
            self._cluster.delete(SECRET, self._settings.secret)
            self._cluster.apply(SECRET, {**wanted, "type": _TLS})
        self._say(f"certificate: stored in the Secret {self._settings.secret}")

    def _prove(self, wanted: Sequence[tuple[Configuration, Object]]) -> None:
        settings = self._settings
        scene = Scene(settings.namespace, settings.service, settings.port, settings.secret, ready=None)
        item, content = wanted[0]
        bundle = content["webhooks"][0]["clientConfig"]["caBundle"]
        called = Called(scene, item.path, bundle, self._place.owners)
        canary.prove(self._cluster, called, self._lease.keep, self._say)
        self._say(f"canary: answered at both endpoints {canary.IN_A_ROW} times in a row")
        proven = endpoints.prove(self._cluster, scene, base64.b64decode(bundle), self._lease.keep, self._say)
        self._say(f"endpoints: all serve the certificate: {', '.join(map(str, proven))}")

    def _apply(self, item: Configuration, content: Object) -> None:
        self._lease.keep()
        self._cluster.apply(item.resource, content)


def _owner(cluster: Cluster) -> Object:
    found = cluster.get(CLUSTER_ROLE, OWNER)
    if found is None:
        raise InstallError(f"the ClusterRole {OWNER} does not exist. Apply the manifests first (kubectl apply -k)")
    return found


@contextmanager
def _nothing_left(cluster: Cluster, say: Say) -> Iterator[None]:
    """Remove the canary's configuration at the end, whether this run or a killed one left it."""
    try:
        yield
    except BaseException:
        cluster.allow(_CLEANING_SECONDS)
        try:
            canary.remove(cluster)
        except InstallError as error:
            say(str(error))
        raise
    cluster.allow(_CLEANING_SECONDS)
    canary.remove(cluster)
