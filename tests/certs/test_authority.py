"""What is issued: by its extensions, and by a TLS handshake that verifies it as the API server does."""

import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.authority import BACKDATED, LEAF_LIFETIME, Issued, issue, make_ca, make_leaf, service_names
from certs.renewal import renewal_reason
from tests.certs.test_renewal import secret_of

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = service_names("cni-guard", "kube-guard")

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


@pytest.fixture(scope="module")
def issued() -> Issued:
    return issue(NAMES, NOW)


def certificates(issued: Issued) -> tuple[x509.Certificate, x509.Certificate]:
    return x509.load_pem_x509_certificate(issued.ca), x509.load_pem_x509_certificate(issued.certificate)


def test_the_names_of_a_service() -> None:
    assert NAMES == (
        "cni-guard.kube-guard.svc",
        "cni-guard.kube-guard.svc.cluster.local",
        "cni-guard.kube-guard",
        "cni-guard",
    )


def test_extensions_of_the_ca(issued: Issued) -> None:
    ca, _ = certificates(issued)
    basic = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert basic.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert not usage.value.digital_signature
    own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert ca.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own


def test_extensions_of_the_leaf(issued: Issued) -> None:
    ca, leaf = certificates(issued)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(names.get_values_for_type(x509.DNSName)) == NAMES
    assert leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert issuer == ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_life(issued: Issued) -> None:
    ca, leaf = certificates(issued)
    for certificate in (ca, leaf):
        assert certificate.not_valid_before_utc == NOW - BACKDATED
        assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.not_valid_after_utc == NOW + LEAF_LIFETIME
    assert timedelta(0) < ca.not_valid_after_utc - leaf.not_valid_after_utc < timedelta(days=30)
    short = make_leaf(make_ca(NOW, timedelta(days=1)), NAMES, NOW, LEAF_LIFETIME)
    assert short.certificate.not_valid_after_utc == NOW + timedelta(days=1)


def test_each_generation_is_told_from_the_others(issued: Issued) -> None:
    again = issue(NAMES, NOW)
    for one, other in zip(certificates(issued), certificates(again), strict=True):
        assert one.serial_number != other.serial_number
    assert certificates(issued)[0].subject != certificates(again)[0].subject


def test_the_ca_can_not_sign_again(issued: Issued) -> None:
    ca, leaf = certificates(issued)
    key = load_pem_private_key(issued.key, password=None)
    assert key.public_key() == leaf.public_key()
    assert key.public_key() != ca.public_key()
    assert "PRIVATE KEY" not in repr(issued)


def test_addresses_are_names_too() -> None:
    leaf = make_leaf(make_ca(NOW, LEAF_LIFETIME), ("localhost", "127.0.0.1", "::1"), NOW, LEAF_LIFETIME).certificate
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]


@settings(deadline=None, max_examples=40)
@given(LABEL, LABEL, st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2045-01-01")))
def test_any_service_is_verified_by_its_names(service: str, namespace: str, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    names = service_names(service, namespace)
    made = issue(names, now)
    ca, leaf = certificates(made)
    for name in names:
        verifier = PolicyBuilder().store(Store([ca])).time(now).build_server_verifier(x509.DNSName(name))
        assert verifier.verify(leaf, []) == [leaf, ca]
    assert not renewal_reason(secret_of(made), names, now)


def test_a_client_shakes_hands(issued: Issued, tmp_path: Path) -> None:
    assert handshake(issued, issued.ca, NAMES[0], tmp_path) == ""
    assert "certificate verify failed" in handshake(issued, issue(NAMES, NOW).ca, NAMES[0], tmp_path)
    assert "Hostname mismatch" in handshake(issued, issued.ca, "cni-guard.other.svc", tmp_path)


def test_a_bundle_serves_both_generations(issued: Issued, tmp_path: Path) -> None:
    after = issue(NAMES, NOW)
    for shown in (issued, after):
        assert handshake(shown, after.ca + issued.ca, NAMES[0], tmp_path) == ""


def handshake(shown: Issued, trusted: bytes, name: str, folder: Path) -> str:
    """Shake hands over real sockets; return why the client would not."""
    file = folder / "shown.pem"
    file.write_bytes(shown.certificate + shown.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_accept, args=(listener, context))
        server.start()
        client = ssl.create_default_context(cadata=trusted.decode())
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        try:
            with socket.create_connection(listener.getsockname(), timeout=10) as plain:
                client.wrap_socket(plain, server_hostname=name).close()
        except ssl.SSLCertVerificationError as error:
            return str(error)
        finally:
            server.join(timeout=10)
    return ""


def _accept(listener: socket.socket, context: ssl.SSLContext) -> None:
    plain, _ = listener.accept()
    with plain:
        plain.settimeout(10)
        try:
            context.wrap_socket(plain, server_side=True).close()
        except OSError:
            return  # the client's opinion is what counts
