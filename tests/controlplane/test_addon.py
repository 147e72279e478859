"""The EKS add-on's manager: never mutated, warned where others are refused, refused what is certain to fail."""

import pytest

from tests.controlplane.guarded import MASTERS, THE_AWS_NODE, Answer, Guarded, env
from webhook.catalogue.examples import DaemonSet
from webhook.cni.stock import stock

EKS = "eks:addon-manager"
MINIMUM_ALONE = "IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET"


def as_eks(guarded: Guarded, *words: str, manifest: object = None) -> Answer:
    return guarded.kubectl(*words, manifest=manifest, user=EKS, groups=MASTERS)


def set_env(guarded: Guarded, *values: str) -> Answer:
    return as_eks(guarded, "set", "env", *THE_AWS_NODE, "-c", "aws-node", *values)


def apply(guarded: Guarded, manifest: object) -> Answer:
    """As EKS does it: a server-side apply under its own name, which takes fields by force."""
    flags = ("--server-side", "--force-conflicts", "--field-manager=eks", "--filename=-")
    return as_eks(guarded, "apply", *flags, manifest=manifest)


def test_nothing_is_filled_in_for_it(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    guarded.settle()
    mark = len(guarded.guard.decisions())
    answer = set_env(guarded, "MINIMUM_IP_TARGET=5")
    assert answer.passed, answer.err
    assert answer.warned == [MINIMUM_ALONE]
    assert "WARM_IP_TARGET" not in env(guarded.aws_node)
    assert [one["endpoint"] for one in guarded.decisions_after(mark)] == ["validate"]


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        (("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5"), "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5"),
        (("WARM_IP_TARGET=ten",), 'ENV-002: WARM_IP_TARGET="ten" must be an integer of at least 0'),
    ],
)
def test_warned_where_others_are_refused(guarded: Guarded, values: tuple[str, ...], warned: str) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.set_env(*values).denied == [warned]
    answer = set_env(guarded, *values)
    assert answer.passed, answer.err
    assert warned in answer.warned


def test_a_skipped_minor_and_a_deletion_are_warnings_too(guarded: Guarded) -> None:
    guarded.store(stock("1.21.2"))
    answer = apply(guarded, stock("1.23.1"))
    assert answer.passed, answer.err
    assert answer.warned == ["VER-004: the upgrade from CNI 1.21.2 to 1.23.1 skips 1 minor version"]
    deleted = as_eks(guarded, "delete", *THE_AWS_NODE)
    assert deleted.passed, deleted.err
    assert deleted.warned == ["DEL-001: DaemonSet kube-system/aws-node is deleted without a permit"]
    assert not guarded.exists()


def test_refused_what_is_certain_to_fail(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    crash = set_env(guarded, "ENABLE_PREFIX_DELEGATION=true", "WARM_PREFIX_TARGET=0")
    assert not crash.passed
    assert (
        'admission webhook "aws-node-addon.cni-guard.dev" denied the request: PFX-001: ENABLE_PREFIX_DELEGATION is on'
        in crash.err
    )
    mtu = set_env(guarded, "AWS_VPC_ENI_MTU=9002")
    assert mtu.denied == ['ENV-004: AWS_VPC_ENI_MTU="9002" must be an integer from 576 to 9001']
    assert env(guarded.aws_node) == env(stock("1.22.4"))


def test_refused_a_blocked_release(guarded: Guarded) -> None:
    guarded.store(stock("1.15.5"))
    answer = apply(guarded, stock("1.16.3"))
    assert answer.denied == ["VER-002: CNI 1.16.3 is blocked"]
    guarded.remove()
    assert apply(guarded, stock("1.16.3")).denied == ["VER-002: CNI 1.16.3 is blocked"]
    assert not guarded.exists()
    guarded.store(stock("1.18.6"))
    assert apply(guarded, stock("1.16.3")).passed, "the way back stays open"


def test_a_field_that_it_owns_is_not_filled_in_for_others(guarded: Guarded) -> None:
    """EKS owns the whole object here, but not an entry that it never wrote: that one is filled in."""
    guarded.remove()
    manifest = DaemonSet(release="1.22.4", env={"WARM_IP_TARGET": "3"}).build()
    assert apply(guarded, manifest).passed
    answer = guarded.set_env("MINIMUM_IP_TARGET=5")
    assert answer.passed
    assert answer.warned == []
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "3"


def test_another_user_with_a_similar_name_is_refused(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    for name in ("eks:addon-manager-2", "EKS:addon-manager", "addon-manager"):
        words = ("set", "env", *THE_AWS_NODE, "-c", "aws-node", "WARM_ENI_TARGET=3", "WARM_IP_TARGET=5")
        assert not guarded.kubectl(*words, user=name, groups=MASTERS).passed
