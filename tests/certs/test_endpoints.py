"""Nothing fails closed before each ready replica serves a certificate that the caBundle vouches for."""

import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from certs import endpoints
from certs.authority import CA_LIFETIME, Pair, issue, make_ca, make_leaf, service_names
from certs.diagnosis import Scene
from certs.endpoints import Endpoint, Fault, Trust, fault_of, listed
from certs.errors import UnprovenError
from certs.resources import ENDPOINT_SLICE, MUTATING, SECRET, SERVICE, VALIDATING
from tests.certs.echo import Echo
from tests.certs.world import NAME, PATIENCE, PORT, ROOT, SECRET_NAME, World, slice_name, written_policies
from tests.controlplane.network import published
from tests.controlplane.pki import Credential

NOW = datetime.now(UTC)
SERVICE_NAME = "cni-guard.kube-guard.svc"


# What the EndpointSlices say.


def entry(*addresses: str, **conditions: bool | None) -> dict[str, Any]:
    return {"addresses": list(addresses), "conditions": conditions}


def piece(*entries: dict[str, Any], ports: Any = ({"name": "webhook", "port": 8443},)) -> dict[str, Any]:
    return {"endpoints": list(entries), "ports": list(ports) if ports else ports}


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ([], []),
        ([piece(entry("10.0.0.1", ready=True))], ["10.0.0.1:8443"]),
        ([piece(entry("10.0.0.1", "10.0.0.2", ready=True))], ["10.0.0.1:8443", "10.0.0.2:8443"]),
        ([piece(entry("10.0.0.1")), piece(entry("fd00::1"))], ["10.0.0.1:8443", "[fd00::1]:8443"]),
        ([piece({"addresses": ["10.0.0.1"]})], ["10.0.0.1:8443"]),
        ([piece(entry("10.0.0.1", ready=None))], ["10.0.0.1:8443"]),
        ([piece(entry("10.0.0.1", ready=False))], ["10.0.0.1:8443 not ready"]),
        ([piece(entry("10.0.0.1", ready=False, serving=True, terminating=True))], []),
        ([piece(entry("10.0.0.1", ready=True), ports=({"name": "metrics", "port": 9090},))], []),
        ([piece(entry("10.0.0.1", ready=True), ports=None)], []),
        ([{"endpoints": None, "ports": None}], []),
    ],
)
def test_what_is_listed(slices: list[dict[str, Any]], expected: list[str]) -> None:
    assert [f"{item}{'' if item.ready else ' not ready'}" for item in listed(slices, "webhook")] == expected


@given(st.lists(st.lists(st.tuples(st.ip_addresses(v=4).map(str), st.sampled_from([True, False, None])))))
def test_each_ready_address_is_listed_once_for_each_time(table: list[list[tuple[str, bool | None]]]) -> None:
    slices = [piece(*(entry(address, ready=ready) for address, ready in rows)) for rows in table]
    expected = [address for rows in table for address, ready in rows if ready is not False]
    assert [item.address for item in listed(slices, "webhook") if item.ready] == expected


# What a handshake says.


def pair(ca: Pair, name: str = SERVICE_NAME, begin: datetime = NOW, days: float = 30) -> Credential:
    leaf = make_leaf(ca, (name,), begin, timedelta(days=days))
    return Credential(leaf.certificate_pem, leaf.key_pem)


@contextmanager
def showing(credential: Credential, folder: Path) -> Iterator[Endpoint]:
    """A server that shakes hands, and no more."""
    file = folder / "shown.pem"
    file.write_bytes(credential.certificate + credential.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=shake, args=(listener, context))
        server.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1], ready=True)
        server.join(timeout=10)


def shake(listener: socket.socket, context: ssl.SSLContext) -> None:
    plain, _ = listener.accept()
    with plain:
        try:
            context.wrap_socket(plain, server_side=True).close()
        except OSError:
            return  # the client's opinion is what counts


