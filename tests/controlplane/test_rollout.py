"""Roll-outs over simulated nodes: what is allowed reaches the pods, what is refused restarts nothing."""

from tests.controlplane.guarded import NODES, THE_AWS_NODE, Guarded, env
from webhook.cni.stock import stock

STATUS = ("rollout", "status", *THE_AWS_NODE, "--timeout=60s")


def uids(guarded: Guarded) -> set[str]:
    return {pod["metadata"]["uid"] for pod in guarded.pods()}


def test_an_allowed_change_rolls_out_and_its_pods_carry_what_was_filled_in(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    guarded.settle()
    before = uids(guarded)
    assert len(before) == NODES
    assert guarded.set_env("MINIMUM_IP_TARGET=5").passed
    done = guarded.kubectl(*STATUS)
    assert done.passed, done.err
    assert done.out.splitlines()[-1] == 'daemon set "aws-node" successfully rolled out'
    pods = guarded.pods()
    assert len(pods) == NODES
    assert not uids(guarded) & before
    for pod in pods:
        assert env(pod)["MINIMUM_IP_TARGET"] == "5"
        assert env(pod)["WARM_IP_TARGET"] == "2"


def test_a_refused_change_restarts_nothing(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    stored = guarded.settle()
    before = uids(guarded)
    assert not guarded.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5").passed
    assert not guarded.kubectl("delete", *THE_AWS_NODE).passed
    assert guarded.aws_node == stored
    # The controllers have seen all that came before this label; pods that were to go would be gone.
    assert guarded.kubectl("label", "--overwrite", *THE_AWS_NODE, "team=net").passed
    assert guarded.settle()["metadata"]["generation"] == stored["metadata"]["generation"]
    assert uids(guarded) == before


def test_an_upgrade_rolls_over_all_nodes(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    guarded.settle()
    assert guarded.apply(stock("1.23.1")).passed
    assert guarded.kubectl(*STATUS).passed
    images = {container["image"] for pod in guarded.pods() for container in pod["spec"]["containers"]}
    assert {image.rpartition(":")[2] for image in images} == {"v1.23.1", "v1.4.2"}


def test_a_restart_rolls(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    guarded.settle()
    before = uids(guarded)
    restart = guarded.kubectl("rollout", "restart", *THE_AWS_NODE)
    assert restart.passed
    assert restart.err == ""
    assert guarded.kubectl(*STATUS).passed
    assert not uids(guarded) & before


def test_a_change_is_taken_back(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    guarded.settle()
    switched = guarded.set_env("AWS_VPC_K8S_CNI_EXTERNALSNAT=true")
    assert switched.warned == ["SNAT-001: SNAT by the CNI goes on → off (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)"]
    guarded.settle()
    undone = guarded.kubectl("rollout", "undo", *THE_AWS_NODE)
    assert undone.passed, undone.err
    assert undone.warned == ["SNAT-001: SNAT by the CNI goes off → on (AWS_VPC_K8S_CNI_EXTERNALSNAT=false)"]
    assert env(guarded.aws_node) == env(stock("1.22.4"))
