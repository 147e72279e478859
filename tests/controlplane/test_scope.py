"""What reaches the guard: aws-node by its traits, whatever it is called; no other DaemonSet, and no status."""

import pytest

from tests.controlplane.guarded import AWS_NODE, THE_AWS_NODE, Guarded, Object, container
from webhook.catalogue.examples import DaemonSet
from webhook.cni.stock import stock

CREATE = ("create", "--filename=-", "--dry-run=server")
CONFLICT = "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5"


def renamed(manifest: Object, **metadata: str) -> Object:
    manifest["metadata"] = {**manifest["metadata"], **metadata}
    if "generateName" in metadata:
        del manifest["metadata"]["name"]
    return manifest


def without_the_image(manifest: Object) -> Object:
    """A private build under another name, told by the service account alone."""
    for holder in ("aws-node", "aws-vpc-cni-init"):
        container(manifest, holder)["image"] = "registry.example.com/team/network:v1"
    return manifest


def without_the_account(manifest: Object) -> Object:
    manifest["spec"]["template"]["spec"]["serviceAccountName"] = "default"
    return manifest


def with_another_container(manifest: Object) -> Object:
    """The container is called otherwise too; ipamd does not mind."""
    container(manifest)["name"] = "cni"
    return manifest


def bad() -> Object:
    return DaemonSet(release="1.22.4", env={"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}).build()


COPIES = {
    "name": lambda: renamed(bad(), name="my-cni"),
    "namespace": lambda: renamed(bad(), namespace="default"),
    "both": lambda: renamed(without_the_account(bad()), name="my-cni", namespace="default"),
    "generated": lambda: renamed(bad(), generateName="aws-node-"),
    "generated-elsewhere": lambda: renamed(without_the_account(bad()), generateName="cni-", namespace="default"),
    "unlabelled": lambda: bad() | {"metadata": {"name": "x", "namespace": "default"}},
    "container": lambda: renamed(with_another_container(without_the_account(bad())), name="x", namespace="default"),
    "name-alone": lambda: without_the_account(bad()),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_judged_whatever_its_name(guarded: Guarded, copy: str) -> None:
    guarded.remove()
    answer = guarded.kubectl(*CREATE, manifest=COPIES[copy]())
    assert not answer.passed
    assert CONFLICT in answer.denied


def test_a_copy_is_told_by_its_service_account(guarded: Guarded) -> None:
    copy = renamed(without_the_image(stock("1.22.4")), name="network")
    answer = guarded.kubectl(*CREATE, manifest=copy)
    assert answer.denied[0] == (
        "VER-001: the CNI version of image registry.example.com/team/network:v1 cannot be determined (the object "
        "calls itself v1.22.4, which proves nothing)"
    )


def test_a_container_of_another_name_is_judged_as_aws_node(guarded: Guarded) -> None:
    """It runs the CNI's image, so its values and where it comes from count as much as aws-node's."""
    guarded.remove()
    image = "docker.io/somebody/amazon-k8s-cni:v1.22.4"
    env = {"WARM_IP_TARGET": "ten", "ENABLE_POD_ENI": None}
    copy = with_another_container(DaemonSet(release="1.22.4", env=env, images={"aws-node": image}).build())
    answer = guarded.kubectl(*CREATE, manifest=copy)
    assert set(answer.denied) == {
        f"IMG-003: image {image} comes from docker.io, not from Amazon's registry",
        'ENV-002: WARM_IP_TARGET="ten" must be an integer of at least 0',
    }


def test_a_daemonset_that_turns_into_aws_node_is_judged(guarded: Guarded) -> None:
    harmless = daemonset("turncoat")
    assert guarded.kubectl("create", "--filename=-", manifest=harmless).passed
    try:
        image = "docker.io/somebody/amazon-k8s-cni:v1.22.4"
        answer = guarded.kubectl("set", "image", "ds/turncoat", f"c={image}")
        assert not answer.passed
        assert f"IMG-003: image {image} comes from docker.io, not from Amazon's registry" in answer.denied
        assert "the rule failed on this object" not in answer.err
    finally:
        guarded.kubectl("delete", "ds/turncoat")


def test_a_good_copy_is_let_through_and_deleted_without_a_permit(guarded: Guarded) -> None:
    labels = {"app": "second"}
    second = renamed(stock("1.22.4"), name="second", namespace="default")
    second["spec"]["selector"] = {"matchLabels": labels}
    second["spec"]["template"]["metadata"]["labels"] = labels
    answer = guarded.kubectl("create", "--filename=-", manifest=second)
    assert answer.passed, answer.err
    assert guarded.kubectl("delete", "ds/second").passed


def daemonset(name: str, namespace: str = "default") -> Object:
    labels = {"app": name}
    holder = {"name": "c", "image": "registry.example.com/agent:v1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [holder]}},
        },
    }


@pytest.mark.parametrize("place", ["default", "kube-system"])
def test_other_daemonsets_never_reach_it(guarded: Guarded, place: str) -> None:
    mark = len(guarded.guard.decisions())
    where = f"--namespace={place}"
    other = daemonset("other", place)
    assert guarded.kubectl("create", "--filename=-", manifest=other).passed
    generated = other | {"metadata": {"generateName": "other-", "namespace": place}}
    assert guarded.kubectl("create", "--filename=-", "--dry-run=server", manifest=generated).passed
    assert guarded.kubectl("set", "env", "ds/other", "WARM_IP_TARGET=5", where).passed
    assert guarded.kubectl("rollout", "status", "ds/other", where, "--timeout=60s").passed
    assert guarded.kubectl("rollout", "restart", "ds/other", where).passed
    if place == "default":
        assert guarded.kubectl("delete", "--raw", "/apis/apps/v1/namespaces/default/daemonsets").passed
    else:
        assert guarded.kubectl("delete", "ds/other", where).passed
    assert guarded.decisions_after(mark) == []


def test_its_own_status_neither(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    guarded.settle()
    mark = len(guarded.guard.decisions())
    status = guarded.request("GET", f"{AWS_NODE}/status").body
    del status["metadata"]["resourceVersion"]
    assert guarded.request("PUT", f"{AWS_NODE}/status", status).answer.passed
    pod = guarded.pods()[0]["metadata"]["name"]
    assert guarded.kubectl("delete", "pod", pod, "--namespace=kube-system").passed
    guarded.settle()
    assert guarded.decisions_after(mark) == []


def test_aws_node_does_once_at_each_door(guarded: Guarded) -> None:
    """The counts above would be nothing if this were."""
    guarded.store(stock("1.22.4"))
    guarded.settle()
    mark = len(guarded.guard.decisions())
    assert guarded.kubectl("label", *THE_AWS_NODE, "--overwrite", "team=counted").passed
    asked = guarded.decisions_after(mark)
    assert [(one["endpoint"], one["name"], one["allowed"]) for one in asked] == [
        ("mutate", "aws-node", True),
        ("validate", "aws-node", True),
    ]
