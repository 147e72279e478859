"""`kubectl set env` and `kubectl set image`: allowed, warned or refused, with what a person sees."""

import pytest

from tests.controlplane.commands import COMMANDS, Command
from tests.controlplane.guarded import Guarded, env
from webhook.cni.stock import stock


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_verdict_and_message(guarded: Guarded, command: Command) -> None:
    before = guarded.store(stock(command.release))
    answer = guarded.kubectl(*command.words)
    assert answer.denied == list(command.denied)
    assert set(answer.warned) == set(command.warned)
    assert answer.passed is not bool(command.denied)
    changed = guarded.aws_node["spec"] != before["spec"]
    assert changed is answer.passed


def test_a_refusal_is_one_message_for_a_person(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    answer = guarded.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5")
    refusal = [line for line in answer.err.splitlines(keepends=True) if not line.startswith("Warning: ")]
    assert "".join(refusal) == (
        "error: failed to patch env update to pod template: "
        'admission webhook "aws-node.cni-guard.dev" denied the request: '
        "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5: the extra warm capacity will not "
        "exist. Remove WARM_ENI_TARGET (or set it to 1), or change WARM_IP_TARGET. "
        "https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/eni-and-ip-target.md\n"
    )


def test_all_that_is_known_against_a_release_is_said(guarded: Guarded) -> None:
    guarded.store(stock("1.21.2"))
    answer = guarded.apply(stock("1.22.1"))
    assert not answer.passed
    assert "it crashes without ec2:DescribeSecurityGroups and floods the EC2 API" in answer.err
    assert "the node's own primary address is given to a pod" in answer.err


def test_a_minimum_gets_its_warm_target_where_it_belongs(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.kubectl("set", "env", "ds/aws-node", "-n", "kube-system", "MINIMUM_IP_TARGET=5").passed
    stored = guarded.aws_node
    assert env(stored)["MINIMUM_IP_TARGET"] == "5"
    assert env(stored)["WARM_IP_TARGET"] == "2"
    assert "WARM_IP_TARGET" not in env(stored, "aws-vpc-cni-init") | env(stored, "aws-eks-nodeagent")


def test_what_the_refusal_advises_goes_through(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.set_env("WARM_ENI_TARGET=1", "WARM_IP_TARGET=5").passed
    assert guarded.set_env("ENABLE_PREFIX_DELEGATION=true", "WARM_PREFIX_TARGET=1").passed


def test_two_steps_can_not_do_what_one_may_not(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.set_env("WARM_IP_TARGET=5").passed
    answer = guarded.set_env("WARM_ENI_TARGET=3")
    assert answer.denied == ["IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5"]
    assert env(guarded.aws_node)["WARM_ENI_TARGET"] == "1"
