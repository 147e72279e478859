"""`--dry-run=server`: the same verdict as for the change itself, and nothing is stored."""

import json

import pytest

from tests.controlplane.commands import COMMANDS, Command
from tests.controlplane.guarded import Guarded, env
from webhook.cni.stock import stock

# Grouped by release, so that aws-node has to roll out only when the release changes.
SORTED = sorted(COMMANDS, key=lambda command: command.release)


@pytest.mark.parametrize("command", SORTED, ids=lambda command: command.name)
def test_verdict_without_a_trace(guarded: Guarded, command: Command) -> None:
    guarded.store(stock(command.release))
    before = guarded.settle()
    mark = len(guarded.guard.decisions())
    answer = guarded.kubectl(*command.words, "--dry-run=server")
    assert answer.denied == list(command.denied)
    assert set(answer.warned) == set(command.warned)
    assert answer.passed is not bool(command.denied)
    assert answer.out.endswith("updated (server dry run)\n") is answer.passed
    assert guarded.aws_node == before  # resourceVersion, generation and all
    asked = guarded.decisions_after(mark)
    assert asked
    assert all(decision["dry_run"] for decision in asked)


def test_apply_shows_what_would_be_filled_in(guarded: Guarded) -> None:
    guarded.remove()
    manifest = stock("1.22.4")
    manifest["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "MINIMUM_IP_TARGET", "value": "5"})
    answer = guarded.apply(manifest, "--dry-run=server", "--output=json")
    assert answer.passed
    assert env(json.loads(answer.out))["WARM_IP_TARGET"] == "2"
    assert not guarded.exists()


def test_a_deletion_too(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    answer = guarded.kubectl("delete", "ds/aws-node", "-n", "kube-system", "--dry-run=server")
    assert answer.denied == ["DEL-001: DaemonSet kube-system/aws-node is deleted without a permit"]
    assert guarded.exists()
