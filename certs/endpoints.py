"""The proof that each replica shows the right certificate: a TLS handshake with every endpoint of the Service.

The canary is answered by whichever replica the API server happens to reach. While another one still shows the
certificate of a Secret that was lost, a part of all requests would fail, so nothing fails closed before each ready
endpoint shows a certificate that the caBundle vouches for. An endpoint that is not ready yet may become ready at any
moment: it is waited for. Not for the whole time where it never showed any certificate, since a replica that never
starts gets no request; for as long as it is listed once it showed a wrong one, which requests would meet.

A certificate is verified as the API server verifies it (Go's crypto/x509): any certificate of the bundle is a trust
anchor, the strict profile of RFC 5280 does not matter, and the dates are compared with the clock of the API server.
"""

import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.cluster import Cluster, Say
from certs.diagnosis import Scene
from certs.errors import UnprovenError
from certs.resources import ENDPOINT_SLICE, SERVICE, Object

UNREADY_SECONDS = 30.0
"""How long endpoints that are not ready and showed no certificate are waited for."""

_HANDSHAKE_SECONDS = 3.0
_PAUSE = 0.5
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL, x509_vfy.h): the dates are compared here, with another clock than ours."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a replica listens."""

    address: str
    port: int
    ready: bool

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an endpoint is not proven."""

    words: str
    shown: bool = False
    """Whether it showed a certificate, a wrong one."""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Trust:
    """What a replica's certificate has to satisfy."""

    bundle: bytes
    name: str
    """The DNS name by which the API server calls the Service."""


def prove(cluster: Cluster, scene: Scene, bundle: bytes, keep: Callable[[], None], say: Say) -> list[Endpoint]:
    """Return the endpoints when each that is ready shows a certificate for which the bundle vouches.

    Args:
        cluster: where the Service is; its remaining time is the time that the endpoints have.
        scene: the Service.
        bundle: the caBundle of the entries, as PEM.
        keep: called before each round and each handshake.
        say: hears which endpoints are waited for, and why, whenever that changes.

    Raises:
        UnprovenError: one did not until the time was over, or none is ready; the message names each with its reason.

    """
    trust = Trust(bundle, f"{scene.service}.{scene.namespace}.svc")
    patient_until = time.monotonic() + min(UNREADY_SECONDS, cluster.remaining / 2)
    seen: dict[str, Fault] = {}
    told = ""
    while True:
        keep()
        found = _endpoints(cluster, scene)
        seen = _faults(found, seen, lambda endpoint: _asked(endpoint, trust, cluster.now(), keep))
        patient = time.monotonic() < patient_until
        awaited = [one for one in found if (fault := seen.get(str(one))) and (patient or one.ready or fault.shown)]
        proven = [endpoint for endpoint in found if str(endpoint) not in seen]
        if any(endpoint.ready for endpoint in proven) and not awaited:
            if seen:
                say(f"endpoints: not waited for any longer: {_said(seen)}")
            return proven
        why = _said({str(one): seen[str(one)] for one in awaited} or seen)
        why = why or f"the Service {scene.service} has no ready endpoint"
        if why != told:
            say(f"endpoints: waiting: {why}")
            told = why
        if cluster.remaining < _PAUSE:
            raise _unproven(scene, why)
        time.sleep(_PAUSE)


def listed(slices: Iterable[Mapping[str, Any]], port_name: str) -> Iterator[Endpoint]:
    """Read each address of the EndpointSlices with the port of this name, but for those of pods that end.

    An endpoint that does not say whether it is ready counts as ready, as it does for kube-proxy.
    """
    for item in slices:
        ports = [port["port"] for port in item.get("ports") or [] if (port.get("name") or "") == port_name]
        for port, endpoint in itertools.product(ports, item.get("endpoints") or []):
            conditions = endpoint.get("conditions") or {}
            ready = conditions.get("ready") is not False
            if ready or not conditions.get("terminating"):
                yield from (Endpoint(address, port, ready) for address in endpoint.get("addresses") or [])


def fault_of(endpoint: Endpoint, trust: Trust, now: datetime) -> Fault | None:
    """Say why the endpoint does not show a certificate that the bundle vouches for; None when it does.

    Args:
        endpoint: where to connect.
        trust: what the certificate has to satisfy.
        now: the time of the API server.

    """
    valid = [ca for ca in x509.load_pem_x509_certificates(trust.bundle) if _valid(ca, now)]
    if not valid:
        return Fault("cannot be verified: no CA of the bundle is valid now")
    try:
        with (
            socket.create_connection((endpoint.address, endpoint.port), timeout=_HANDSHAKE_SECONDS) as plain,
            _context(valid).wrap_socket(plain, server_hostname=trust.name) as secured,
        ):
            shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    except ssl.SSLCertVerificationError as error:
        return Fault(f"shows a certificate that the caBundle does not vouch for ({error.verify_message})", shown=True)
    except ssl.SSLError as error:
        return Fault(f"does not speak TLS as the guard does ({error.reason or error})")
    except (OSError, ValueError) as error:
        words = "timed out" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or error
        return Fault(f"does not answer ({words})")
    if _valid(shown, now):
        return None
    return Fault(f"shows a certificate that is not valid at {now:%Y-%m-%d %H:%M} UTC", shown=True)


def _faults(
    found: Iterable[Endpoint], before: Mapping[str, Fault], asked: Callable[[Endpoint], Fault | None]
) -> dict[str, Fault]:
    """The faults of one round, by endpoint; one that showed a wrong certificate before has shown it still."""
    faults: dict[str, Fault] = {}
    for endpoint in found:
        name = str(endpoint)
        if (fault := asked(endpoint)) is None:
            continue
        if not fault.shown and name in before and before[name].shown:
            fault = Fault(f"{fault}, and showed a wrong certificate before", shown=True)
        faults[name] = fault
    return faults


def _said(faults: Mapping[str, Fault]) -> str:
    return "; ".join(f"{name} {fault}" for name, fault in faults.items())


def _unproven(scene: Scene, why: str) -> UnprovenError:
    return UnprovenError(
        f"not every replica shows the certificate of the Secret {scene.secret}: {why}. Its pod reads the "
        f"Secret within two minutes (else: `kubectl -n {scene.namespace} rollout restart deployment "
        f"{scene.service}`), and nodes must reach each other on TCP port {scene.port}"
    )


def _endpoints(cluster: Cluster, scene: Scene) -> list[Endpoint]:
    service = cluster.get(SERVICE, scene.service)
    name = _port_name(service, scene.port) if service else None
    if name is None:
        return []
    slices = cluster.select(ENDPOINT_SLICE, f"kubernetes.io/service-name={scene.service}")
    return sorted(set(listed(slices, name)), key=str)


def _port_name(service: Object, port: int) -> str | None:
    """Name the Service's port as its EndpointSlices do; None where it has no such port."""
    ports = service.get("spec", {}).get("ports") or []
    return next((item.get("name") or "" for item in ports if item.get("port") == port), None)


def _asked(endpoint: Endpoint, trust: Trust, now: datetime, keep: Callable[[], None]) -> Fault | None:
    keep()
    fault = fault_of(endpoint, trust, now)
    return replace(fault, words=f"is not ready: {fault}") if fault and not endpoint.ready else fault


def _context(authorities: Iterable[x509.Certificate]) -> ssl.SSLContext:
    trusted = "".join(ca.public_bytes(Encoding.PEM).decode() for ca in authorities)
    context = ssl.create_default_context(cadata=trusted)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
