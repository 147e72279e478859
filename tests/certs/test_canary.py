"""A canary that is not answered says why, and nothing stays on Fail."""

import base64
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from cryptography import x509

from certs.authority import BACKDATED, CA_LIFETIME, LEAF_LIFETIME, Pair, make_ca, make_leaf, service_names
from certs.canary import daemon_set, silent_endpoints
from certs.renewal import CERTIFICATE
from certs.resources import MUTATING, SECRET, SERVICE, VALIDATING
from tests.certs.echo import Echo
from tests.certs.faults import Faults
from tests.certs.world import NAME, PATIENCE, PORT, ROOT, SECRET_NAME, WEBHOOKS, World
from tests.controlplane.pki import Authority, Credential

SHORT = 1.2
"""Seconds in which the API server says why."""


@pytest.mark.parametrize(
    ("ready", "reason"),
    [
        (None, "no pod is ready: the Service cni-guard has no ready endpoints. See `kubectl -n {0} get pods`"),
        (False, "no pod is ready: the Service cni-guard has no ready endpoints. See `kubectl -n {0} get pods`"),
        (True, "port unreachable: nothing listens on port 8443 in cni-guard's pods"),
    ],
)
def test_a_closed_port(world: World, ready: bool | None, reason: str) -> None:
    if ready is not None:
        world.listen("10.0.0.1", ready=ready)
    run = world.install(timeout=SHORT)
    assert run.code == 1
    assert f"the canary was not answered: {reason.format(world.namespace)}" in run.error
    assert "connection refused" in run.error
    assert "All webhooks now fail open" in run.error
    assert set(world.policies().values()) == {"Ignore"}
    world.assert_open()


def test_an_unreachable_port_names_the_security_group(world: World) -> None:
    world.listen("10.0.0.1")
    documents = list(yaml.safe_load_all(WEBHOOKS.read_text()))
    for entry in documents[0]["webhooks"] + documents[1]["webhooks"]:
        entry["timeoutSeconds"] = 1
    world.webhooks = world.folder / "webhooks.yaml"
    world.webhooks.write_text(yaml.safe_dump_all(documents))
    with socket.create_server((world.address, PORT), backlog=64):  # it accepts, and never says a word
        run = world.install(timeout=SHORT)
    assert run.code == 1
    assert (
        "port unreachable: connections from the control plane to port 8443 time out. On EKS, the node security group"
        in run.error
    )
    world.assert_open()


def test_another_program_on_the_port(world: World) -> None:
    with plain_http(world.address):
        run = world.install(timeout=SHORT)
    assert "another program listens on port 8443" in run.error
    world.assert_open()


