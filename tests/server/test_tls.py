"""The certificate: what is refused at the start, what is taken while it serves."""

import functools
import json
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tests.server.conftest import PATIENCE, ROOT, Authority, Issued, OnDisk, Serve, command, environment, review, until
from webhook import tls


def key(*, password: bytes = b"") -> bytes:
    """A key that belongs to no certificate here."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def refusal(*flags: str, **variables: str) -> str:
    """What `cni-guard serve` says when it does not start."""
    done = subprocess.run(
        command(*flags),
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_a_pair_that_does_not_match_is_a_clear_error(pair: OnDisk) -> None:
    pair.key.write_bytes(key())
    said = refusal(*pair.flags())
    assert str(pair.certificate) in said
    assert str(pair.key) in said
    assert "does not match certificate" in said


def test_a_missing_file_is_named(pair: OnDisk) -> None:
    pair.key.unlink()
    assert f"{pair.key}: No such file or directory" in refusal(*pair.flags())


def test_both_files_must_be_named(pair: OnDisk) -> None:
    assert "--tls-key" in refusal("--tls-cert", str(pair.certificate))


@pytest.mark.parametrize("bind", ["8443", "localhost", "127.0.0.1:http", "127.0.0.1:70000", "::1:8443", "[::1]", ""])
def test_a_bad_address_is_named(pair: OnDisk, bind: str) -> None:
    assert f"--bind {bind}: expected ADDRESS:PORT" in refusal(*pair.flags(), "--bind", bind)


def test_a_port_that_is_taken_is_named(pair: OnDisk, serve: Serve) -> None:
    bind = f"127.0.0.1:{serve().port}"
    assert f"--bind {bind}: Address already in use" in refusal(*pair.flags(), "--bind", bind)


def test_a_flag_wins_over_its_variable(pair: OnDisk) -> None:
    variables = {"CNI_GUARD_TLS_CERT": str(pair.certificate), "CNI_GUARD_TLS_KEY": str(pair.key)}
    assert "--bind b" in refusal("--bind", "b", CNI_GUARD_BIND="a", **variables)
    assert "--bind a" in refusal(CNI_GUARD_BIND="a", **variables)


@pytest.mark.parametrize(
    ("certificate", "private", "reason"),
    [
        (b"", None, "is not a PEM certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, "is not a PEM certificate"),
        (None, b"", "is not a usable PEM private key"),
        (None, key(), "does not match certificate"),
        (None, key(password=b"secret"), "is encrypted"),
    ],
)
def test_a_pair_that_can_not_serve_is_refused(
    authority: Authority, certificate: bytes | None, private: bytes | None, reason: str
) -> None:
    good = authority.issue()
    pair = tls.Pair(good.certificate if certificate is None else certificate, good.key if private is None else private)
    with pytest.raises(tls.PairError, match=reason):
        tls.load(pair, tls.Files(Path("tls.crt"), Path("tls.key")))


def test_a_key_too_weak_for_openssl_is_refused(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the test
    monkeypatch.setattr(rsa, "generate_private_key", lambda **_: weak)
    issued = authority.issue("rsa")
    with pytest.raises(tls.PairError, match="OpenSSL rejects"):
        tls.load(tls.Pair(issued.certificate, issued.key), tls.Files(Path("tls.crt"), Path("tls.key")))


@pytest.mark.parametrize(
    ("version", "served_"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_tls_and_http_versions(serve: Serve, version: ssl.TLSVersion, served_: str) -> None:
    served = serve()
    context = served.context()
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    served.context = lambda: context  # type: ignore[method-assign]
    with served.socket() as connection:
        assert connection.version() == served_
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_renewed_pair_is_served_without_a_restart(
    serve: Serve, pair: OnDisk, authority: Authority, kind: str
) -> None:
    served = serve()
    kept = served.connect()
    kept.request("POST", "/validate", json.dumps(review()), {"Content-Type": "application/json"})
    kept.getresponse().read()
    before = served.metric("cni_guard_certificate_not_after_timestamp_seconds")
    renewed = authority.issue("rsa" if kind == "rsa" else "ec", timedelta(hours=2))
    pair.write(renewed)
    until(lambda: served.serial() == renewed.serial, "serving the renewed certificate")
    assert served.metric("cni_guard_certificate_not_after_timestamp_seconds") > before
    kept.request("GET", "/healthz")
    assert kept.getresponse().read() == b"ok\n"
    kept.close()
    until(lambda: served.logged("certificate renewed"), "logging")


@pytest.mark.parametrize("bad", [key(), b"garbage"])
def test_a_pair_that_does_not_match_is_refused_while_the_old_one_stays(
    serve: Serve, pair: OnDisk, authority: Authority, bad: bytes
) -> None:
    served = serve()
    old, new = served.serial(), authority.issue()
    pair.write(Issued(new.certificate, bad))
    until(lambda: served.metric("cni_guard_certificate_reload_failures_total") == 1, "refusing")
    assert served.serial() == old
    assert str(pair.key) in served.ready()["certificate"]["refusal"]
    (line,) = until(lambda: served.logged("certificate rejected; still serving the old one"), "logging")
    assert line["level"] == "ERROR"
    pair.write(new)
    until(lambda: served.serial() == new.serial, "serving the mended pair")
    assert served.ready()["certificate"]["refusal"] is None


def test_a_pair_that_is_gone_is_refused_while_the_old_one_stays(serve: Serve, pair: OnDisk) -> None:
    served = serve()
    old = served.serial()
    pair.certificate.unlink()
    until(lambda: served.metric("cni_guard_certificate_reload_failures_total") == 1, "refusing")
    assert served.serial() == old


def test_an_expired_pair_is_served_but_not_ready(serve: Serve, pair: OnDisk, authority: Authority) -> None:
    served = serve()
    kept = served.connect()
    kept.connect()
    pair.write(authority.issue(lasts=timedelta(minutes=-1)))
    until(lambda: served.logged("certificate renewed"), "renewing")
    kept.request("GET", "/readyz")
    response = kept.getresponse()
    assert response.status == 503
    assert response.headers["Retry-After"] == "1"
    assert b"it expired at" in response.read()
    kept.close()
    until(lambda: "clients reject the certificate" in "".join(served.lines), "logging")


def test_a_renewal_under_requests_loses_none(serve: Serve, pair: OnDisk, authority: Authority) -> None:
    served = serve()

    def turned_to(serial: int) -> bool:
        assert served.review(review("r"))["uid"] == "r"
        return served.serial() == serial

    for renewed in (authority.issue("ec"), authority.issue("rsa")):
        pair.write(renewed)
        until(functools.partial(turned_to, renewed.serial), "serving the renewed certificate")
