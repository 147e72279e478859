"""Install, install again, remove: the shipped manifests, unmodified, on a real API server."""

import pytest

from tests.installation.world import MANIFESTS, NAMESPACE, World, shell

pytestmark = pytest.mark.xdist_group("installation")

AS_WRITTEN = {
    "validating cni-guard aws-node.cni-guard.dev": "Fail",
    "validating cni-guard eniconfig.cni-guard.dev": "Fail",
    "validating cni-guard aws-node-addon.cni-guard.dev": "Ignore",
    "validating cni-guard eniconfig-addon.cni-guard.dev": "Ignore",
    "validating cni-guard neighbors.cni-guard.dev": "Ignore",
    "validating cni-guard neighbors-deletion.cni-guard.dev": "Fail",
    "validating cni-guard neighbors-deletion-addon.cni-guard.dev": "Ignore",
    "validating cni-guard securitygrouppolicies.cni-guard.dev": "Ignore",
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
    assert "canary: answered at both endpoints" in world.kubelet.job_log()
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


ACCOUNT = f"system:serviceaccount:{NAMESPACE}:cni-guard-install"


def allowed(world: World) -> list[str]:
    """What the Job's account may still do, of what only its roles give."""
    asked = {
        "secret": ("get", "secret/cni-guard-tls", "-n", NAMESPACE),
        "registration": ("patch", "validatingwebhookconfiguration/cni-guard"),
        "binding": ("patch", "clusterrolebinding/cni-guard"),
        "endpoints": ("list", "endpointslices", "-n", NAMESPACE),
    }
    return [
        name
        for name, words in asked.items()
        if world.kubectl("auth", "can-i", *words, as_user=ACCOUNT, check=False).stdout.strip() == "yes"
    ]


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_the_rights_end_with_the_job_and_come_back_with_the_manifests(world: World, flags: tuple[str, ...]) -> None:
    """On neither side does the next apply meet a conflict: a field that is absent has no owner."""
    world.install(*flags)
    world.cluster.wait_for(lambda: not allowed(world), "RBAC to forget the account")
    world.kubectl("apply", "-k", MANIFESTS, *flags)
    world.cluster.wait_for(lambda: len(allowed(world)) == 4, "RBAC to know the account")
    world.kubectl("delete", "job", "cni-guard-install", "-n", NAMESPACE)
    world.install(*flags)
    world.cluster.wait_for(lambda: not allowed(world), "RBAC to forget the account again")


def test_the_rights_that_came_back_go_by_the_command_of_the_manifests(world: World) -> None:
    world.install()
    world.kubectl("apply", "-k", MANIFESTS)
    text = (MANIFESTS / "rbac.yaml").read_text()
    commands = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   kubectl ")]
    assert len(commands) == 2
    for command in commands:
        done = shell(world, command)
        assert done.returncode == 0, done.stderr
    world.cluster.wait_for(lambda: not allowed(world), "RBAC to forget the account")
    assert world.policies() == AS_WRITTEN


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
