"""An installation into a real API server: from nothing, again, interrupted, side by side, and over what others left."""

import base64
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from cryptography import x509

from certs.authority import CA_LIFETIME, LEAF_LIFETIME, issue, make_ca, make_leaf, service_names
from certs.canary import IN_A_ROW
from certs.renewal import CA, CERTIFICATE, KEY, renewal_reason
from certs.resources import CLUSTER_ROLE, LEASE, MUTATING, SECRET, VALIDATING
from tests.certs.echo import Echo
from tests.certs.faults import Faults
from tests.certs.test_renewal import encoded, secret_of
from tests.certs.world import CANARY, NAME, ROOT, SECRET_NAME, WEBHOOKS, World, written_policies


def test_from_nothing_then_again(world: World) -> None:
    with Echo(world) as guard:
        first = world.run()
        assert first.code == 0, first.output
        world.assert_installed()
        assert [line.split(":")[0] for line in first.lines] == [
            "lease",
            "certificate",
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "certificate",
            "canary",
            "endpoints",
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "installed",
        ]
        assert world.find(VALIDATING, CANARY) is None
        before, asked = world.versions(), len(guard.asked)

        second = world.install()
        assert second.code == 0, second.output
        assert world.versions() == before
        assert len(guard.asked) >= asked + 6, "the second run is proven too"


def test_the_secret_is_one_that_the_api_server_accepts(world: World) -> None:
    with Echo(world):
        assert world.install().code == 0
    assert world.get(SECRET, SECRET_NAME)["type"] == "kubernetes.io/tls"
    held = world.secret()
    assert set(held) == {CA, CERTIFICATE, KEY}
    assert not renewal_reason(held, service_names(NAME, world.namespace), datetime.now(UTC))
    assert b"PRIVATE KEY" not in base64.b64decode(held[CA]) + base64.b64decode(held[CERTIFICATE])


def test_second_run_never_opens_what_is_closed(world: World) -> None:
    """Neither a write nor a dry run of the second run has an entry on Ignore that was on Fail."""
    with Echo(world):
        assert world.install().code == 0
        seen: list[dict[str, str]] = []
        with Faults(world.cluster) as proxy:
            proxy.done = lambda _method, _path: seen.append(world.policies())
            assert world.install(proxy.environment).code == 0
    assert len(seen) > 5
    assert all(policies == written_policies() for policies in seen)


# Interrupted.


def killed(world: World, environment: dict[str, str], *flags: str) -> subprocess.Popen[bytes]:
    command = world.command("--lease-seconds=1", *flags)
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


WRITES = 8
"""The Lease, two configurations, the Secret, two promotions, the canary's removal, the end of the rights."""


@pytest.mark.parametrize("number", range(WRITES))
def test_killed_after_each_write_and_run_again(world: World, number: int) -> None:
    with Echo(world), Faults(world.cluster) as proxy:
        dead = threading.Event()

        def kill(_method: str, _path: str) -> None:
            if len(proxy.writes) > number and not dead.is_set():
                process.kill()
                process.wait()
                dead.set()

        proxy.done = kill
        process = killed(world, proxy.environment)
        process.wait(timeout=30)
        assert dead.is_set(), "it made fewer writes"
        assert process.returncode == -signal.SIGKILL
        again = world.install(lease_seconds=1)
        assert again.code == 0, again.output
        world.assert_installed()


def test_killed_while_it_asks_why(world: World) -> None:
    """What a killed run leaves is removed by the next one, and stands in nobody's way until then."""
    with Faults(world.cluster) as proxy:

        def kill(method: str, path: str) -> None:
            if method == "PATCH" and f"/{CANARY}?" in path and "webhook" in path:
                process.kill()
                process.wait()

        proxy.done = kill
        process = killed(world, proxy.environment, "--timeout=4")
        assert process.wait(timeout=30) == -signal.SIGKILL
    assert world.get(VALIDATING, CANARY)["webhooks"][0]["failurePolicy"] == "Fail"
    others = [daemon_set("other"), daemon_set(CANARY), daemon_set(CANARY) | {"metadata": {"generateName": "x-"}}]
    for other in others:
        status, answer = world.call("POST", f"/apis/apps/v1/namespaces/{world.namespace}/daemonsets", other)
        assert status == 201, answer
    world.call("DELETE", f"/apis/apps/v1/namespaces/{world.namespace}/daemonsets")
    with Echo(world):
        assert world.install().code == 0
    world.assert_installed()


