"""Decides whether the certificate in a Secret can be served, or must be renewed. Pure: the clock is an argument.

`ca.crt` may be a bundle: during a renewal it holds both CAs, and one that signed `tls.crt` is enough.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

CA, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"

_BAD_PEM = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
_BAD_CONTENT = (*_BAD_PEM, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What `cryptography` raises for malformed or unsupported input."""

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class UnusableError(Exception):
    """The content of the Secret cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """The parsed content of the Secret."""

    authorities: tuple[x509.Certificate, ...]
    leaf: x509.Certificate
    key: PrivateKeyTypes


def renewal_reason(secret_data: Mapping[str, str] | None, names: Sequence[str], now: datetime) -> str:
    """Decide whether a new certificate is needed for these names.

    Args:
        secret_data: The Secret's `data` (base64), or None if there is no Secret.
        names: The DNS names and IP addresses that the certificate must cover.
        now: The API server's time, since the API server verifies the certificate.

    Returns:
        The reason in words for a log; empty to keep the certificate.
    """
    if secret_data is None:
        return "the Secret does not exist"
    try:
        held = read(secret_data)
        return next(_reasons(held, names, now), "")
    except UnusableError as error:
        return str(error)
    except _BAD_CONTENT as error:
        return f"{CERTIFICATE} or {CA} cannot be read: {error}"


def overlap(secret_data: Mapping[str, str] | None, now: datetime) -> bytes:
    """The CAs in `ca.crt` to keep trusting beside a new one, as PEM: those that signed what replicas may still serve.

    Empty if this Secret holds no valid certificate, so that garbage and unrelated CAs are not carried along.
    """
    if secret_data is None:
        return b""
    try:
        held = read(secret_data)
        if not (_fits(held) and _valid(held.leaf, now)):
            return b""
        return b"".join(ca.public_bytes(Encoding.PEM) for ca in _vouching(held) if _valid(ca, now))
    except (UnusableError, *_BAD_CONTENT):
        return b""


def read(secret_data: Mapping[str, str]) -> Held:
    """Parse the three keys of the Secret.

    Raises:
        UnusableError: A key is missing or malformed.
    """
    authorities = _certificates(CA, secret_data)
    leaf, *_ = _certificates(CERTIFICATE, secret_data)
    try:
        key = load_pem_private_key(_decoded(KEY, secret_data), password=None)
    except _BAD_PEM as error:
        raise UnusableError(f"{KEY} is malformed") from error
    return Held(authorities, leaf, key)


def blocks(bundle: bytes) -> frozenset[bytes]:
    """The certificates in a PEM bundle, in a form that ignores comments, order and white space, to compare bundles."""
    return frozenset(b"".join(block.split()) for block in _BLOCK.findall(bundle))


def _certificates(name: str, data: Mapping[str, str]) -> tuple[x509.Certificate, ...]:
    try:
        found = tuple(x509.load_pem_x509_certificates(_decoded(name, data)))
    except _BAD_PEM as error:
        raise UnusableError(f"{name} is malformed") from error
    if any(certificate.serial_number <= 0 for certificate in found):
        # Go, and so the API server, rejects negative serial numbers.
        raise UnusableError(f"{name} has a serial number that is not positive")
    return found


def _decoded(name: str, data: Mapping[str, str]) -> bytes:
    encoded = data.get(name)
    if not encoded:
        raise UnusableError(f"{name} is missing")
    return base64.b64decode(encoded, validate=True)


def _reasons(held: Held, names: Sequence[str], now: datetime) -> Iterator[str]:
    """The reasons for a renewal, the most serious first."""
    leaf = held.leaf
    if not _fits(held):
        yield f"{KEY} does not match {CERTIFICATE}"
    vouching = _vouching(held)
    if not vouching:
        yield f"{CERTIFICATE} is not signed by a CA in {CA}"
    if missing := [name for name in names if name not in _names(leaf)]:
        yield f"{CERTIFICATE} does not cover {', '.join(missing)}"
    if not _for_servers(leaf):
        yield f"{CERTIFICATE} is not a server certificate (extended key usage)"
    yield from _ages(leaf, now)
    if not any(_valid(ca, now) for ca in vouching):
        yield f"the CA of {CERTIFICATE} is not valid now (it ends on {_when(vouching[0].not_valid_after_utc)})"


def _ages(leaf: x509.Certificate, now: datetime) -> Iterator[str]:
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < begin:
        yield f"{CERTIFICATE} is not valid before {_when(begin)}"
    if now >= end:
        yield f"{CERTIFICATE} expired on {_when(end)}"
    if now >= begin + (end - begin) * 2 / 3:
        yield f"{CERTIFICATE} is past two thirds of its lifetime, which ends on {_when(end)}"


def _fits(held: Held) -> bool:
    return held.leaf.public_key() == held.key.public_key()


def _vouching(held: Held) -> list[x509.Certificate]:
    return [ca for ca in held.authorities if _is_ca(ca) and _signed(held.leaf, ca)]


def _signed(leaf: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(ca)
    except (*_BAD_PEM, InvalidSignature):
        return False
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _names(leaf: x509.Certificate) -> set[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def _for_servers(leaf: x509.Certificate) -> bool:
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}.isdisjoint(usages)


def _valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
