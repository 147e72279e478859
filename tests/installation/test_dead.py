"""With every guard process dead: who is refused, and who passes."""

import json

import pytest

from tests.installation.world import BAD_ENICONFIG, GOOD_ENICONFIG, World, daemonset, readme_commands, shell
from webhook.cni.stock import stock

pytestmark = pytest.mark.xdist_group("installation")

EKS = "eks:addon-manager"
REFUSED = "failed calling webhook"


@pytest.fixture
def dead(installed: World) -> World:
    """The guard installed, aws-node and an ENIConfig there, and then every replica killed."""
    installed.cluster.apply(stock("1.22.4"))
    installed.cluster.apply(GOOD_ENICONFIG)
    installed.kubelet.kill_all()
    installed.cluster.wait_for(
        lambda: REFUSED in installed.create(BAD_ENICONFIG, "--dry-run=server").stderr, "its death"
    )
    return installed


def test_a_user_s_change_is_refused_by_the_api_server(dead: World) -> None:
    for done in (
        dead.set_env("WARM_IP_TARGET=5"),
        dead.apply(dead.aws_node("1.23.0")),
        dead.create(BAD_ENICONFIG),
        dead.kubectl("delete", "eniconfig", "us-west-2a", check=False),
        dead.kubectl("delete", "daemonset", "aws-node", "-n", "kube-system", check=False),
        dead.create(daemonset("twin", image="mirror.example.com/amazon-k8s-cni:v1.23.1")),
    ):
        assert done.returncode
        assert REFUSED in done.stderr


def test_the_break_glass_of_the_readme_passes(dead: World) -> None:
    (command,) = readme_commands("### The guard is down and I must change the CNI now")
    assert "--as-group=cni-guard:break-glass" in command
    done = shell(dead, command)
    assert done.returncode == 0, done.stderr
    value = dead.kubectl("set", "env", "ds/aws-node", "-n", "kube-system", "-c", "aws-node", "--list").stdout
    assert "WARM_IP_TARGET=5" in value
    dead.past_the_guard("delete", "eniconfig", "us-west-2a")


def test_the_manager_of_the_add_on_passes(dead: World) -> None:
    assert dead.set_env("WARM_IP_TARGET=5", user=EKS, groups=("system:masters",)).returncode == 0
    good = GOOD_ENICONFIG | {"metadata": {"name": "us-west-2b"}}
    assert dead.create(good, user=EKS).returncode == 0
    done = dead.kubectl(
        "delete", "daemonset", "aws-node", "-n", "kube-system", check=False, as_user=EKS, as_groups=("system:masters",)
    )
    assert done.returncode == 0


def test_every_other_daemonset_is_created_changed_and_deleted(dead: World) -> None:
    assert dead.create(daemonset("other")).returncode == 0
    assert dead.create(daemonset("generated-")).returncode == 0
    assert dead.create(daemonset("aws-node")).returncode == 0
    dead.kubectl("set", "image", "daemonset/other", "c=registry.example.com/agent:v2")
    dead.kubectl("delete", "daemonset", "other")
    dead.kubectl("delete", "--raw", "/apis/apps/v1/namespaces/default/daemonsets")
    assert json.loads(dead.kubectl("get", "daemonset", "-o", "json").stdout)["items"] == []


def test_the_guard_s_own_objects_can_be_changed(dead: World) -> None:
    dead.kubectl("rollout", "restart", "deployment/cni-guard", "-n", "cni-guard")
    dead.kubectl("annotate", "configmap", "cni-guard-policy", "-n", "cni-guard", "a=b")
    dead.kubectl("delete", "secret", "cni-guard-tls", "-n", "cni-guard")
