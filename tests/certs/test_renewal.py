"""When a certificate is kept, and why it is not: one row a condition."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.authority import CA_LIFETIME, LEAF_LIFETIME, Issued, issue, make_ca, make_leaf, service_names
from certs.renewal import CA, CERTIFICATE, KEY, blocks, overlap, renewal_reason

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = service_names("cni-guard", "cni-guard")
ISSUED, OTHER = issue(NAMES, NOW), issue(NAMES, NOW)
DAY = timedelta(days=1)

Data = dict[str, str]


def encoded(ca: bytes, certificate: bytes, key: bytes) -> Data:
    return {
        name: base64.b64encode(value).decode() for name, value in ((CA, ca), (CERTIFICATE, certificate), (KEY, key))
    }


def secret_of(issued: Issued) -> Data:
    return encoded(issued.ca, issued.certificate, issued.key)


GOOD = secret_of(ISSUED)


def made(ca_life: timedelta = CA_LIFETIME, leaf_life: timedelta = LEAF_LIFETIME) -> Data:
    ca = make_ca(NOW, ca_life)
    leaf = make_leaf(ca, NAMES, NOW, leaf_life)
    return encoded(ca.certificate_pem, leaf.certificate_pem, leaf.key_pem)


def outlived() -> Data:
    """A leaf that is valid for longer than its CA: not ours, but somebody's."""
    ca = make_ca(NOW, CA_LIFETIME)
    short = x509.CertificateBuilder(
        ca.certificate.subject,
        ca.certificate.subject,
        ca.certificate.public_key(),
        ca.certificate.serial_number,
        NOW - DAY,
        NOW + DAY,
        list(ca.certificate.extensions),
    ).sign(ca.key, hashes.SHA256())
    leaf = make_leaf(ca, NAMES, NOW, LEAF_LIFETIME)
    return encoded(short.public_bytes(serialization.Encoding.PEM), leaf.certificate_pem, leaf.key_pem)


