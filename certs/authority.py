"""Issues a CA and its serving certificate: ECDSA P-256, random serial numbers. Pure: the clock is an argument.

Source: RFC 5280; kube-apiserver verifies NAME.NAMESPACE.svc against the certificate's SANs.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED = timedelta(hours=24)
"""How far back `notBefore` is set, so that a machine whose clock is slow accepts a new certificate."""

LEAF_LIFETIME = timedelta(days=365)
CA_LIFETIME = LEAF_LIFETIME + timedelta(days=7)
"""Slightly longer than the leaf's, so that the CA never expires first."""

_COMMON_NAME_LENGTH = 64
"""Maximum length of a common name (RFC 5280, `ub-common-name`)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key as PEM (PKCS #8, not encrypted)."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate with its key and CA, as PEM. The CA's key is not kept, so this CA can never sign again."""

    ca: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def issue(names: tuple[str, ...], now: datetime) -> Issued:
    """Issue a serving certificate for the names from a new CA, whose key is discarded on return.

    Only the leaf's key can be stolen. In return, each renewal also replaces the CA; `renewal.overlap` makes that safe.
    """
    ca = make_ca(now, CA_LIFETIME)
    leaf = make_leaf(ca, names, now, LEAF_LIFETIME)
    return Issued(ca.certificate_pem, leaf.certificate_pem, leaf.key_pem)


def make_ca(now: datetime, lifetime: timedelta) -> Pair:
    """Create a self-signed CA with a unique name, so that two CAs can be told apart while both are trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = _name(f"cni-guard CA {serial:x}"[:_COMMON_NAME_LENGTH])
    certificate = (
        _builder(name, name, key, serial, _Validity(now - BACKDATED, now + lifetime))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def make_leaf(ca: Pair, names: tuple[str, ...], now: datetime, lifetime: timedelta) -> Pair:
    """Create a serving certificate for DNS names and IP addresses that does not outlive its CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    validity = _Validity(now - BACKDATED, min(now + lifetime, ca.certificate.not_valid_after_utc))
    subject = _name(names[0][:_COMMON_NAME_LENGTH])
    certificate = (
        _builder(subject, ca.certificate.subject, key, x509.random_serial_number(), validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    return Pair(certificate, key)


def service_names(service: str, namespace: str) -> tuple[str, ...]:
    """The DNS names of a Service; the API server uses the first."""
    name = f"{service}.{namespace}.svc"
    return name, f"{name}.cluster.local", f"{service}.{namespace}", service


@dataclass(frozen=True, slots=True)
class _Validity:
    """When a certificate is valid."""

    begin: datetime
    end: datetime


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, serial: int, validity: _Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(validity.begin)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
