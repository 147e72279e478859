"""The rights of the table are all that an installation needs, and none too many: RBAC itself decides."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from certs.__main__ import own_namespace
from certs.cluster import Cluster, credentials
from certs.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    DAEMON_SET,
    ENDPOINT_SLICE,
    ROLE_BINDING,
    SECRET,
    VALIDATING,
    Resource,
)
from certs.rights import RIGHTS, Right, rules
from tests.certs.echo import Echo
from tests.certs.world import CANARY, NAME, SECRET_NAME, World

RBAC = "rbac.authorization.k8s.io"
ROLE = Resource(RBAC, "v1", "roles", "Role", namespaced=True)
SERVICE_ACCOUNT = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)


def words(right: Right) -> str:
    return f"{right.verb} {right.resource.plural} {right.name or '*'}"


def grant(world: World, subject: dict[str, str], namespaced: list[Any], cluster_wide: list[Any]) -> None:
    """Bind these rules to somebody, and wait until the authorizer knows."""
    unique = f"{world.namespace}-{subject['name']}"
    for role, binding, content in (
        (ROLE, ROLE_BINDING, namespaced),
        (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, cluster_wide),
    ):
        world.create(role, {**role.named(unique, world.namespace), "rules": content})
        reference = {"apiGroup": RBAC, "kind": role.kind, "name": unique}
        bound = {**binding.named(unique, world.namespace), "roleRef": reference, "subjects": [subject]}
        world.create(binding, bound)


def without(lacking: Right | None, *, namespaced: bool) -> list[dict[str, Any]]:
    """The rules but for one right."""
    rows: list[dict[str, Any]] = []
    for right in RIGHTS:
        if right != lacking and right.resource.namespaced == namespaced:
            names = {"resourceNames": [right.name]} if right.name else {}
            row = {"apiGroups": [right.resource.group], "resources": [right.resource.plural], "verbs": [right.verb]}
            rows.append(row | names)
    return rows


def user(world: World, lacking: Right | None) -> dict[str, str]:
    """A user with all rights but one, by client certificate."""
    name = f"installer-{world.namespace}"
    subject = {"apiGroup": RBAC, "kind": "User", "name": name}
    grant(world, subject, without(lacking, namespaced=True), without(lacking, namespaced=False))
    present = [right for right in RIGHTS if right != lacking]
    world.cluster.wait_for(
        lambda: allowed(world, name, present[0]) and allowed(world, name, present[-1]), "RBAC to know the roles"
    )
    return {"KUBECONFIG": str(world.cluster.kubeconfig_for(name))}


def allowed(world: World, name: str, right: Right) -> bool:
    attributes = {
        "namespace": world.namespace,
        "verb": right.verb,
        "group": right.resource.group,
        "resource": right.resource.plural,
        "name": right.name or "",
    }
    review = {"spec": {"user": name, "resourceAttributes": attributes}}
    _, answer = world.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def immutable(world: World) -> None:
    """A Secret that can only make way: then it is deleted."""
    world.create(SECRET, {**SECRET.named(SECRET_NAME, world.namespace), "type": "Opaque", "immutable": True})


def test_the_service_account_of_the_job(world: World, tmp_path: Path) -> None:
    """With a token and the pod's files, as in a cluster, and the rules as the manifests have them."""
    world.create(SERVICE_ACCOUNT, SERVICE_ACCOUNT.named("installer", world.namespace))
    subject = {"kind": "ServiceAccount", "name": "installer", "namespace": world.namespace}
    grant(world, subject, rules(namespaced=True), rules(namespaced=False))
    name = f"system:serviceaccount:{world.namespace}:installer"
    world.cluster.wait_for(lambda: all(allowed(world, name, right) for right in RIGHTS), "RBAC to know the roles")
    path = SERVICE_ACCOUNT.path(world.namespace, "installer")
    _, token = world.call("POST", f"{path}/token", {"spec": {"expirationSeconds": 600}})
    (tmp_path / "token").write_text(token["status"]["token"])
    (tmp_path / "ca.crt").write_bytes((world.cluster.folder / "ca.crt").read_bytes())
    (tmp_path / "namespace").write_text(world.namespace)
    host, port = world.cluster.server_url.removeprefix("https://").split(":")
    access = credentials({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, tmp_path)
    with Cluster(access, world.namespace, print) as cluster:
        assert cluster.get(CLUSTER_ROLE, NAME)
    assert own_namespace({}, tmp_path / "namespace") == world.namespace
    with Echo(world):
        immutable(world)
        run = world.install_with(access)
        assert run.code == 0, run.output
    world.assert_installed()
    run = world.install_with(access, timeout=1.2)
    assert "no pod is ready" in run.error
    world.assert_open()


AT_SILENCE = [
    right
    for right in RIGHTS
    if right.resource == ENDPOINT_SLICE or (right.name == CANARY and right.resource == VALIDATING)
]
AT_THE_END = [right for right in RIGHTS if right.resource in {ROLE_BINDING, CLUSTER_ROLE_BINDING}]
AT_INSTALL = [
    right
    for right in RIGHTS
    if right not in AT_THE_END
    and (right not in AT_SILENCE or right.verb == "delete" or right.resource == ENDPOINT_SLICE)
]


@pytest.mark.parametrize("lacking", AT_INSTALL, ids=words)
def test_a_right_that_is_missing_is_named(world: World, lacking: Right) -> None:
    immutable(world)
    if (lacking.verb, lacking.resource) == ("create", SECRET):
        world.delete(SECRET, SECRET_NAME)
    access = user(world, lacking)
    with Echo(world):
        run = world.install(access, timeout=10)
    assert run.code == 1, run.output
    assert named(run.error, lacking), run.error
    assert (
        DAEMON_SET.plural in run.error or set(world.policies().values()) <= {"Ignore"} or lacking.name in {CANARY, NAME}
    )


@pytest.mark.parametrize("lacking", [right for right in AT_SILENCE if right.verb != "delete"], ids=words)
def test_a_right_that_is_missing_when_it_asks_why_is_named(world: World, lacking: Right) -> None:
    run = world.install(user(world, lacking), timeout=1.2)
    assert run.code == 1
    assert named(run.error, lacking), run.error
    assert set(world.policies().values()) == {"Ignore"}


@pytest.mark.parametrize("lacking", AT_THE_END, ids=words)
def test_a_right_that_is_missing_at_the_end_is_named_and_nothing_else_is_lost(world: World, lacking: Right) -> None:
    access = user(world, lacking)
    with Echo(world):
        run = world.install(access)
    assert run.code == 0, run.output
    (said,) = [line for line in run.lines if line.startswith("permissions: not dropped, run `kubectl")]
    assert named(said, lacking), said
    world.assert_installed()


def bind(world: World, subject: dict[str, str]) -> None:
    """The roles and their bindings under the names that the manifests have."""
    world.create(ROLE, {**ROLE.named("cni-guard-install", world.namespace), "rules": rules(namespaced=True)})
    path = CLUSTER_ROLE.path("", NAME)
    status, answer = world.call("PATCH", path, {"rules": rules(namespaced=False)})
    assert status == 200, answer
    for resource, name, role in (
        (ROLE_BINDING, "cni-guard-install", ROLE),
        (CLUSTER_ROLE_BINDING, NAME, CLUSTER_ROLE),
    ):
        world.delete(resource, name)
        reference = {"apiGroup": RBAC, "kind": role.kind, "name": name}
        world.create(resource, {**resource.named(name, world.namespace), "roleRef": reference, "subjects": [subject]})


def test_after_the_run_its_account_has_no_right_left(world: World) -> None:
    name = f"installer-{world.namespace}"
    bind(world, {"apiGroup": RBAC, "kind": "User", "name": name})
    world.cluster.wait_for(lambda: all(allowed(world, name, right) for right in RIGHTS), "RBAC to know the roles")
    with Echo(world):
        run = world.install({"KUBECONFIG": str(world.cluster.kubeconfig_for(name))})
    assert run.code == 0, run.output
    world.assert_installed()
    world.cluster.wait_for(lambda: not any(allowed(world, name, right) for right in RIGHTS), "RBAC to forget it")
    for resource, left in ((ROLE_BINDING, "cni-guard-install"), (CLUSTER_ROLE_BINDING, NAME)):
        assert "subjects" not in world.get(resource, left)


def test_a_run_that_fails_keeps_its_rights_for_the_next_try(world: World) -> None:
    name = f"installer-{world.namespace}"
    bind(world, {"apiGroup": RBAC, "kind": "User", "name": name})
    world.cluster.wait_for(lambda: all(allowed(world, name, right) for right in RIGHTS), "RBAC to know the roles")
    assert world.install({"KUBECONFIG": str(world.cluster.kubeconfig_for(name))}, timeout=1.2).code == 1
    assert all(allowed(world, name, right) for right in RIGHTS)


def named(error: str, right: Right) -> bool:
    which = f' named "{right.name}"' if right.name else ""
    return f'may not {right.verb} "{right.resource.plural}"' in error and which in error


def test_the_rules_say_what_the_table_says() -> None:
    flat = {
        (verb, group, plural, name)
        for namespaced in (True, False)
        for rule in rules(namespaced=namespaced)
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for name in rule.get("resourceNames", [None])
    }
    assert flat == {(right.verb, right.resource.group, right.resource.plural, right.name) for right in RIGHTS}
    assert "*" not in json.dumps(list(flatten(flat)))


def flatten(rows: Iterable[tuple[str | None, ...]]) -> Iterable[str]:
    return (str(item) for row in rows for item in row)
