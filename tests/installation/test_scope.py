"""What reaches the guard, counted at the guard; and what it does for the add-on's manager."""

import json

import pytest

from tests.installation.world import GOOD_ENICONFIG, World, daemonset

pytestmark = pytest.mark.xdist_group("installation")

EKS = "eks:addon-manager"
MASTERS = ("system:masters",)


def test_nothing_else_reaches_it(installed: World) -> None:
    installed.cluster.apply(installed.aws_node())
    installed.kubectl("rollout", "status", "daemonset/aws-node", "-n", "kube-system", "--timeout=60s")
    before = len(installed.decisions())
    installed.create(daemonset("other"))
    installed.create(daemonset("generated-"))
    installed.kubectl("rollout", "status", "daemonset/other", "--timeout=60s")
    installed.kubectl("label", "namespace", "kube-system", "a=b", "--overwrite")
    installed.kubectl("label", "node", "node-1", "a=b", "--overwrite")
    installed.kubectl("create", "configmap", "any", "--from-literal=a=b")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    installed.create(pod)
    installed.kubectl("delete", "pod", "-n", "kube-system", "-l", "k8s-app=aws-node", "--wait=true")
    installed.kubectl("rollout", "status", "daemonset/aws-node", "-n", "kube-system", "--timeout=60s")
    status = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node/status"
    current = json.loads(installed.kubectl("get", "--raw", status).stdout)
    installed.kubectl("replace", "--raw", status, "-f", "-", input=json.dumps(current))
    installed.kubectl("delete", "--raw", "/apis/apps/v1/namespaces/default/daemonsets")
    installed.kubectl("delete", "pod", "p", "configmap/any", check=False)
    assert len(installed.decisions()) == before


@pytest.mark.parametrize("name", ["twin", "twin-"])
def test_a_renamed_copy_does(installed: World, name: str) -> None:
    twin = daemonset(name, image="mirror.example.com/amazon-k8s-cni:latest")
    done = installed.create(twin)
    assert done.returncode
    assert 'admission webhook "aws-node.cni-guard.dev" denied the request: VER-001' in done.stderr
    account = daemonset(name, namespace="kube-system")
    account["spec"]["template"]["spec"]["serviceAccountName"] = "aws-node"
    assert "POD-001" in installed.create(account).stderr


def test_the_manager_of_the_add_on_is_never_mutated_and_refused_only_for_certain(installed: World) -> None:
    installed.cluster.apply(installed.aws_node())
    minimum = installed.set_env("MINIMUM_IP_TARGET=5", user=EKS, groups=MASTERS)
    assert minimum.returncode == 0
    assert "Warning: IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET" in minimum.stderr
    listed = installed.kubectl("set", "env", "ds/aws-node", "-n", "kube-system", "-c", "aws-node", "--list").stdout
    assert "WARM_IP_TARGET" not in listed
    crash = installed.set_env(
        "ENABLE_PREFIX_DELEGATION=true", "WARM_PREFIX_TARGET=0", "MINIMUM_IP_TARGET-", user=EKS, groups=MASTERS
    )
    assert crash.returncode
    assert 'webhook "aws-node-addon.cni-guard.dev" denied the request: PFX-001' in crash.stderr
    blocked = installed.kubectl(
        "set",
        "image",
        "ds/aws-node",
        "-n",
        "kube-system",
        "aws-node=602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.22.1",
        check=False,
        as_user=EKS,
        as_groups=MASTERS,
    )
    assert "Warning: VER-002: CNI 1.22.1 has a known fault" in blocked.stderr, "a step down may be the cure"
    done = installed.kubectl(
        "delete", "ds", "aws-node", "-n", "kube-system", check=False, as_user=EKS, as_groups=MASTERS
    )
    assert done.returncode == 0
    assert "Warning: DEL-001" in done.stderr
    assert installed.create(GOOD_ENICONFIG, user=EKS).returncode == 0