def plain_ca() -> Pair:
    """A CA of somebody's own making: without the extensions that a strict verification wants, as Go takes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "plain")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=9))
    basic = x509.BasicConstraints(ca=True, path_length=None)
    return Pair(builder.add_extension(basic, critical=True).sign(key, hashes.SHA256()), key)


def intermediate(root: Pair) -> Pair:
    """A CA that another one signed; the bundle has this one alone."""
    made = make_ca(NOW, CA_LIFETIME)
    builder = x509.CertificateBuilder(
        root.certificate.subject,
        made.certificate.subject,
        made.certificate.public_key(),
        7,
        NOW,
        NOW + timedelta(days=9),
        list(made.certificate.extensions),
    )
    return Pair(builder.sign(root.key, hashes.SHA256()), made.key)


OURS, OTHER = make_ca(NOW, CA_LIFETIME), make_ca(NOW, CA_LIFETIME)
PLAIN, BELOW = plain_ca(), intermediate(make_ca(NOW, CA_LIFETIME))


@pytest.mark.parametrize(
    ("shown", "trusted", "now", "fault"),
    [
        (pair(OURS), [OURS], NOW, ""),
        (pair(OURS), [OTHER, OURS], NOW, ""),
        (pair(PLAIN), [PLAIN], NOW, ""),
        (pair(BELOW), [BELOW], NOW, ""),
        (pair(OTHER), [OURS], NOW, "the caBundle does not trust (unable to get local issuer certificate)"),
        (pair(OURS, "other.kube-guard.svc"), [OURS], NOW, "Hostname mismatch"),
        (pair(OURS), [OURS], NOW + timedelta(days=60), "serves a certificate that is not valid at"),
        (pair(OURS), [OURS], NOW + timedelta(days=3000), "no CA in the bundle is valid now"),
        (pair(OURS, begin=NOW - timedelta(days=90)), [OURS], NOW, "serves a certificate that is not valid at"),
        (pair(OURS, begin=NOW - timedelta(days=90)), [OURS], NOW - timedelta(days=80), "no CA in the bundle"),
    ],
)
def test_what_is_shown(shown: Credential, trusted: list[Pair], now: datetime, fault: str, tmp_path: Path) -> None:
    bundle = b"".join(ca.certificate.public_bytes(Encoding.PEM) for ca in trusted)
    if "no CA" in fault:
        assert fault in str(fault_of(Endpoint("127.0.0.1", 1, ready=True), Trust(bundle, SERVICE_NAME), now))
        return
    with showing(shown, tmp_path) as endpoint:
        said = fault_of(endpoint, Trust(bundle, SERVICE_NAME), now)
    assert bool(fault) == bool(said)
    if said is not None:
        assert fault in said.words
        assert said.shown


def test_what_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_HANDSHAKE_SECONDS", 0.3)
    trust = Trust(OURS.certificate_pem, SERVICE_NAME)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = Endpoint("127.0.0.1", silent.getsockname()[1], ready=True)
        assert fault_of(there, trust, NOW) == Fault("does not answer (timed out)")
    assert fault_of(there, trust, NOW) == Fault("does not answer (Connection refused)")
    assert str(fault_of(Endpoint("no.such.host.invalid", 1, ready=True), trust, NOW)).startswith("does not answer (")


def test_another_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        speaker = threading.Thread(target=speak)
        speaker.start()
        there = Endpoint("127.0.0.1", listener.getsockname()[1], ready=True)
        said = fault_of(there, Trust(OURS.certificate_pem, SERVICE_NAME), NOW)
        speaker.join()
    assert said is not None
    assert said.words.startswith("does not speak TLS as cni-guard does (")
    assert not said.shown


# What is waited for.

RIGHT = None
WRONG = Fault("serves a certificate that the caBundle does not trust", shown=True)
SILENT = Fault("does not answer (Connection refused)")
SEEN = st.tuples(st.booleans(), st.sampled_from([RIGHT, WRONG, SILENT]))
"""Whether an endpoint is ready, and what is seen of it."""
ROUND = st.dictionaries(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]), SEEN)
SECONDS = 20
"""In all, one a round; the last round goes on."""


class Rounds:
    """A cluster of which each round sees what is written, and its clock."""

    def __init__(self, rounds: list[dict[str, tuple[bool, Fault | None]]]) -> None:
        self.rounds = rounds
        self.number = 0
        self.said: list[str] = []

    @property
    def seen(self) -> dict[str, tuple[bool, Fault | None]]:
        return self.rounds[min(self.number, len(self.rounds) - 1)]

    @property
    def remaining(self) -> float:
        return SECONDS - self.number

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return float(self.number)

    def sleep(self, _seconds: float) -> None:
        self.number += 1

    def endpoints(self, *_: object) -> list[Endpoint]:
        return [Endpoint(address, 8443, ready) for address, (ready, _) in sorted(self.seen.items())]

    def fault_of(self, endpoint: Endpoint, *_: object) -> Fault | None:
        return self.seen[endpoint.address][1]

    def prove(self) -> list[str]:
        """The addresses that are proven; raises where not enough are."""
        scene: Any = Scene("kube-guard", "cni-guard", 8443, "cni-guard-tls", ready=None)
        cluster: Any = self
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(endpoints, "time", self)
            patch.setattr(endpoints, "_endpoints", self.endpoints)
            patch.setattr(endpoints, "fault_of", self.fault_of)
            return [one.address for one in endpoints.prove(cluster, scene, b"", lambda: None, self.said.append)]

    def showed_wrong(self, address: str) -> bool:
        """Whether the last certificate that an endpoint showed is a wrong one, while it was listed."""
        shown: Fault | None = None
        for seen in [*self.rounds, *[self.rounds[-1]] * SECONDS][: self.number + 1]:
            fault = seen[address][1] if address in seen else RIGHT
            shown = shown if fault is SILENT else fault
        return shown is WRONG


@given(st.lists(ROUND, min_size=1, max_size=SECONDS))
def test_a_wrong_certificate_is_waited_for_as_long_as_its_endpoint_is_there(
    rounds: list[dict[str, tuple[bool, Fault | None]]],
) -> None:
    world = Rounds(rounds)
    error = ""
    try:
        proven = world.prove()
    except UnprovenError as unproven:
        proven, error = [], str(unproven)
    left = {address: seen for address, seen in world.seen.items() if address not in proven}
    if error:
        waited = {
            address for address, (ready, fault) in left.items() if fault and (ready or world.showed_wrong(address))
        }
        assert waited or not any(ready for ready, _ in world.seen.values())
        assert all(f"{address}:8443 " in error for address in waited)
        assert world.said[-1].removeprefix("endpoints: waiting for: ") in error
    else:
        assert any(world.seen[address][0] for address in proven)
        assert all(world.seen[address][1] is RIGHT for address in proven)
        assert all(seen == (False, SILENT) and not world.showed_wrong(address) for address, seen in left.items())


@given(st.lists(st.sampled_from([WRONG, SILENT]), min_size=1))
def test_one_that_never_showed_a_certificate_is_passed_over(history: list[Fault]) -> None:
    rounds = [{"10.0.0.1": (True, RIGHT), "10.0.0.2": (False, fault)} for fault in history[:SECONDS]]
    world = Rounds(rounds)
    if WRONG in history[: SECONDS // 2 + 1]:
        with pytest.raises(UnprovenError, match=r"10\.0\.0\.2:8443 is not ready"):
            world.prove()
    else:
        assert world.prove() == ["10.0.0.1"]
        assert world.number == SECONDS / 2
        assert "endpoints: no longer waiting for: 10.0.0.2:8443 is not ready: does not answer" in world.said[-1]


# An installation with two replicas.


def second(world: World) -> str:
    """Where another replica can listen: the API server never calls it there, as it need not call any for a while."""
    return world.address.replace("127.96.", "127.95.").rpartition(".")[0] + ".200"


def stale(world: World) -> Credential:
    """What a replica still shows after its Secret was lost."""
    issued = issue(service_names(NAME, world.namespace), datetime.now(UTC))
    return Credential(issued.certificate, issued.key)


def closed(world: World) -> bool:
    return "Fail" in world.policies().values()


def test_a_ready_replica_that_shows_another_certificate_keeps_everything_open(world: World) -> None:
    with Echo(world), Echo(world, shows=stale(world), address=second(world)):
        run = world.install(timeout=4)
    assert run.code == 1
    assert f"{published(second(world))}:{PORT} serves a certificate that the caBundle does not trust" in run.error
    assert "not every replica serves the certificate in the Secret cni-guard-tls" in run.error
    assert "canary: answered at both endpoints 3 times in a row" in run.lines
    world.assert_open()


def test_it_is_waited_for(world: World) -> None:
    """The Secret was lost: one replica has the new pair at once, the other a while later."""
    with Echo(world), Echo(world, address=second(world)) as late:
        assert world.install().code == 0
        held = world.secret()
        late.shows = stale(world)
        for resource, name in ((SECRET, SECRET_NAME), (VALIDATING, NAME), (MUTATING, NAME)):
            world.delete(resource, name)
        environment = os.environ | {"KUBECONFIG": str(world.cluster.kubeconfig)}
        with subprocess.Popen(world.command(), cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            while "endpoints: waiting for: " not in (line := process.stdout.readline()):
                assert line, "it did not wait"
            assert f"{published(second(world))}:{PORT} serves a certificate that" in line
            assert published(world.address) not in line
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert not closed(world)
                time.sleep(0.05)
            late.shows = None
            assert process.wait(timeout=PATIENCE) == 0
        assert world.secret() != held
    world.assert_installed()


def test_no_ready_endpoint_is_no_proof(world: World) -> None:
    """The API server reaches something, but the Service has no endpoint: who answered is not known."""
    with Echo(world) as guard:
        world.delete(ENDPOINT_SLICE, guard.slice)
        run = world.install(timeout=3)
    assert run.code == 1
    assert "the Service cni-guard has no ready endpoints" in run.error
    world.assert_open()


@pytest.mark.parametrize("shows", ["the certificate", "nothing"])
def test_one_that_is_not_ready_is_waited_for_but_not_forever(world: World, shows: str) -> None:
    address = second(world)
    with Echo(world):
        world.listen(published(address), ready=False)
        if shows == "nothing":
            run = world.install(timeout=4)
        else:
            with Echo(world, address=address, listed=False):
                run = world.install(timeout=4)
    assert run.code == 0, run.output
    waited = [line for line in run.lines if f"{published(address)}:{PORT} is not ready: " in line]
    assert len(waited) == (0 if shows == "the certificate" else 2), run.lines
    assert world.policies() == written_policies()


def test_one_that_is_not_ready_and_shows_another_certificate_keeps_everything_open(world: World) -> None:
    address = second(world)
    with Echo(world), Echo(world, shows=stale(world), address=address, listed=False):
        world.listen(published(address), ready=False)
        run = world.install(timeout=4)
    assert run.code == 1
    said = f"{published(address)}:{PORT} is not ready: serves a certificate that the caBundle does not trust"
    assert f"endpoints: waiting for: {said}" in run.output
    assert said in run.error
    world.assert_open()


def test_one_that_showed_another_certificate_is_gone_with_its_endpoint(world: World) -> None:
    address = second(world)
    with Echo(world), Echo(world, shows=stale(world), address=address, listed=False):
        world.listen(published(address), ready=False)
        environment = os.environ | {"KUBECONFIG": str(world.cluster.kubeconfig)}
        with subprocess.Popen(world.command(), cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            while "endpoints: waiting for: " not in (line := process.stdout.readline()):
                assert line, "it did not wait"
            world.delete(ENDPOINT_SLICE, slice_name(published(address)))
            assert process.wait(timeout=PATIENCE) == 0
    world.assert_installed()


def test_one_that_ends_is_not_asked(world: World) -> None:
    with Echo(world):
        world.listen(published(second(world)), ready=False, serving=True, terminating=True)
        run = world.install()
    assert run.code == 0, run.output
    assert not [line for line in run.lines if "waiting" in line]


def test_a_service_with_a_port_of_another_number_and_name(world: World) -> None:
    """The EndpointSlice names the port as the Service does; its number is the pod's."""
    with Echo(world):
        world.patch(
            SERVICE,
            NAME,
            {"spec": {"ports": [{"name": "metrics", "port": 9090}, {"name": "https", "port": PORT}]}},
        )
        content = {
            **ENDPOINT_SLICE.named("more", world.namespace, labels={"kubernetes.io/service-name": NAME}),
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"name": "metrics", "port": 9090}],
        }
        world.create(ENDPOINT_SLICE, content)
        run = world.install()
    assert run.code == 0, run.output
    assert f"endpoints: all serve the certificate: {published(world.address)}:{PORT}" in run.lines