@contextmanager
def plain_http(address: str) -> Iterator[None]:
    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if stop.is_set():
                    return
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.recv(4096)

    stop = threading.Event()
    with socket.create_server((address, PORT)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        stop.set()
        socket.create_connection((address, PORT)).close()
        thread.join()


def credential(pair: Pair) -> Credential:
    return Credential(pair.certificate_pem, pair.key_pem)


def test_a_certificate_of_another_ca(world: World) -> None:
    shown = Authority().server(f"{NAME}.{world.namespace}.svc")
    with Echo(world, shows=shown):
        run = world.install(timeout=SHORT)
    assert run.code == 1
    assert (
        "wrong certificate: cni-guard serves a certificate from a different CA than the one in the Secret cni-guard-tls"
        in run.error
    )
    assert "certificate signed by unknown authority" in run.error
    world.assert_open()


@pytest.mark.parametrize(
    ("names", "age", "reason"),
    [
        (("elsewhere.other.svc",), 0, "wrong certificate: the certificate served is not for"),
        (None, 400, "wrong certificate: cni-guard serves an expired certificate"),
        (None, -10, "clock skew: the certificate is not yet valid on the control plane"),
    ],
)
def test_a_certificate_of_our_ca_that_does_not_fit(
    world: World, names: tuple[str, ...] | None, age: int, reason: str
) -> None:
    """The Secret is good; what the guard shows is of the same CA, but not what it holds."""
    now = datetime.now(UTC)
    ca = make_ca(now - timedelta(days=20), CA_LIFETIME)
    own = service_names(NAME, world.namespace)
    good = make_leaf(ca, own, now, timedelta(days=100))
    wrong = make_leaf(ca, names or own, now - timedelta(days=age), min(LEAF_LIFETIME, timedelta(days=300)))
    held = {"ca.crt": ca.certificate_pem, "tls.crt": good.certificate_pem, "tls.key": good.key_pem}
    secret = SECRET.named(SECRET_NAME, world.namespace)
    text = {key: value.decode() for key, value in held.items()}
    world.create(SECRET, {**secret, "type": "kubernetes.io/tls", "stringData": text})
    with Echo(world, shows=credential(wrong)):
        run = world.install(timeout=SHORT)
    assert "certificate: kept" in run.output
    assert reason in run.error
    world.assert_open()


def test_a_clock_that_is_days_off_makes_what_the_api_server_accepts(world: World) -> None:
    """Our clock against that of the API server: the certificate has the dates of the latter."""
    for shift in (timedelta(days=2), timedelta(days=-2)):
        world.delete(SECRET, SECRET_NAME)
        with Faults(world.cluster, shift=shift) as proxy:
            run = world.install(proxy.environment, timeout=SHORT)
        assert run.code == 1, "nobody listens"
        leaf = x509.load_pem_x509_certificate(base64.b64decode(world.secret()[CERTIFICATE]))
        expected = datetime.now(UTC) + shift - BACKDATED
        assert abs(leaf.not_valid_before_utc - expected) < timedelta(minutes=1)


def test_an_api_server_that_lies_about_the_time_is_told_as_the_clock(world: World) -> None:
    with Echo(world), Faults(world.cluster, shift=timedelta(days=3)) as proxy:
        run = world.install(proxy.environment, timeout=SHORT)
    assert run.code == 1
    assert "clock skew: the certificate is not yet valid on the control plane" in run.error
    world.assert_open()


def test_no_service_and_no_such_port(world: World) -> None:
    with Echo(world):
        run = world.install(port=9999, timeout=SHORT)
        assert "the Service cni-guard has no port 9999. Pass its port with --port" in run.error
        world.assert_open()
    world.delete(SERVICE, NAME)
    run = world.install(timeout=SHORT)
    assert f"the Service cni-guard does not exist in the namespace {world.namespace}" in run.error
    world.assert_open()


@pytest.mark.parametrize(
    ("endpoints", "said"),
    [
        (("validate",), "the API server reaches cni-guard, but the webhooks do not call it at mutate"),
        ((), "cni-guard did not answer, and the API server gives no reason"),
    ],
)
def test_an_endpoint_that_is_silent_is_named(world: World, endpoints: tuple[str, ...], said: str) -> None:
    with Echo(world, endpoints=endpoints):
        run = world.install(timeout=SHORT)
    assert run.code == 1
    assert said in run.error
    world.assert_open()


def test_a_running_guard_that_dies_is_opened_by_the_next_run(world: World) -> None:
    with Echo(world):
        assert world.install().code == 0
    run = world.install(timeout=SHORT)
    assert run.code == 1
    assert "no pod is ready" in run.error
    world.assert_open()
    with Echo(world):
        assert world.install().code == 0
    world.assert_installed()


def test_a_guard_that_starts_late_is_waited_for(world: World) -> None:
    environment = os.environ | {"KUBECONFIG": str(world.cluster.kubeconfig)}
    with subprocess.Popen(world.command(), cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while "canary: no answer yet: no pod is ready" not in (line := process.stdout.readline()):
            assert line
        with Echo(world):
            assert process.wait(timeout=PATIENCE) == 0
    world.assert_installed()


def test_a_webhook_that_refuses_the_canary_is_no_matter(world: World) -> None:
    """Webhooks are asked side by side: the guard has answered nevertheless."""
    with Echo(world):
        assert world.install().code == 0
        entry = world.get(VALIDATING, NAME)["webhooks"][0]
        entry["clientConfig"]["service"]["path"] = "/deny"
        world.create(VALIDATING, {**VALIDATING.named("other-policy", ""), "webhooks": [entry]})
        try:
            world.cluster.wait_for(lambda: "not by me" in str(dry_run(world)), "the other webhook to be called")
            run = world.install()
        finally:
            world.delete(VALIDATING, "other-policy")
        assert run.code == 0, run.output
    world.assert_installed()


def test_a_policy_that_refuses_the_canary_is_named(world: World) -> None:
    """A ValidatingAdmissionPolicy comes before the webhooks."""
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-daemonsets"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["daemonsets"], "operations": ["*"]}
                ]
            },
            "validations": [{"expression": "false", "message": "no DaemonSets here"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-daemonsets"},
        "spec": {"policyName": "no-daemonsets", "validationActions": ["Deny"]},
    }
    root = "/apis/admissionregistration.k8s.io/v1"
    world.call("POST", f"{root}/validatingadmissionpolicies", policy)
    world.call("POST", f"{root}/validatingadmissionpolicybindings", binding)
    try:
        world.cluster.wait_for(
            lambda: "no DaemonSets here" in str(dry_run(world)), "the policy to be enforced", timeout=20
        )
        with Echo(world):
            run = world.install(timeout=SHORT)
        assert "another policy denies the canary before cni-guard is called" in run.error
        assert "no DaemonSets here" in run.error
        world.assert_open()
    finally:
        world.call("DELETE", f"{root}/validatingadmissionpolicybindings/no-daemonsets")
        world.call("DELETE", f"{root}/validatingadmissionpolicies/no-daemonsets")
        world.cluster.wait_for(
            lambda: "no DaemonSets here" not in str(dry_run(world)), "the policy to be gone", timeout=20
        )


def dry_run(world: World) -> Any:
    path = f"/apis/apps/v1/namespaces/{world.namespace}/daemonsets?dryRun=All"
    return world.call("POST", path, daemon_set(world.namespace, "none"))


def test_silent_endpoints() -> None:
    answers = ["other", "cni-guard canary abc answered at validate", "cni-guard canary xyz answered at mutate"]
    assert silent_endpoints(answers, "abc") == ["mutate"]
    assert silent_endpoints([], "abc") == ["mutate", "validate"]


def test_nothing_is_stored(world: World) -> None:
    with Echo(world):
        assert world.install().code == 0
    _, found = world.call("GET", f"/apis/apps/v1/namespaces/{world.namespace}/daemonsets")
    assert found["items"] == []
    assert {entry["failurePolicy"] for entry in world.get(MUTATING, NAME)["webhooks"]} == {"Ignore"}
