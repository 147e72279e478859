"""Verifies that every replica serves the right certificate, by a TLS handshake with each endpoint of the Service.

A canary reaches only one replica. If another replica still serves the certificate of a lost Secret, some requests
would fail, so no webhook fails closed until every ready endpoint serves a certificate that the caBundle trusts.
Endpoints that are not ready are also waited for, since they may become ready at any moment: up to `UNREADY_SECONDS` if
they never served a certificate (a replica that never starts gets no requests), and as long as they are listed if they
served a wrong one.

A certificate is verified as the API server verifies it (Go's crypto/x509): any certificate in the bundle is a trust
anchor, the strict profile of RFC 5280 does not apply, and validity is checked against the API server's clock.
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
"""How long to wait for endpoints that are not ready and have not served a certificate."""

_HANDSHAKE_SECONDS = 3.0
_PAUSE = 0.5
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL, x509_vfy.h): dates are checked here, against the API server's clock."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a replica."""

    address: str
    port: int
    ready: bool

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an endpoint does not pass."""

    words: str
    shown: bool = False
    """Whether it served a wrong certificate."""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Trust:
    """The requirements for a replica's certificate."""

    bundle: bytes
    name: str
    """The DNS name that the API server uses for the Service."""


def prove(cluster: Cluster, scene: Scene, bundle: bytes, keep: Callable[[], None], say: Say) -> list[Endpoint]:
    """Wait until every ready endpoint serves a certificate that the bundle trusts.

    Args:
        cluster: Where the Service is; its remaining time is the limit.
        scene: The Service.
        bundle: The caBundle of the webhooks, as PEM.
        keep: Called before each round and each handshake; renews the Lease.
        say: Called with the endpoints that are waited for and why, whenever that changes.

    Returns:
        The endpoints that passed.

    Raises:
        UnprovenError: The time ran out, or no endpoint is ready; the message names each endpoint with its reason.
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
                say(f"endpoints: no longer waiting for: {_said(seen)}")
            return proven
        why = _said({str(one): seen[str(one)] for one in awaited} or seen)
        why = why or f"the Service {scene.service} has no ready endpoints"
        if why != told:
            say(f"endpoints: waiting for: {why}")
            told = why
        if cluster.remaining < _PAUSE:
            raise _unproven(scene, why)
        time.sleep(_PAUSE)


def listed(slices: Iterable[Mapping[str, Any]], port_name: str) -> Iterator[Endpoint]:
    """The addresses in the EndpointSlices with the port of this name, without those of terminating pods.

    An endpoint without the condition `ready` is ready, as for kube-proxy.
    """
    for item in slices:
        ports = [port["port"] for port in item.get("ports") or [] if (port.get("name") or "") == port_name]
        for port, endpoint in itertools.product(ports, item.get("endpoints") or []):
            conditions = endpoint.get("conditions") or {}
            ready = conditions.get("ready") is not False
            if ready or not conditions.get("terminating"):
                yield from (Endpoint(address, port, ready) for address in endpoint.get("addresses") or [])


def fault_of(endpoint: Endpoint, trust: Trust, now: datetime) -> Fault | None:
    """Check the certificate that an endpoint serves.

    Args:
        endpoint: Where to connect.
        trust: The requirements for the certificate.
        now: The API server's time.

    Returns:
        Why the endpoint does not pass; None if it does.
    """
    valid = [ca for ca in x509.load_pem_x509_certificates(trust.bundle) if _valid(ca, now)]
    if not valid:
        return Fault("cannot be verified: no CA in the bundle is valid now")
    try:
        with (
            socket.create_connection((endpoint.address, endpoint.port), timeout=_HANDSHAKE_SECONDS) as plain,
            _context(valid).wrap_socket(plain, server_hostname=trust.name) as secured,
        ):
            shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    except ssl.SSLCertVerificationError as error:
        return Fault(f"serves a certificate that the caBundle does not trust ({error.verify_message})", shown=True)
    except ssl.SSLError as error:
        return Fault(f"does not speak TLS as cni-guard does ({error.reason or error})")
    except (OSError, ValueError) as error:
        words = "timed out" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or error
        return Fault(f"does not answer ({words})")
    if _valid(shown, now):
        return None
    return Fault(f"serves a certificate that is not valid at {now:%Y-%m-%d %H:%M} UTC", shown=True)


def _faults(
    found: Iterable[Endpoint], before: Mapping[str, Fault], asked: Callable[[Endpoint], Fault | None]
) -> dict[str, Fault]:
    """The faults of one round by endpoint; one that served a wrong certificate earlier keeps that mark."""
    faults: dict[str, Fault] = {}
    for endpoint in found:
        name = str(endpoint)
        if (fault := asked(endpoint)) is None:
            continue
        if not fault.shown and name in before and before[name].shown:
            fault = Fault(f"{fault}, and served a wrong certificate before", shown=True)
        faults[name] = fault
    return faults


def _said(faults: Mapping[str, Fault]) -> str:
    return "; ".join(f"{name} {fault}" for name, fault in faults.items())


def _unproven(scene: Scene, why: str) -> UnprovenError:
    return UnprovenError(
        f"not every replica serves the certificate in the Secret {scene.secret}: {why}. Pods load the Secret within "
        f"two minutes; if they do not, run `kubectl -n {scene.namespace} rollout restart deployment {scene.service}`. "
        f"Nodes must reach each other on TCP port {scene.port}"
    )


def _endpoints(cluster: Cluster, scene: Scene) -> list[Endpoint]:
    service = cluster.get(SERVICE, scene.service)
    name = _port_name(service, scene.port) if service else None
    if name is None:
        return []
    slices = cluster.select(ENDPOINT_SLICE, f"kubernetes.io/service-name={scene.service}")
    return sorted(set(listed(slices, name)), key=str)


def _port_name(service: Object, port: int) -> str | None:
    """The name of the Service's port in its EndpointSlices; None if it has no such port."""
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
