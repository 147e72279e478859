"""The demo verifies itself; here it is run as a person runs it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.runner import NotAsToldError, Runner
from tests.demo.step import Step

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.demo"]
SECONDS = 120

SEEN = (
    "Kubernetes v1",
    "with the nodes node-1, node-2, node-3",
    "VER-004: the upgrade from CNI 1.21.2 to 1.23.1 skips 1 minor version",
    'daemon set "aws-node" successfully rolled out',
    "Warning: SNAT-001",
    "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5",
    "Added aws-node env WARM_IP_TARGET=2",
    "ENIC-001",
    "eniconfig.crd.k8s.amazonaws.com/us-west-2a created",
    "ROLL-003",
    "DEL-001",
    "Fail aws-node.cni-guard.dev",
    "failed calling webhook",
    "No resources found",
    "all as told",
)


@pytest.mark.usefixtures("programs")
def test_a_person_tunes_the_cni_of_a_cluster(tmp_path: Path) -> None:
    done = _demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for seen in SEEN:
        assert seen in done.stdout
    assert done.stdout.count("--dry-run=server") == 2
    assert "\x1b[" not in done.stdout
    assert not list(tmp_path.iterdir())


def test_without_a_cluster_the_endpoint_is_asked(tmp_path: Path) -> None:
    done = _demo(tmp_path, "--endpoint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This runs WITHOUT a cluster: you asked for the endpoint alone." in done.stdout
    for rule in ("VER-004", "SNAT-001", "IPT-004", "IPT-001", "ENIC-001", "DEL-001"):
        assert rule in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("programs")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=_environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout
        seen = next(line for line in demo.stdout if line.startswith("$ kubectl"))
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=SECONDS)
    assert demo.returncode == 130, seen + rest
    assert "interrupted: everything that was started is stopped and removed" in rest
    assert not list(tmp_path.iterdir())


def test_a_step_that_ends_otherwise_is_named(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {})
    wrong = [
        Step("It says something else.", "echo no", "seen", ("^yes$",)),
        Step("It should be refused.", "true", "refused"),
        Step("It should pass.", "exit 3", "passed"),
    ]
    for step in wrong:
        with pytest.raises(NotAsToldError, match=re.escape(f"`{step.command}` did not end as told")):
            runner.walk([step])
    assert not runner.counts


def _demo(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *flags],
        cwd=ROOT,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def _environment(folder: Path) -> dict[str, str]:
    """Let everything temporary be made where the test can see what is left."""
    return os.environ | {"TMPDIR": str(folder)}