def daemon_set(name: str) -> dict[str, Any]:
    labels = {"app": "x"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "amazon-k8s-cni:x"}]}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def test_terminated_it_releases_what_it_holds(world: World) -> None:
    command = world.command("--timeout=20")
    environment = os.environ | {"KUBECONFIG": str(world.cluster.kubeconfig)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while "no answer yet" not in (line := process.stdout.readline()):
            assert line
        assert world.find(VALIDATING, CANARY)
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    world.assert_open()


# Two at once.


def test_two_at_once(world: World) -> None:
    runs = {}
    with Echo(world):

        def run(name: str) -> None:
            runs[name] = world.install()

        threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert {run.code for run in runs.values()} == {0}, runs
    world.assert_installed()
    made = [run for run in runs.values() if "issuing a new one" in run.output]
    kept = [run for run in runs.values() if "kept" in run.output]
    assert len(made) == len(kept) == 1, "the second found what the first had made"


def hold(world: World, seconds: int) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    spec = {"holderIdentity": "other", "leaseDurationSeconds": seconds, "acquireTime": now, "renewTime": now}
    world.create(LEASE, {**LEASE.named(NAME, world.namespace), "spec": spec})


def test_a_lease_that_runs_out_is_taken_over(world: World) -> None:
    hold(world, 1)
    with Echo(world):
        began = time.monotonic()
        run = world.install()
    assert run.code == 0, run.output
    assert time.monotonic() - began >= 1
    assert "another run (other) holds the Lease" in run.lines[0]
    world.assert_installed()


def test_a_lease_that_is_held_is_waited_for_and_named(world: World) -> None:
    hold(world, 60)
    run = world.install(timeout=1.5)
    assert run.code == 1
    assert "another run (other) still holds the Lease cni-guard" in run.error
    assert world.policies() == {}
    assert world.find(SECRET, SECRET_NAME) is None


def test_a_run_that_lost_its_lease_writes_no_more(world: World) -> None:
    """As one that slept for a minute: the Lease is another's when it comes to write the Secret."""
    with Faults(world.cluster) as proxy:

        def steal(method: str, path: str) -> None:
            if method == "PATCH" and "mutating" in path:
                world.patch(LEASE, NAME, {"spec": {"holderIdentity": "other", "leaseDurationSeconds": 60}})
                time.sleep(1)

        proxy.done = steal
        run = world.install(proxy.environment)
    assert run.code == 1
    assert "another run (other) took over the Lease" in run.error
    assert world.find(SECRET, SECRET_NAME) is None
    assert world.get(LEASE, NAME)["spec"]["holderIdentity"] == "other"


def test_a_run_that_lost_its_lease_promotes_nothing(world: World) -> None:
    """It is another's at the moment when the last canary is answered."""
    tries = []
    with Echo(world), Faults(world.cluster) as proxy:
        assert world.install().code == 0
        before = world.versions()

        def steal(_method: str, path: str) -> None:
            if "daemonsets" in path:
                tries.append(path)
            if len(tries) == IN_A_ROW:
                world.patch(LEASE, NAME, {"spec": {"holderIdentity": "other", "leaseDurationSeconds": 60}})
                time.sleep(1)

        proxy.done = steal
        run = world.install(proxy.environment)
    assert run.code == 1
    assert "canary: answered at both endpoints" in run.lines[-1]
    assert "another run (other) took over the Lease" in run.error
    assert world.versions() == before


# What others left.


def put_secret(world: World, data: dict[str, str], kind: str = "kubernetes.io/tls", **more: Any) -> None:
    world.create(SECRET, {**SECRET.named(SECRET_NAME, world.namespace), "type": kind, "data": data, **more})


def other(world: World) -> dict[str, str]:
    return secret_of(issue(service_names(NAME, world.namespace), datetime.now(UTC)))


GARBAGE = {name: base64.b64encode(b"garbage").decode() for name in (CA, CERTIFICATE, KEY)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("wrong CA", "tls.crt is not signed by a CA in ca.crt"),
        ("another key", "tls.key does not match tls.crt"),
        ("garbage", "ca.crt is malformed"),
        ("garbage of another type", "ca.crt is malformed"),
        ("immutable garbage", "ca.crt is malformed"),
        ("another namespace's", "tls.crt does not cover"),
    ],
)
def test_a_secret_that_can_not_serve_is_replaced(world: World, change: str, reason: str) -> None:
    good = other(world)
    elsewhere = secret_of(issue(service_names(NAME, "elsewhere"), datetime.now(UTC)))
    data = {
        "wrong CA": good | {CA: other(world)[CA]},
        "another key": good | {KEY: other(world)[KEY]},
        "another namespace's": elsewhere,
    }.get(change, GARBAGE)
    kind = "Opaque" if change == "garbage of another type" else "kubernetes.io/tls"
    put_secret(world, data, kind, immutable=change == "immutable garbage")
    with Echo(world):
        run = world.install()
    assert run.code == 0, run.output
    assert f"issuing a new one: {reason}" in run.output
    world.assert_installed()
    assert not renewal_reason(world.secret(), service_names(NAME, world.namespace), datetime.now(UTC))


