"""mode: observe: everything passes with warnings, nothing is filled in; the log says what would have been refused."""

from collections.abc import Iterator

import pytest

from tests.controlplane.guard import POLICY
from tests.controlplane.guarded import THE_AWS_NODE, Guarded, env
from webhook.cni.stock import stock


@pytest.fixture(scope="module")
def observed(guarded: Guarded) -> Iterator[Guarded]:
    """The policy file is swapped under the running guard, and back again."""
    guarded.guard.rule_by("mode: observe\n")
    yield guarded
    guarded.guard.rule_by(POLICY)


def test_a_conflict_passes_with_its_warning(observed: Guarded) -> None:
    observed.store(stock("1.22.4"))
    observed.settle()
    mark = len(observed.guard.decisions())
    answer = observed.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5")
    assert answer.passed, answer.err
    assert answer.warned == [
        "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5",
        "IPT-002: WARM_IP_TARGET=5 without MINIMUM_IP_TARGET",
    ]
    assert env(observed.aws_node)["WARM_ENI_TARGET"] == "3"
    assert [one.get("observed") for one in observed.decisions_after(mark)] == [None, ["IPT-004"]]


def test_even_what_is_certain_to_fail(observed: Guarded) -> None:
    observed.store(stock("1.22.4"))
    answer = observed.set_env("ENABLE_PREFIX_DELEGATION=true", "WARM_PREFIX_TARGET=0")
    assert answer.passed, answer.err
    assert answer.warned[0].startswith("PFX-001: ENABLE_PREFIX_DELEGATION is on, but WARM_PREFIX_TARGET")


def test_nothing_is_filled_in(observed: Guarded) -> None:
    observed.store(stock("1.22.4"))
    answer = observed.set_env("MINIMUM_IP_TARGET=5")
    assert answer.passed
    assert answer.warned == ["IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET"]
    assert "WARM_IP_TARGET" not in env(observed.aws_node)


def test_a_skipped_minor_a_bad_eniconfig_and_a_deletion(observed: Guarded) -> None:
    observed.store(stock("1.21.2"))
    upgrade = observed.apply(stock("1.23.1"))
    assert upgrade.passed, upgrade.err
    assert upgrade.warned == ["VER-004: the upgrade from CNI 1.21.2 to 1.23.1 skips 1 minor version"]
    bad = {
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": "observed"},
        "spec": {"subnet": "none", "securityGroups": ["sg-01234567"]},
    }
    created = observed.apply(bad, "--dry-run=server")
    assert created.passed, created.err
    assert created.warned == ['ENIC-001: spec.subnet of ENIConfig observed is "none", not a subnet ID']
    deleted = observed.kubectl("delete", *THE_AWS_NODE)
    assert deleted.passed, deleted.err
    assert deleted.warned == ["DEL-001: DaemonSet kube-system/aws-node is deleted without a permit"]


def test_the_metrics_count_what_would_have_been_refused(observed: Guarded) -> None:
    observed.store(stock("1.22.4"))
    assert observed.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5").passed
    _, text = observed.guard.get("/metrics")
    (count,) = [
        line for line in text.splitlines() if line.startswith('cni_guard_observed_denials_total{rule="IPT-004"}')
    ]
    assert float(count.split()[-1]) >= 1
