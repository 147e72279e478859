"""The real guard, as it is served, behind the real file: what the installation proves is what users get."""

import base64
import http.client
import json
import ssl
import sys
from pathlib import Path
from typing import Any

from certs.canary import ANNOTATION
from certs.resources import DAEMON_SET, SECRET
from tests.certs.world import NAME, PORT, SECRET_NAME, World
from tests.controlplane.network import published
from tests.controlplane.process import Process

POLICY = "mode: enforce\n"


def test_the_guard_answers_the_canary(world: World) -> None:
    first = world.install(timeout=1)
    assert first.code == 1, "nobody listens yet"
    world.assert_open()
    folder = world.folder
    for name, value in world.get(SECRET, SECRET_NAME)["data"].items():
        (folder / name).write_bytes(base64.b64decode(value))
    (folder / "policy.yaml").write_text(POLICY)
    command: list[str | Path] = [Path(sys.executable).with_name("cni-guard"), "serve"]
    command += ["--bind", f"{world.address}:{PORT}", "--tls-cert", folder / "tls.crt", "--tls-key", folder / "tls.key"]
    with Process([*command, "--policy", folder / "policy.yaml"], folder / "guard.log") as guard:
        world.cluster.wait_for(lambda: ready(world), "the guard to be ready", timeout=20)
        guard.check()
        world.listen(published(world.address))
        run = world.install()
        assert run.code == 0, run.output
        assert "canary: answered at both endpoints 3 times in a row" in run.lines
        world.assert_installed()
        # Whoever runs the CNI's image is judged.
        status, answer = world.call("POST", DAEMON_SET.path(world.namespace), second_aws_node())
        assert status in {400, 403}
        assert 'admission webhook "aws-node.cni-guard.dev" denied the request' in answer["message"]


def ready(world: World) -> bool:
    context = ssl.create_default_context(cafile=str(world.folder / "ca.crt"))
    context.check_hostname = False  # the API server asks for the name, we for the address
    connection = http.client.HTTPSConnection(world.address, PORT, context=context, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def second_aws_node() -> dict[str, Any]:
    labels = {"app": NAME}
    container = {"name": "aws-node", "image": "example.invalid/amazon-k8s-cni:v0.0.0"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    content = {"selector": {"matchLabels": labels}, "template": template}
    found: dict[str, Any] = json.loads(json.dumps({"metadata": {"name": "second"}, "spec": content}))
    assert ANNOTATION not in str(found)
    return found
