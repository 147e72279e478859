"""What was wrong before a request only warns: it blocks neither a restart nor another change. Touching it is judged."""

import pytest

from tests.controlplane.commands import without_minimum
from tests.controlplane.guarded import THE_AWS_NODE, Guarded, env
from webhook.catalogue.examples import DaemonSet
from webhook.cni.stock import stock

FULL_OF_PROBLEMS = DaemonSet(
    release="1.22.1",
    env={
        "WARM_ENI_TARGET": "3",
        "WARM_IP_TARGET": "5",
        "ENABLE_PREFIX_DELEGATION": "yes",
        "AWS_VPC_ENI_MTU": "9002",
        "WARM_IP_TARGETS": "5",
        "CLUSTER_ENDPOINT": "EKS_CLUSTER_API_ENDPOINT",
        "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": "0.0.0.0/0",
    },
    images={"aws-node": "docker.io/somebody/amazon-k8s-cni:v1.22.1", "aws-eks-nodeagent": "not an image"},
    probe_address="unix:///var/run/aws-node/ipamd.sock",
)
WRONG = {
    "VER-002: CNI 1.22.1 is blocked",
    (
        "IMG-003: image docker.io/somebody/amazon-k8s-cni:v1.22.1 comes from docker.io, not from Amazon's registry; "
        'image "not an image" of aws-eks-nodeagent is not an image reference'
    ),
    "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5",
    'ENV-002: ENABLE_PREFIX_DELEGATION="yes" must be true or false',
    'ENV-004: AWS_VPC_ENI_MTU="9002" must be an integer from 576 to 9001',
    'ENV-014: CLUSTER_ENDPOINT="EKS_CLUSTER_API_ENDPOINT" is not an https:// URL',
    "SNAT-003: AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS=0.0.0.0/0 covers every address, so it switches SNAT off",
}


def test_all_of_it_is_refused_in_a_new_object(guarded: Guarded) -> None:
    """The same object shows that its problems are real ones."""
    guarded.remove()
    answer = guarded.apply(FULL_OF_PROBLEMS.build())
    assert not answer.passed
    assert set(answer.denied) >= WRONG


@pytest.mark.parametrize(
    "words",
    [
        ("rollout", "restart", *THE_AWS_NODE),
        ("label", *THE_AWS_NODE, "--overwrite", "team=net"),
        ("annotate", *THE_AWS_NODE, "--overwrite", "team=net"),
        ("set", "env", *THE_AWS_NODE, "-c", "aws-node", "AWS_VPC_K8S_CNI_LOGLEVEL=INFO"),
    ],
    ids=["restart", "label", "annotate", "set env"],
)
def test_an_unrelated_change_passes_with_warnings(guarded: Guarded, words: tuple[str, ...]) -> None:
    guarded.store(FULL_OF_PROBLEMS.build())
    answer = guarded.kubectl(*words)
    assert answer.passed, answer.err
    assert answer.denied == []
    assert set(answer.warned) & WRONG


def test_the_warning_of_an_old_problem_is_that_of_a_new_one(guarded: Guarded) -> None:
    guarded.store(DaemonSet(release="1.22.4", env={"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}).build())
    answer = guarded.kubectl("rollout", "restart", *THE_AWS_NODE)
    assert answer.passed
    lines = [line for line in answer.err.splitlines() if line.startswith("Warning: IPT-004: ")]
    (line,) = lines
    assert line == (
        "Warning: IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5: the extra warm capacity "
        "will not exist. Remove WARM_ENI_TARGET (or set it to 1), or change WARM_IP_TARGET. "
        "https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/eni-and-ip-target.md"
    )


TOUCHED = (
    ("WARM_IP_TARGET=6", "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=6"),
    ("WARM_ENI_TARGET=4", "IPT-004: WARM_ENI_TARGET=4 has no effect beside WARM_IP_TARGET=5"),
    ("MINIMUM_IP_TARGET=9", "IPT-004: WARM_ENI_TARGET=3 has no effect beside MINIMUM_IP_TARGET=9"),
    ("AWS_VPC_ENI_MTU=9003", 'ENV-004: AWS_VPC_ENI_MTU="9003" must be an integer from 576 to 9001'),
    (
        "WARM_IP_TARGETZ=5",
        (
            "ENV-001: WARM_IP_TARGETZ is not read by container aws-node (names are case-sensitive; did "
            "you mean WARM_IP_TARGET?)"
        ),
    ),
)


@pytest.mark.parametrize(("value", "denied"), TOUCHED)
def test_touching_it_is_judged(guarded: Guarded, value: str, denied: str) -> None:
    problems = {"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5", "AWS_VPC_ENI_MTU": "9002", "WARM_IP_TARGETS": "5"}
    stored = guarded.store(DaemonSet(release="1.22.4", env=problems).build())
    answer = guarded.set_env(value)
    assert answer.denied == [denied]
    assert guarded.aws_node["spec"] == stored["spec"]


@pytest.mark.parametrize("value", ["WARM_ENI_TARGET=1", "WARM_ENI_TARGET-", "WARM_IP_TARGET=0", "WARM_IP_TARGET-"])
def test_mending_it_passes(guarded: Guarded, value: str) -> None:
    guarded.store(DaemonSet(release="1.22.4", env={"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5"}).build())
    answer = guarded.set_env(value)
    assert answer.passed, answer.err
    assert answer.warned in ([], [without_minimum(5)])  # about the value that is left


def test_the_way_out_of_a_blocked_release(guarded: Guarded) -> None:
    guarded.store(stock("1.22.1"))
    assert guarded.apply(stock("1.22.4")).passed


def test_a_fault_that_a_change_brings_to_life_is_refused(guarded: Guarded) -> None:
    """1.22.2 is only warned of while subnet discovery is off, and blocked with it on: switching it on is the change."""
    guarded.store(DaemonSet(release="1.22.2", env={"ENABLE_SUBNET_DISCOVERY": "false"}).build())
    restart = guarded.kubectl("rollout", "restart", *THE_AWS_NODE)
    assert restart.warned == ["VER-002: CNI 1.22.2 has a known fault"]
    answer = guarded.set_env("ENABLE_SUBNET_DISCOVERY=true")
    assert answer.denied == ["VER-002: CNI 1.22.2 is blocked"]
    assert env(guarded.aws_node)["ENABLE_SUBNET_DISCOVERY"] == "false"
