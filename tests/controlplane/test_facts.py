"""`cni-guard facts` on a real API server: what it reads, with which rights, and what it survives."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cni.crd import crd
from tests.controlplane.binaries import Binaries
from tests.controlplane.cluster import Cluster
from webhook.cluster.reads import ENI_CONFIGS, READS, rules
from webhook.cni.stock import stock
from webhook.facts import EniConfig, Fact, Facts, Service
from webhook.facts.files import read_file
from webhook.facts.snapshot import Snapshot, decode
from webhook.facts.templates import template_hash

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10.0
"""Within which a change is in the file."""

USER = "facts"
STRICT = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]},
}
INSIDE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "inside", "namespace": "default"},
    "spec": {"ports": [{"port": 80}]},
}


def eni_config(name: str, subnet: str = "subnet-0123456789abcdef0") -> dict[str, Any]:
    return {
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": name},
        "spec": {"subnet": subnet, "securityGroups": ["sg-0123456789abcdef0"]},
    }


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kube-system"},
        "data": data,
    }


def allow(cluster: Cluster, granted: list[dict[str, list[str]]]) -> None:
    """Let the user do this and no more."""
    group = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    named = {"metadata": {"name": USER}}
    subject = {"kind": "User", "name": USER, "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": USER, "apiGroup": "rbac.authorization.k8s.io"}
    cluster.apply(
        [
            {**group, "kind": "ClusterRole", **named, "rules": granted},
            {**group, "kind": "ClusterRoleBinding", **named, "roleRef": role, "subjects": [subject]},
        ]
    )


@pytest.fixture(scope="module")
def own(programs: Binaries) -> Iterator[Cluster]:
    """A cluster of our own, since its API server is restarted."""
    with Cluster(controllers=True, programs=programs) as running:
        running.apply([crd()])
        running.kubectl("wait", "--for=condition=Established", "crd/eniconfigs.crd.k8s.amazonaws.com")
        running.nodes(3)
        proxy = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\n"
        things = [eni_config("us-west-2a"), STRICT, INSIDE, config_map("kube-proxy-config", config=proxy)]
        running.apply([stock("1.23.1"), *things])
        running.wait_for(lambda: revisions(running), "the ControllerRevision of aws-node")
        allow(running, rules())
        yield running


def revisions(cluster: Cluster) -> list[Any]:
    listed = cluster.kubectl("get", "controllerrevisions", "--namespace=kube-system", "--output=json").stdout
    found: list[Any] = json.loads(listed)["items"]
    return found


def environment(cluster: Cluster) -> dict[str, str]:
    config = cluster.kubeconfig_for(USER)
    return os.environ | {"KUBECONFIG": str(config), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


COMMAND = [sys.executable, "-m", "webhook.cli", "facts"]


def printed(cluster: Cluster, complaint: str = "") -> Facts:
    done = subprocess.run(COMMAND, env=environment(cluster), capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == complaint
    return decode(done.stdout.encode(), datetime.now(UTC)).facts()


def value(fact: Fact[Any] | None) -> Any:
    assert fact is not None
    return fact.value


class Kept:
    """The file of a running `cni-guard facts --watch`."""

    def __init__(self, cluster: Cluster, file: Path) -> None:
        self._cluster = cluster
        self.file = file

    def read(self) -> Snapshot:
        return read_file(self.file, datetime.now(UTC))

    def facts(self) -> Facts:
        return self.read().facts()

    def wait_for(self, happened: Any, what: str, seconds: float = SECONDS) -> None:
        self._cluster.wait_for(lambda: happened(self.facts()), what, seconds)


@contextmanager
def watching(cluster: Cluster, folder: Path) -> Iterator[Kept]:
    file = folder / "snapshot.json"
    process = subprocess.Popen([*COMMAND, "--watch", "--output", file], env=environment(cluster))
    try:
        cluster.wait_for(file.exists, "the first snapshot")
        yield Kept(cluster, file)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert [one.name for one in folder.iterdir()] == ["snapshot.json"]
    finally:
        process.kill()
        process.wait()


def zones(facts: Facts) -> dict[str, str]:
    return {one.name: one.zone for one in value(facts.nodes)}


def subnets(facts: Facts) -> dict[str, str]:
    return {one.name: one.subnet for one in value(facts.eni_configs)}


def test_a_snapshot_of_a_cluster_takes_no_more_rights_than_the_table(own: Cluster) -> None:
    facts = printed(own)
    nodes = {one.name: one for one in value(facts.nodes)}
    assert set(nodes) == {"node-1", "node-2", "node-3"}
    first = nodes["node-1"]
    assert (first.zone, first.instance_type, first.os, first.arch) == ("us-west-2a", "m5.large", "linux", "amd64")
    assert (first.pods, first.compute) == (29, "ec2")
    [configured] = value(facts.eni_configs)
    assert configured == EniConfig(
        name="us-west-2a", subnet="subnet-0123456789abcdef0", security_groups=("sg-0123456789abcdef0",)
    )
    assert value(facts.services) == (Service(namespace="default", name="web", type="LoadBalancer", local=True),)
    assert value(facts.kube_proxy_mode) == "ipvs"
    assert "eniconfigs.crd.k8s.amazonaws.com" in value(facts.crds)
    assert (value(facts.config_map), value(facts.cluster_role)) == (None, None)
    assert (value(facts.security_group_policies), value(facts.workloads)) == ((), ())
    assert (value(facts.policy_endpoints), value(facts.network_policies)) == (False, False)
    version = json.loads(own.kubectl("version", "--output=json").stdout)["serverVersion"]
    assert value(facts.kubernetes) == (int(version["major"]), int(version["minor"]))


def test_the_running_template_is_found_among_the_revisions(own: Cluster) -> None:
    facts = printed(own)
    [daemon_set] = value(facts.aws_node)
    assert (daemon_set["kind"], daemon_set["metadata"]["name"]) == ("DaemonSet", "aws-node")
    assert "status" in daemon_set
    assert value(facts.templates) == {template_hash(daemon_set["spec"]["template"])}


def test_what_is_forbidden_is_left_out(own: Cluster) -> None:
    allow(own, rules(read for read in READS if read is not ENI_CONFIGS))
    try:
        line = (
            "forbidden to list eniconfigs.crd.k8s.amazonaws.com, so the snapshot lacks the ENIConfigs: grant this right"
        )
        facts = printed(own, complaint=f"cni-guard: {line}\n")
        assert facts.eni_configs is None
        assert facts.nodes is not None
    finally:
        allow(own, rules())


def test_a_change_is_in_the_file_within_seconds(own: Cluster, tmp_path: Path) -> None:
    with watching(own, tmp_path) as kept:
        own.kubectl("label", "node/node-1", "topology.kubernetes.io/zone=us-west-2d", "--overwrite")
        kept.wait_for(lambda facts: zones(facts)["node-1"] == "us-west-2d", "the zone")
        own.apply(eni_config("us-west-2d"))
        kept.wait_for(lambda facts: "us-west-2d" in subnets(facts), "the new ENIConfig")
        own.kubectl("delete", "eniconfig", "us-west-2d")
        kept.wait_for(lambda facts: "us-west-2d" not in subnets(facts), "its deletion")
        own.apply(INSIDE | {"spec": {"type": "NodePort", "ports": [{"port": 80}]}})
        kept.wait_for(lambda facts: len(value(facts.services)) == 2, "the Service that got a node port")
        own.apply(INSIDE | {"spec": {"type": "ClusterIP", "ports": [{"port": 80}]}})
        kept.wait_for(lambda facts: len(value(facts.services)) == 1, "the Service that lost it")


def test_heartbeats_cause_no_writes(own: Cluster, tmp_path: Path) -> None:
    with watching(own, tmp_path) as kept:
        time.sleep(3)
        before = kept.file.stat().st_ino
        for number in range(5):
            condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": f"2026-01-01T00:00:0{number}Z"}
            patch = json.dumps({"status": {"conditions": [condition]}})
            own.kubectl("patch", "node/node-2", "--subresource=status", "--type=strategic", f"--patch={patch}")
        time.sleep(2)
        assert kept.file.stat().st_ino == before


def test_a_restart_of_the_api_server_is_survived(own: Cluster, tmp_path: Path) -> None:
    with watching(own, tmp_path) as kept:
        own.restart_api_server()
        restarted = datetime.now(UTC)
        own.apply(eni_config("after", "subnet-0fedcba9876543210"))
        kept.wait_for(lambda facts: subnets(facts).get("after"), "the ENIConfig made after the restart", 60)
        own.kubectl("delete", "eniconfig", "after")
        kept.wait_for(lambda facts: "after" not in subnets(facts), "its deletion")
        own.wait_for(lambda: kept.read().taken > restarted, "a snapshot that is younger than the restart", 120)


def test_an_unreachable_server_is_an_error_in_one_line(own: Cluster) -> None:
    config = own.kubeconfig_for("nobody-else")
    gone = json.loads(config.read_text())
    gone["clusters"][0]["cluster"]["server"] = own.server_url.replace(":6443", ":6442")
    config.write_text(json.dumps(gone))
    done = subprocess.run(
        COMMAND, env=environment(own) | {"KUBECONFIG": str(config)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("cni-guard: the API server https://")
    assert "refused" in line


def test_rejected_credentials_are_an_error_in_one_line(own: Cluster) -> None:
    config = own.kubeconfig_for("token-user")
    changed = json.loads(config.read_text())
    changed["users"][0]["user"] = {"token": "none"}
    config.write_text(json.dumps(changed))
    done = subprocess.run(
        COMMAND, env=environment(own) | {"KUBECONFIG": str(config)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "cni-guard: the API server rejects the credentials (HTTP 401 Unauthorized): log in again\n"
