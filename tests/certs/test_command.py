"""The command line: its defaults, its exit codes, and what it says to wrong usage."""

import os
import subprocess
from pathlib import Path

import pytest

from certs.__main__ import main, own_namespace
from certs.resources import LEASE
from tests.certs.echo import Echo
from tests.certs.world import NAME, ROOT, WEBHOOKS, World


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "the following arguments are required: --webhooks"),
        (["--webhooks=x", "--port=0"], "argument --port: '0' is not a port number"),
        (["--webhooks=x", "--port=https"], "argument --port: 'https' is not a port number"),
        (["--webhooks=x", "--timeout=soon"], "argument --timeout: 'soon' must be a number of seconds"),
        (["--webhooks=x", "--timeout=nan"], "argument --timeout: 'nan' must be a number of seconds"),
        (["--webhooks=x", "--timeout=0"], "argument --timeout: '0' must be a number of seconds"),
        (["--webhooks=x", '--namespace=a" || true || "'], "is not a DNS label"),
        (["--webhooks=x", "--service=Guard"], "argument --service: 'Guard' is not a DNS label"),
        (["--webhooks=x", "--lease-seconds=0"], "argument --lease-seconds: invalid choice"),
    ],
)
def test_wrong_flags(flags: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["install", *flags])
    assert ended.value.code == 2
    assert reason in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("{", "invalid YAML"),
        ("", "must hold one ValidatingWebhookConfiguration and one MutatingWebhookConfiguration"),
        ("\xff", "can't decode"),
    ],
)
def test_a_file_that_is_none(
    content: str | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "webhooks.yaml"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    assert main(["install", f"--webhooks={file}"]) == 2
    captured = capsys.readouterr()
    assert f"python -m certs: {file}: " in captured.err
    assert reason in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "environment", [{"KUBECONFIG": "/no/such/file"}, {"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"}]
)
def test_no_access_to_a_cluster(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["install", f"--webhooks={WEBHOOKS}"]) == 2
    assert "no credentials: found neither a service account nor a kubeconfig" in capsys.readouterr().err


def test_own_namespace(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    assert own_namespace({}, file) == "cni-guard"
    file.write_text("kube-guard\n")
    assert own_namespace({}, file) == "kube-guard"
    assert own_namespace({"POD_NAMESPACE": "mine"}, file) == "mine"


def test_in_the_namespace_of_the_pod(world: World) -> None:
    command = [part for part in world.command() if not str(part).startswith("--namespace")]
    environment = os.environ | {"KUBECONFIG": str(world.cluster.kubeconfig), "POD_NAMESPACE": world.namespace}
    with Echo(world):
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\ninstalled\n")
    assert done.stderr == ""
    world.assert_installed()
    assert world.get(LEASE, NAME)


def test_throw_away(tmp_path: Path) -> None:
    assert main(["throw-away", str(tmp_path / "made"), "localhost", "127.0.0.1"]) == 0
    assert sorted(file.name for file in (tmp_path / "made").iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
    assert (tmp_path / "made" / "tls.key").stat().st_mode & 0o077 == 0
    assert main(["throw-away", str(tmp_path / "made" / "tls.key" / "x"), "localhost"]) == 2
