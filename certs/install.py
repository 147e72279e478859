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
        InstallError: The installation failed; the message says what to do.
    """
    cluster.allow(settings.timeout)
    owners = owned_by(_owner(cluster))
    place = Place(settings.namespace, settings.service, settings.port, owners)
    holder = f"{os.environ.get('POD_NAME') or socket.gethostname()}-{secrets.token_hex(4)}"
    with Lease(cluster, holder, settings.lease_seconds, owners, say) as lease:
        say(f"lease: held in the namespace {settings.namespace}")
        cluster.allow(settings.timeout)
        with _nothing_left(cluster, say):
            _Installation(cluster, settings, configurations, lease, place, say).run()
        # While the Lease is held, so that the next run does not lose its permissions midway.
        give_up(cluster, CLUSTER_ROLE_BINDING, say)
    give_up(cluster, ROLE_BINDING, say)


@dataclass(frozen=True, slots=True)
class _Certificate:
    """The certificate to serve: the one in the Secret, or a new one."""

    bundle: bytes
    """The caBundle to trust, as PEM."""
    secret_type: str
    """The type that the Secret keeps."""
    issued: Issued | None = None
    """The new certificate, if one is needed."""


@dataclass(frozen=True, slots=True)
class _Installation:
    """The steps of an installation, in order."""

    cluster: Cluster
    settings: Settings
    configurations: Sequence[Configuration]
    lease: Lease
    place: Place
    say: Say

    def run(self) -> None:
        certificate = self._certificate()
        wanted = [(item, item.at(self.place, certificate.bundle)) for item in self.configurations]
        running = [self._register(*item) for item in wanted]
        if certificate.issued:
            self._store(certificate, certificate.issued, wait=any(running))
        try:
            self._prove(wanted)
        except UnprovenError as error:
            self.cluster.allow(_CLEANING_SECONDS)
            for item, content in wanted:
                self._apply(item, failing_open(content))
            raise UnprovenError(f"{error}\nAll webhooks now fail open (failurePolicy: Ignore)") from error
        for item, content in wanted:
            self._apply(item, content)
            self.say(f"{item.resource.kind}: final; failing closed: {', '.join(closed(content)) or 'none'}")

    def _certificate(self) -> _Certificate:
        found = self.cluster.get(SECRET, self.settings.secret)
        kind = str((found or {}).get("type") or _TLS)
        data: Mapping[str, str] | None = (found.get("data") or {}) if found else None
        names, now = service_names(self.settings.service, self.settings.namespace), self.cluster.now()
        reason = renewal_reason(data, names, now)
        if data is not None and not reason:
            self.say(f"certificate: kept, valid until {read(data).leaf.not_valid_after_utc:%Y-%m-%d}")
            return _Certificate(base64.b64decode(data[CA]), kind)
        self.say(f"certificate: issuing a new one: {reason}")
        issued = issue(names, now)
        return _Certificate(issued.ca + overlap(data, now), kind, issued)

    def _register(self, item: Configuration, wanted: Object) -> list[str]:
        """Write a configuration; webhooks that changed fail open until verified.

        Returns:
            The names of the webhooks that keep failing closed.
        """
        name = wanted["metadata"]["name"]
        live = self.cluster.get(item.resource, name)
        same = unchanged(live, self.cluster.apply(item.resource, wanted, dry_run=True)) if live else set()
        content = failing_open(wanted, same)
        self._apply(item, content)
        stay = closed(content)
        opened = [entry for entry in closed(wanted) if entry not in stay]
        self.say(f"{item.resource.kind}: registered; failing open until verified: {', '.join(opened) or 'none'}")
        return stay

    def _store(self, certificate: _Certificate, issued: Issued, *, wait: bool) -> None:
        """Write the Secret; with `wait`, first give the API servers time to load the new CA.

        A Secret's type is immutable, and a volume mount does not check it. So a Secret of another type keeps its type
        instead of being deleted while a pod may be starting. Only an immutable Secret is deleted and recreated.
        """
        if wait:
            time.sleep(self.settings.settle)
        content = {CA: certificate.bundle, CERTIFICATE: issued.certificate, KEY: issued.key}
        metadata = SECRET.named(self.settings.secret, self.settings.namespace, ownerReferences=self.place.owners)
        data = {key: base64.b64encode(value).decode() for key, value in content.items()}
        wanted = {**metadata, "type": certificate.secret_type, "data": data}
        self.lease.keep()
        try:
            self.cluster.apply(SECRET, wanted)
        except InvalidError:
            self.cluster.delete(SECRET, self.settings.secret)
            self.cluster.apply(SECRET, {**wanted, "type": _TLS})
        self.say(f"certificate: stored in the Secret {self.settings.secret}")

    def _prove(self, wanted: Sequence[tuple[Configuration, Object]]) -> None:
        settings = self.settings
        scene = Scene(settings.namespace, settings.service, settings.port, settings.secret, ready=None)
        item, content = wanted[0]
        bundle = content["webhooks"][0]["clientConfig"]["caBundle"]
        called = Called(scene, item.path, bundle, self.place.owners)
        canary.prove(self.cluster, called, self.lease.keep, self.say)
        self.say(f"canary: answered at both endpoints {canary.IN_A_ROW} times in a row")
        proven = endpoints.prove(self.cluster, scene, base64.b64decode(bundle), self.lease.keep, self.say)
        self.say(f"endpoints: all serve the certificate: {', '.join(map(str, proven))}")

    def _apply(self, item: Configuration, content: Object) -> None:
        self.lease.keep()
        self.cluster.apply(item.resource, content)


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
