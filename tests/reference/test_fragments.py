"""What the reference shows can be pasted: kubectl itself makes the example of it."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.binaries import Binaries
from webhook.catalogue.examples import DaemonSet, Example
from webhook.cni.stock import stock
from webhook.reference.fragments import fragment
from webhook.reference.shown import good
from webhook.rules import CATALOGUE

EXAMPLES = [
    pytest.param(example, id=f"{rule.id}-{kind}-{index}")
    for rule in CATALOGUE
    for kind, examples in (("bad", rule.bad), ("good", rule.good))
    for index, example in enumerate(examples)
    if isinstance(example.now, DaemonSet)
]


def comparable(value: Any) -> Any:
    """The value without nulls and empty fields, which kubectl adds or leaves out, and with named lists in order.

    Nor with managedFields, which kubectl drops: the API server alone writes them.
    """
    if isinstance(value, dict):
        kept = {key: comparable(item) for key, item in value.items() if key != "managedFields"}
        return {key: item for key, item in kept.items() if item not in ({}, None, "")}
    if isinstance(value, list):
        items = [comparable(item) for item in value]
        named = all(isinstance(item, dict) and ("name" in item or "mountPath" in item) for item in items)
        return sorted(items, key=lambda item: str(item.get("mountPath") or item.get("name"))) if named else items
    return value


def kubectl(programs: Binaries, folder: Path, base: Any, *words: str) -> Any:
    file = folder / "base.json"
    file.write_text(json.dumps(base))
    command = [str(programs.kubectl), *words, f"--filename={file}", "--local", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"KUBECONFIG": "/dev/null"})
    assert done.returncode == 0, done.stderr
    made: Any = json.loads(done.stdout)
    made.pop("status", None)
    return made


@pytest.mark.parametrize("example", EXAMPLES)
def test_kubectl_makes_the_example(programs: Binaries, tmp_path: Path, example: Example) -> None:
    shown = good(example)
    assert isinstance(example.now, DaemonSet)
    base, whole = stock(example.now.release), example.now.build()
    difference = fragment(base, whole)
    if not difference.is_patch or not difference.value:
        return
    patched = kubectl(programs, tmp_path, base, "patch", "--type=strategic", f"--patch={json.dumps(difference.value)}")
    assert comparable(patched) == comparable(whole)
    if shown.command:
        _, *words = shlex.split(shown.command)
        words = [word for word in words if word not in {"daemonset/aws-node", "--namespace=kube-system"}]
        assert comparable(kubectl(programs, tmp_path, base, *words)) == comparable(whole)