def for_clients() -> Data:
    ca = make_ca(NOW, CA_LIFETIME)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        ca.certificate.subject, ca.certificate.subject, key.public_key(), 1, NOW, NOW + DAY
    )
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
    leaf = (
        builder.add_extension(usage, critical=False).add_extension(names, critical=False).sign(ca.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return encoded(ca.certificate_pem, leaf.public_bytes(pem), key.private_bytes(*form))


def self_signed() -> Data:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "self")])
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + LEAF_LIFETIME)
    pem = (
        builder.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return encoded(pem, pem, key.private_bytes(*form))


def locked() -> Data:
    key = ec.generate_private_key(ec.SECP256R1())
    secret = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    return GOOD | {KEY: base64.b64encode(pem).decode()}


GARBAGE = base64.b64encode(b"garbage").decode()
SELF_SIGNED_LEAF = GOOD | {CA: GOOD[CERTIFICATE]}

ROWS: list[tuple[str, Callable[[], Data | None], timedelta, str]] = [
    ("no Secret", lambda: None, timedelta(0), "the Secret does not exist"),
    ("empty", dict, timedelta(0), "ca.crt is missing"),
    ("no certificate", lambda: {CA: GOOD[CA], KEY: GOOD[KEY]}, timedelta(0), "tls.crt is missing"),
    ("no key", lambda: GOOD | {KEY: ""}, timedelta(0), "tls.key is missing"),
    ("garbage CA", lambda: GOOD | {CA: GARBAGE}, timedelta(0), "ca.crt is malformed"),
    ("garbage certificate", lambda: GOOD | {CERTIFICATE: GARBAGE}, timedelta(0), "tls.crt is malformed"),
    ("garbage key", lambda: GOOD | {KEY: GARBAGE}, timedelta(0), "tls.key is malformed"),
    ("no base64", lambda: GOOD | {CA: "%%%"}, timedelta(0), "ca.crt is malformed"),
    ("key with a password", locked, timedelta(0), "tls.key is malformed"),
    ("another key", lambda: GOOD | {KEY: secret_of(OTHER)[KEY]}, timedelta(0), "tls.key does not match tls.crt"),
    ("another CA", lambda: GOOD | {CA: secret_of(OTHER)[CA]}, timedelta(0), "tls.crt is not signed by a CA in ca.crt"),
    ("a leaf as CA", lambda: SELF_SIGNED_LEAF, timedelta(0), "tls.crt is not signed by a CA in ca.crt"),
    ("no CA at all", self_signed, timedelta(0), "tls.crt is not signed by a CA in ca.crt"),
    ("CA over", outlived, 2 * DAY, "the CA of tls.crt is not valid now"),
    ("for clients", for_clients, timedelta(0), "tls.crt is not a server certificate"),
    ("too early", lambda: GOOD, -2 * DAY, "not valid"),
    ("expired", lambda: GOOD, LEAF_LIFETIME, "tls.crt expired on"),
    ("two thirds", lambda: GOOD, 0.67 * LEAF_LIFETIME, "past two thirds of its lifetime"),
]


@pytest.mark.parametrize(("data", "later", "reason"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_reason(data: Callable[[], Data | None], later: timedelta, reason: str) -> None:
    assert reason in renewal_reason(data(), NAMES, NOW + later)


@pytest.mark.parametrize("later", [timedelta(hours=-23), timedelta(0), 0.66 * LEAF_LIFETIME])
def test_kept(later: timedelta) -> None:
    assert not renewal_reason(GOOD, NAMES, NOW + later)


def test_names() -> None:
    assert renewal_reason(GOOD, (*NAMES, "127.0.0.1", "other"), NOW) == "tls.crt does not cover 127.0.0.1, other"
    assert not renewal_reason(GOOD, NAMES[:1], NOW)


def test_a_bundle_of_several_cas_is_kept() -> None:
    bundle = encoded(OTHER.ca + ISSUED.ca, ISSUED.certificate, ISSUED.key)
    assert not renewal_reason(bundle, NAMES, NOW)
    gone = make_ca(NOW - 2 * CA_LIFETIME, DAY)
    with_old = encoded(gone.certificate_pem + ISSUED.ca, ISSUED.certificate, ISSUED.key)
    assert not renewal_reason(with_old, NAMES, NOW)


def test_a_chain_is_judged_by_its_leaf() -> None:
    assert not renewal_reason(encoded(ISSUED.ca, ISSUED.certificate + ISSUED.ca, ISSUED.key), NAMES, NOW)


def test_overlap_is_the_ca_of_what_is_served() -> None:
    assert overlap(GOOD, NOW) == ISSUED.ca
    assert overlap(encoded(OTHER.ca + ISSUED.ca, ISSUED.certificate, ISSUED.key), NOW) == ISSUED.ca
    for row in ROWS:
        if row[0] not in {"two thirds", "for clients"}:
            assert overlap(row[1](), NOW + row[2]) == b"", row[0]


def test_blocks_compare_bundles() -> None:
    assert blocks(ISSUED.ca + OTHER.ca) == blocks(b"# comment\n" + OTHER.ca.replace(b"\n", b"\r\n") + ISSUED.ca)
    assert blocks(ISSUED.ca) < blocks(ISSUED.ca + OTHER.ca)
    assert not blocks(b"garbage")


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(deadline=None, max_examples=300)
@given(st.sampled_from([CA, CERTIFICATE]), st.data())
def test_a_damaged_certificate_never_raises(which: str, data: st.DataObject) -> None:
    """Bytes changed anywhere in the DER: a reason, or kept where it does not matter, never an exception."""
    der = bytearray(
        x509.load_pem_x509_certificate(base64.b64decode(GOOD[which])).public_bytes(serialization.Encoding.DER)
    )
    for position in data.draw(st.lists(st.integers(0, len(der) - 1), min_size=1, max_size=4)):
        der[position] = data.draw(st.integers(0, 255))
    body = base64.encodebytes(bytes(der))
    pem = b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"
    damaged = GOOD | {which: base64.b64encode(pem).decode()}
    assert isinstance(renewal_reason(damaged, NAMES, NOW), str)
    assert isinstance(overlap(damaged, NOW), bytes)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([CA, CERTIFICATE, KEY]), st.text() | st.binary().map(lambda b: base64.b64encode(b).decode())
    )
)
def test_garbage_is_a_reason(data: Data) -> None:
    assert renewal_reason(data, NAMES, NOW)
    assert overlap(data, NOW) == b""
