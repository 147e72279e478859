"""`cni-guard facts`: the real command. tests/controlplane/test_facts.py has it on a real API server."""

import json
from pathlib import Path

import pytest

from tests.cluster.scripted import Script, served, status
from tests.test_cli import complained
from webhook.cluster.client import Client


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def kubeconfig(client: Client) -> str:
    """A kubeconfig for the server of this client."""
    context = {"name": "c", "context": {"cluster": "test", "user": "u"}}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [context],
        "clusters": [{"name": "test", "cluster": {"server": client.host}}],
        "users": [{"name": "u", "user": {}}],
    }
    Path("config").write_text(json.dumps(config))
    return "config"


def test_wrong_usage_and_no_kubeconfig_are_errors_in_one_line() -> None:
    assert complained("facts", "--watch") == "--watch keeps a file current: set --output FILE"
    assert complained("facts", "--output", "none/x.json") == "--output none/x.json: the directory does not exist"
    line = complained("facts", KUBECONFIG="none")
    assert line.startswith("no usable credentials: ")
    assert line.endswith(": set KUBECONFIG to a kubeconfig, or run in a pod of the cluster")
    assert complained("facts", "--watch", "--output", "x.json", KUBECONFIG="none") == line


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "the API server rejects the credentials (HTTP 401 by the script): log in again"),
        (500, "the API server answered with HTTP 500: by the script"),
    ],
)
def test_an_error_of_the_server_is_an_error_in_one_line(code: int, reason: str) -> None:
    with served(Script([status(code)], [])) as client:
        assert complained("facts", "--output", "x.json", KUBECONFIG=kubeconfig(client)) == reason
    assert not Path("x.json").exists()


def test_a_kubeconfig_goes_before_the_service_account() -> None:
    with served(Script([status(404)], [])) as client:
        config = kubeconfig(client)
        line = complained("facts", KUBECONFIG=config, KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT="1")
    assert line == "the API server answered with HTTP 404: by the script"  # /version, which is always there
