"""The serving certificate: loaded as a pair with its key, checked before use, and renewed without a restart."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


class PairError(Exception):
    """A certificate and key that cannot be served; the message names the files and the reason."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate chain and its key as PEM, read at the same time."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of a pair."""

    certificate: Path
    key: Path

    def read(self) -> Pair:
        """Read both files. If they are replaced in between, the pair does not match and is read again later."""
        return Pair(self.certificate.read_bytes(), self.key.read_bytes())


@dataclass(frozen=True, slots=True)
class Serving:
    """A checked pair, ready to serve."""

    context: ssl.SSLContext
    not_before: datetime
    not_after: datetime

    def invalid_at(self, now: datetime) -> str:
        """Why clients reject the certificate at this time; empty while it is valid."""
        if now > self.not_after:
            return f"it expired at {self.not_after.isoformat()}"
        return f"it is not valid before {self.not_before.isoformat()}" if now < self.not_before else ""


class Listener:
    """Wraps accepted connections in TLS, each with the pair that is current at that moment.

    gunicorn takes it for an `ssl.SSLContext` and only calls `wrap_socket`. A renewal replaces the context inside
    instead of loading the new pair into it: OpenSSL keeps one certificate for each key type, so after a renewal from
    RSA to ECDSA it would serve both the old and the new certificate.
    """

    def __init__(self, serving: Serving) -> None:
        self.serving = serving

    def wrap_socket(self, sock: Any, *, server_side: bool) -> ssl.SSLSocket:
        """Wrap an accepted connection; the worker does the handshake, with a deadline."""
        return self.serving.context.wrap_socket(sock, server_side=server_side, do_handshake_on_connect=False)


def load(pair: Pair, files: Files) -> Serving:
    """Check a pair and build a context from it.

    Args:
        pair: The content of the files.
        files: Their paths, for error messages only.

    Raises:
        PairError: The pair cannot be served.
    """
    leaf = _leaf(pair, files)
    _check_key(pair, files, leaf)
    context = _empty_context()
    try:
        with _as_path(pair.certificate) as certificate, _as_path(pair.key) as key:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        reason = f"OpenSSL rejects certificate {files.certificate} with key {files.key}: {error}"
        raise PairError(reason) from error
    return Serving(context, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _leaf(pair: Pair, files: Files) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pair.certificate)[0]
    except ValueError as error:
        reason = f"certificate {files.certificate} is not a PEM certificate: {error}"
        raise PairError(reason) from error


def _check_key(pair: Pair, files: Files, leaf: x509.Certificate) -> None:
    """Check that the key can be loaded and matches the certificate."""
    try:
        key = load_pem_private_key(pair.key, password=None)
        ours = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        theirs = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError as error:
        reason = f"key {files.key} is encrypted; store it without a password"
        raise PairError(reason) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        reason = f"key {files.key} is not a usable PEM private key: {error}"
        raise PairError(reason) from error
    if ours != theirs:
        reason = f"key {files.key} does not match certificate {files.certificate}"
        raise PairError(reason)


def _empty_context() -> ssl.SSLContext:
    # Look the class up on each call: the gevent worker replaces ssl.SSLContext when it starts.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextmanager
def _as_path(content: bytes) -> Iterator[str]:
    """A path with exactly these bytes, since the original file may have changed; in memory where possible."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("cni-guard")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            yield path
    finally:
        if not path.startswith("/proc/"):
            with suppress(OSError):
                Path(path).unlink()
