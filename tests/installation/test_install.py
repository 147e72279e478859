"""Install, install again, remove: the shipped manifests, unmodified, on a real API server."""

import pytest

from tests.installation.world import MANIFESTS, NAMESPACE, World

pytestmark = pytest.mark.xdist_group("installation")

AS_WRITTEN = {
    "validating cni-guard aws-node.cni-guard.dev": "Fail",
    "validating cni-guard eniconfig.cni-guard.dev": "Fail",
    "validating cni-guard aws-node-addon.cni-guard.dev": "Ignore",
    "validating cni-guard eniconfig-addon.cni-guard.dev": "Ignore",
    "validating cni-guard policy.cni-guard.dev": "Ignore",
    "mutating cni-guard aws-node.cni-guard.dev": "Ignore",
}


def resource_versions(world: World) -> list[str]:
    kinds = ("validatingwebhookconfiguration", "mutatingwebhookconfiguration")
    return [world.cluster.get(kind, "cni-guard")["metadata"]["resourceVersion"] for kind in kinds]


def test_from_nothing_without_aws_node_and_its_crd(world: World) -> None:
    assert world.kubectl("get", "crd", "-o", "name").stdout == ""
    world.install()
    assert world.policies() == AS_WRITTEN
    assert "canary: answered at both doors" in world.kubelet.job_log()
    assert world.kubelet.job_log().rstrip().endswith("installed")
    assert world.kubectl("get", "secret,lease", "-n", NAMESPACE, "-o", "name").stdout.split() == [
        "secret/cni-guard-tls",
        "lease.coordination.k8s.io/cni-guard",
    ]


@pytest.mark.parametrize("flags", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
def test_applied_again_it_neither_demotes_nor_loses_the_registration(world: World, flags: tuple[str, ...]) -> None:
    world.install(*flags)
    before = resource_versions(world)
    world.install(*flags)
    world.install("--server-side", "--force-conflicts")
    assert world.policies() == AS_WRITTEN
    assert resource_versions(world) == before
    # The Job anew, as an upgrade has it.
    world.kubectl("delete", "job", "cni-guard-install", "-n", NAMESPACE)
    world.install(*flags)
    assert world.policies() == AS_WRITTEN
    assert resource_versions(world) == before


def test_removed_it_leaves_nothing_behind_and_can_be_installed_again(world: World) -> None:
    world.install()
    world.kubectl("delete", "-k", MANIFESTS, "--timeout=60s")
    world.cluster.wait_for(lambda: not world.policies(), "the registration to go with its owner")
    for kind in ("namespace", "clusterrole", "clusterrolebinding"):
        assert "cni-guard" not in world.kubectl("get", kind, "-o", "name").stdout
    world.install()
    assert world.policies() == AS_WRITTEN


def test_a_job_that_is_killed_is_run_again_to_the_same_end(world: World) -> None:
    world.install(complete=False)
    world.cluster.wait_for(lambda: "lease" in world.kubelet.job_log(), "the Job to begin")
    world.kubectl(
        "delete", "pod", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=install", "--force", "--grace-period=0"
    )
    world.wait_for_job("complete")
    assert world.policies() == AS_WRITTEN
