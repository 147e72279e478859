"""The way back: with facts, `kubectl rollout undo` reaches every template that ran, and nothing else is spared."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.guarded import MASTERS, THE_AWS_NODE, Guarded, env
from webhook.catalogue.examples import DaemonSet
from webhook.cni.stock import stock

ROOT = Path(__file__).resolve().parents[2]
SAFE = stock("1.22.4")
CONFLICTING = DaemonSet(release="1.22.4", env={"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}).build()
CONFLICT = "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5"
UNDO = ("rollout", "undo", *THE_AWS_NODE)


@pytest.fixture
def snapshot(guarded: Guarded, tmp_path: Path) -> Iterator[Path]:
    """The guard follows this file, which is not there yet."""
    file = tmp_path / "snapshot.json"
    guarded.guard.kill()
    guarded.guard.start("--facts", file)
    yield file
    guarded.guard.kill()
    guarded.guard.start()


def take(guarded: Guarded, file: Path) -> None:
    """Write a snapshot of the cluster, and wait until the guard has read it."""
    config = guarded.cluster.kubeconfig_for("admin", *MASTERS)
    environment = os.environ | {"KUBECONFIG": str(config), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "webhook.cli", "facts", "--output", file], env=environment, check=True)
    guarded.cluster.wait_for(lambda: guarded.guard.logged("facts loaded"), "the facts to be read", 10)


def test_a_template_that_ran_is_reached_again(guarded: Guarded, snapshot: Path) -> None:
    for manifest in (CONFLICTING, SAFE):
        guarded.store(manifest)
        guarded.settle()
    refused = guarded.kubectl(*UNDO)
    assert not refused.passed
    assert refused.denied == [CONFLICT]

    take(guarded, snapshot)
    assert not guarded.set_env("WARM_ENI_TARGET=4", "WARM_IP_TARGET=5").passed
    undone = guarded.kubectl(*UNDO)
    assert undone.passed, undone.err
    assert CONFLICT in undone.warned
    assert env(guarded.aws_node) == env(CONFLICTING)