KINDS = {
    "Opaque": {},
    "example.com/own": {"more": "eA=="},
    "kubernetes.io/basic-auth": {"username": "eA==", "password": "eA=="},
    "kubernetes.io/ssh-auth": {"ssh-privatekey": "eA=="},
    "kubernetes.io/dockerconfigjson": {".dockerconfigjson": base64.b64encode(b"{}").decode()},
    "bootstrap.kubernetes.io/token": {},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("held", ["nothing", "garbage", "a part"])
def test_a_secret_of_another_type_never_goes_away(world: World, kind: str, held: str) -> None:
    """A pod that starts at any moment of the run finds it: no request of the run leaves the namespace without it."""
    ours = {"nothing": {}, "garbage": GARBAGE, "a part": {KEY: other(world)[KEY]}}[held]
    put_secret(world, KINDS[kind] | ours, kind)
    uid = world.get(SECRET, SECRET_NAME)["metadata"]["uid"]
    seen = set()
    with Echo(world), Faults(world.cluster) as proxy:
        proxy.done = lambda _method, _path: seen.add(
            (world.find(SECRET, SECRET_NAME) or {"metadata": {}})["metadata"].get("uid")
        )
        run = world.install(proxy.environment)
    assert run.code == 0, run.output
    assert seen == {uid}
    world.assert_installed()
    assert KINDS[kind].items() <= world.secret().items(), "what others put there stays"
    assert not renewal_reason(world.secret(), service_names(NAME, world.namespace), datetime.now(UTC))


def test_a_secret_of_somebody_else_that_serves_is_kept(world: World) -> None:
    """A bundle of two CAs, as during a rotation."""
    good, more = other(world), base64.b64decode(other(world)[CA])
    bundle = base64.b64encode(more + base64.b64decode(good[CA])).decode()
    put_secret(world, good | {CA: bundle})
    with Echo(world):
        run = world.install()
    assert run.code == 0, run.output
    assert world.secret() == good | {CA: bundle}
    assert world.bundles() == {base64.b64decode(bundle)}


def test_renewal_while_the_guard_runs_never_opens_nor_breaks_it(world: World) -> None:
    """The old leaf goes on being served to the API server for a while, as pods do until the kubelet comes."""
    long_ago = datetime.now(UTC) - timedelta(days=300)
    ca = make_ca(long_ago, CA_LIFETIME)
    leaf = make_leaf(ca, service_names(NAME, world.namespace), long_ago, LEAF_LIFETIME)
    with Echo(world) as guard:
        assert world.install().code == 0
        old = encoded(ca.certificate_pem, leaf.certificate_pem, leaf.key_pem)
        world.patch(SECRET, SECRET_NAME, {"data": old})
        for resource in (VALIDATING, MUTATING):
            content = world.get(resource, NAME)
            for entry in content["webhooks"]:
                entry["clientConfig"]["caBundle"] = old[CA]
            world.call("PUT", resource.path("", NAME), content)
        seen: list[dict[str, str]] = []
        with Faults(world.cluster) as proxy:
            proxy.done = lambda _method, _path: seen.append(world.policies())
            run = world.install(proxy.environment)
        assert run.code == 0, run.output
        assert "past two thirds of its lifetime" in run.output
        assert all(policies == written_policies() for policies in seen)
        world.assert_installed()
        assert len(x509.load_pem_x509_certificates(base64.b64decode(world.secret()[CA]))) == 2
        assert world.secret()[CERTIFICATE] != old[CERTIFICATE]
        assert guard.asked


def test_a_bundle_that_was_overwritten_by_hand_is_repaired(world: World) -> None:
    with Echo(world):
        assert world.install().code == 0
        spoilt = world.get(VALIDATING, NAME)
        spoilt["webhooks"][0]["clientConfig"]["caBundle"] = other(world)[CA]
        assert world.call("PUT", VALIDATING.path("", NAME), spoilt)[0] == 200
        run = world.install()
        assert run.code == 0, run.output
        assert (
            "ValidatingWebhookConfiguration: registered; failing open until verified: aws-node.cni-guard.dev"
            in run.lines
        )
        world.assert_installed()


def test_rules_and_policies_that_were_changed_by_hand_are_repaired(world: World) -> None:
    with Echo(world):
        assert world.install().code == 0
        expected = world.get(VALIDATING, NAME)["webhooks"]
        changed = world.get(VALIDATING, NAME)
        changed["webhooks"][0]["rules"][0]["operations"] = ["CREATE"]
        changed["webhooks"][1]["failurePolicy"] = "Ignore"
        assert world.call("PUT", VALIDATING.path("", NAME), changed)[0] == 200
        assert world.install().code == 0
        assert world.get(VALIDATING, NAME)["webhooks"] == expected


@pytest.mark.parametrize("resource", [VALIDATING, MUTATING, SECRET, LEASE], ids=lambda resource: resource.kind)
def test_what_was_deleted_by_hand_comes_back(world: World, resource: Any) -> None:
    with Echo(world):
        assert world.install().code == 0
        world.delete(resource, SECRET_NAME if resource is SECRET else NAME)
        run = world.install()
        assert run.code == 0, run.output
        world.assert_installed()


def test_an_entry_that_the_file_no_longer_has_goes(world: World) -> None:
    documents = list(yaml.safe_load_all(WEBHOOKS.read_text()))
    documents[0]["webhooks"].append(documents[0]["webhooks"][0] | {"name": "old.cni-guard.dev"})
    world.webhooks = world.folder / "webhooks.yaml"
    world.webhooks.write_text(yaml.safe_dump_all(documents))
    with Echo(world):
        assert world.install().code == 0
        assert world.policies()["v/old.cni-guard.dev"] == "Fail"
        world.webhooks = WEBHOOKS
        assert world.install().code == 0
        world.assert_installed()


def test_a_namespace_of_another_name_is_selected(world: World) -> None:
    documents = list(yaml.safe_load_all(WEBHOOKS.read_text()))
    documents[0]["webhooks"][-1]["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": "cni-guard"}}
    world.webhooks = world.folder / "webhooks.yaml"
    world.webhooks.write_text(yaml.safe_dump_all(documents))
    with Echo(world):
        assert world.install().code == 0
    selector = world.get(VALIDATING, NAME)["webhooks"][-1]["namespaceSelector"]
    assert selector["matchLabels"]["kubernetes.io/metadata.name"] == world.namespace
    world.assert_installed()


def test_without_the_manifests(world: World) -> None:
    world.delete(CLUSTER_ROLE, NAME)
    run = world.install()
    assert (run.code, run.lines) == (1, ())
    assert run.error == "the ClusterRole cni-guard does not exist. Apply the manifests first (kubectl apply -k)"
    world.create(CLUSTER_ROLE, CLUSTER_ROLE.named(NAME, ""))
    run = world.install(namespace="no-such")
    assert run.code == 1
    assert 'namespaces "no-such" not found' in run.error
