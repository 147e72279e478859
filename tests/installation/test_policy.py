"""The policy in the cluster: refused when it does not load, and survived when it got there all the same."""

import json

import pytest

from tests.installation.world import NAMESPACE, World

pytestmark = pytest.mark.xdist_group("installation")

BROKEN = "mode: enforce\nrule: {}\n"


def patch(policy: str) -> tuple[str, ...]:
    change = json.dumps({"data": {"policy.yaml": policy}})
    return "patch", "configmap", "cni-guard-policy", "-n", NAMESPACE, "--type=merge", "-p", change


def refusals(world: World) -> int:
    """How often a replica has refused a policy so far."""
    return sum(line.get("message") == "policy rejected" for line in world.kubelet.logs())


def test_a_broken_one_is_refused_at_apply(installed: World) -> None:
    done = installed.kubectl(*patch(BROKEN), check=False)
    assert done.returncode
    assert 'admission webhook "policy.cni-guard.dev" denied the request' in done.stderr
    assert "policy.yaml:2:1: unknown key rule; did you mean rules?" in done.stderr
    assert installed.kubectl(*patch("mode: enforce\nrules: {SNAT-001: deny}\n")).returncode == 0


def test_past_the_guard_the_running_one_keeps_the_last_and_a_new_one_says_so(installed: World) -> None:
    installed.cluster.apply(installed.aws_node())
    before = refusals(installed)
    installed.past_the_guard(*patch(BROKEN))
    installed.cluster.wait_for(lambda: refusals(installed) >= before + 2, "both replicas to see the broken policy")
    done = installed.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5", "--dry-run=server")
    assert "denied the request: IPT-004" in done.stderr
    assert "built-in policy" not in done.stderr

    installed.kubectl("rollout", "restart", "deployment/cni-guard", "-n", NAMESPACE)
    installed.kubectl("rollout", "status", "deployment/cni-guard", "-n", NAMESPACE, "--timeout=100s", timeout=110)
    notice = "Warning: cni-guard uses its built-in policy (mode enforce): "

    def said() -> str:
        # A replica that ends still answers on connections that the API server keeps.
        return installed.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5", "--dry-run=server").stderr

    answer = installed.cluster.wait_for(lambda: next((text for text in [said()] if notice in text), ""), "the notice")
    assert "denied the request: IPT-004" in answer
