"""The real `cni-guard serve` as a subprocess, over TLS with a CA made here."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds after which a thing that must happen is taken not to happen."""

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, as PEM."""

    certificate: bytes
    key: bytes

    @property
    def serial(self) -> int:
        """What tells one certificate from the next."""
        return x509.load_pem_x509_certificate(self.certificate).serial_number


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
"""What a CA's key is for: without it, and without the key identifiers, Python 3.13 refuses a chain."""


class Authority:
    """A CA for the time of a test."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cni-guard test CA")])
        self.certificate = (
            self._builder(self._name, self._key, timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    def issue(self, kind: Literal["ec", "rsa"] = "ec", lasts: timedelta = timedelta(hours=1)) -> Issued:
        """A serving certificate for localhost; `lasts` may be in the past."""
        key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ec"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cni-guard")])
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        signed = (
            self._builder(name, key, lasts)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )
        return Issued(signed, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def _builder(self, name: x509.Name, key: Key, lasts: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + lasts)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def until(happened: Callable[[], Any], what: str) -> Any:
    """Wait, not for ever, until something is so; what it was is returned."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if seen := happened():
            return seen
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {PATIENCE:.0f} s")


class Answered:
    """An HTTP answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self) -> Any:
        """The body, which must be JSON and say so."""
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.text)


class Served:
    """A `cni-guard serve` that runs."""

    def __init__(self, process: "subprocess.Popen[str]", authority: Authority) -> None:
        self.process = process
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._authority = authority
        self._readers = [
            threading.Thread(target=self._collect, args=(stream, lines))
            for stream, lines in ((process.stdout, self.lines), (process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()
        self.port = int(until(self._said_port, "listening"))
        # The worker starts after the port is open: what a test does next must meet a server that has read its files.
        assert self.request("GET", "/healthz").status == 200

    @staticmethod
    def _collect(stream: Any, lines: list[str]) -> None:
        with stream:
            lines.extend(stream)

    def _said_port(self) -> str:
        assert self.process.poll() is None, "".join(self.errors)
        listening = re.search(r"Listening at: https://127\.0\.0\.1:(\d+)", "".join(self.lines))
        return listening[1] if listening else ""

    def context(self) -> ssl.SSLContext:
        """A client's: it trusts the test CA alone."""
        return ssl.create_default_context(cadata=self._authority.certificate.decode())

    def connect(self) -> http.client.HTTPSConnection:
        """A connection that is kept alive."""
        return http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=self.context())

    def socket(self) -> ssl.SSLSocket:
        """A bare TLS connection, to misbehave on."""
        return self.context().wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE), server_hostname="localhost"
        )

    def serial(self) -> int:
        """The serial number of the certificate that a new connection sees."""
        with self.socket() as connection:
            certificate = connection.getpeercert()
        assert certificate is not None
        return int(str(certificate["serialNumber"]), 16)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            return Answered(connection.getresponse())
        finally:
            connection.close()

    def review(self, sent: dict[str, Any], door: str = "validate") -> dict[str, Any]:
        """The response to a review."""
        answered = self.request("POST", f"/{door}", json.dumps(sent), Content_Type="application/json")
        assert answered.status == 200, answered.text
        response: dict[str, Any] = answered.json["response"]
        return response

    def ready(self) -> Any:
        """What /readyz says."""
        return self.request("GET", "/readyz").json

    def metric(self, series: str) -> float:
        """The value of a series; 0 where there is none yet."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.request("GET", "/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def logged(self, message: str) -> list[dict[str, Any]]:
        """The log lines with a message. Every line on stdout must be JSON."""
        return [line for line in map(json.loads, list(self.lines)) if line["message"] == message]

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code; everything was read then."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code


def command(*flags: str) -> list[str]:
    """The command line of `cni-guard serve`, without an installation."""
    return [sys.executable, "-c", "import sys; from webhook.cli import main; sys.exit(main())", "serve", *flags]


def environment(**variables: str) -> dict[str, str]:
    """The environment of the command: none of our variables but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CNI_GUARD_")}
    return inherited | variables


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A CA."""
    return Authority()


@dataclass(frozen=True)
class OnDisk:
    """Certificate and key where the server reads them."""

    certificate: Path
    key: Path

    def write(self, issued: Issued) -> None:
        """Replace both, each as a whole."""
        for path, content in ((self.certificate, issued.certificate), (self.key, issued.key)):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.replace(path)

    def flags(self) -> list[str]:
        """The flags of the command."""
        return ["--tls-cert", str(self.certificate), "--tls-key", str(self.key)]


@pytest.fixture
def pair(tmp_path: Path, authority: Authority) -> OnDisk:
    """A pair on disk."""
    on_disk = OnDisk(tmp_path / "tls.crt", tmp_path / "tls.key")
    on_disk.write(authority.issue())
    return on_disk


Serve = Callable[..., Served]


def start(authority: Authority, *flags: str) -> Served:
    """Start the command and wait until it is ready, or says why not."""
    process = subprocess.Popen(
        command("--bind", "127.0.0.1:0", *flags),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        served = Served(process, authority)
    except BaseException:
        process.kill()
        raise
    return served


def end(served: Served) -> None:
    """Kill what a test left running; whatever was tested, nothing may have been printed beside the log."""
    if served.process.poll() is None:
        served.process.send_signal(signal.SIGINT)  # the quick stop
    try:
        served.wait()
    finally:
        served.process.kill()
    assert served.errors == []


@pytest.fixture
def serve(authority: Authority, pair: OnDisk) -> Iterator[Serve]:
    """Start servers with the pair of this test."""
    running: list[Served] = []

    def one(*flags: str) -> Served:
        running.append(start(authority, *pair.flags(), *flags))
        return running[-1]

    yield one
    for served in running:
        end(served)


@pytest.fixture(scope="module")
def served(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests of a module that leave no trace."""
    folder = tmp_path_factory.mktemp("pair")
    on_disk = OnDisk(folder / "tls.crt", folder / "tls.key")
    on_disk.write(authority.issue())
    running = start(authority, *on_disk.flags())
    yield running
    end(running)


def review(uid: str = "1", **env: str) -> dict[str, Any]:
    """A review of a fresh aws-node with these variables."""
    containers = [
        {
            "name": "aws-node",
            "image": "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.23.1",
            "env": [{"name": name, "value": value} for name, value in env.items()],
        }
    ]
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "apps", "version": "v1", "kind": "DaemonSet"},
            "resource": {"group": "apps", "version": "v1", "resource": "daemonsets"},
            "operation": "CREATE",
            "name": "aws-node",
            "namespace": "kube-system",
            "userInfo": {"username": "ann"},
            "dryRun": False,
            "object": {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": "aws-node", "namespace": "kube-system"},
                "spec": {"template": {"spec": {"serviceAccountName": "aws-node", "containers": containers}}},
            },
            "oldObject": None,
        },
    }
