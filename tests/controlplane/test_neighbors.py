"""The objects beside aws-node on a real API server: matched by name, refused where aws-node would fail."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.guarded import Guarded
from webhook.cni.neighbors import official_rights
from webhook.cni.stock import stock
from webhook.cni.version import Version

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = f"{RBAC}/clusterroles/aws-node"
BINDING = f"{RBAC}/clusterrolebindings/aws-node"
ACCOUNT = "/api/v1/namespaces/kube-system/serviceaccounts/aws-node"
CONFIG = "/api/v1/namespaces/kube-system/configmaps/amazon-vpc-cni"
SUBJECT = {"kind": "ServiceAccount", "name": "aws-node", "namespace": "kube-system"}


def role(*releases: str) -> dict[str, Any]:
    rights = frozenset().union(*(official_rights(Version.of(release)) for release in releases))
    rules = [
        {"nonResourceURLs": [resource], "verbs": [verb]}
        if resource.startswith("/")
        else {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for group, resource, verb in sorted(rights)
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "aws-node"},
        "rules": rules,
    }


def binding(*subjects: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "aws-node"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "aws-node"},
        "subjects": list(subjects),
    }


def account(arn: str = "") -> dict[str, Any]:
    annotations = {"annotations": {"eks.amazonaws.com/role-arn": arn}} if arn else {}
    metadata = {"name": "aws-node", "namespace": "kube-system"} | annotations
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def config(**data: str) -> dict[str, Any]:
    metadata = {"name": "amazon-vpc-cni", "namespace": "kube-system"}
    named = {key.replace("_", "-"): value for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": named}


@pytest.fixture(autouse=True)
def there(guarded: Guarded) -> Iterator[None]:
    """The official objects of 1.22.4 are there."""
    guarded.store(stock("1.22.4"))
    arn = "arn:aws:iam::111122223333:role/cni"
    for path, whole in (
        (ROLE, role("1.22.4")),
        (BINDING, binding(SUBJECT)),
        (ACCOUNT, account(arn)),
        (CONFIG, config(enable_windows_ipam="true")),
    ):
        reply = guarded.past_the_guard("PUT", path, whole)
        if reply.status == 404:
            reply = guarded.past_the_guard("POST", path.rpartition("/")[0], whole)
        assert reply.answer.passed, reply.body
    yield
    for path in (ROLE, BINDING, CONFIG):
        guarded.past_the_guard("DELETE", path)


@pytest.mark.parametrize("kind", ["clusterrole", "clusterrolebinding", "serviceaccount"])
def test_deletion_is_refused_and_passes_with_the_permit_of_the_message(guarded: Guarded, kind: str) -> None:
    namespace = ("--namespace=kube-system",) if kind == "serviceaccount" else ()
    answer = guarded.kubectl("delete", kind, "aws-node", *namespace)
    assert [text.partition(":")[0] for text in answer.denied] == ["DEL-003"]
    command = answer.err.split("`")[1].split()
    assert guarded.kubectl(*command[1:]).passed
    assert guarded.kubectl("delete", kind, "aws-node", *namespace).passed


def test_the_definition_of_eniconfigs_is_not_deleted(guarded: Guarded) -> None:
    answer = guarded.kubectl("delete", "crd", "eniconfigs.crd.k8s.amazonaws.com")
    assert [text.partition(":")[0] for text in answer.denied] == ["DEL-002"]
    answer = guarded.kubectl("delete", "crd", "--all")
    assert not answer.passed
    assert "DEL-002" in answer.err


def test_the_add_on_manager_is_only_warned(guarded: Guarded) -> None:
    reply = guarded.request("DELETE", f"{ROLE}?dryRun=All", user="eks:addon-manager", groups=("system:masters",))
    assert reply.answer.passed, reply.body
    assert any("DEL-003" in warning for warning in reply.warnings)


def test_updates_that_equal_an_official_role_or_add_rights_pass_without_a_word(guarded: Guarded) -> None:
    """A Helm rollback applies the older role before the older DaemonSet."""
    for releases in (("1.12.6",), ("1.22.4",), ("1.22.4", "1.18.4")):
        answer = guarded.apply(role(*releases), "--server-side", "--force-conflicts")
        assert answer.passed, answer.err
        assert "DEL-003" not in answer.err


def test_a_loss_without_facts_warns(guarded: Guarded) -> None:
    without = role("1.22.4")
    without["rules"] = [rule for rule in without["rules"] if rule.get("resources") != ["nodes"]]
    answer = guarded.kubectl("replace", "--filename=-", manifest=without)
    assert answer.passed, answer.err
    assert "DEL-003" in answer.err
    answer = guarded.kubectl("replace", "--filename=-", manifest=account())
    assert answer.passed
    assert "is removed" in answer.err
    answer = guarded.kubectl("replace", "--filename=-", manifest=binding())
    assert answer.passed
    assert "no longer binds" in answer.err


def test_others_of_these_kinds_do_not_reach_the_guard(guarded: Guarded) -> None:
    other = role("1.22.4") | {"metadata": {"name": "other"}}
    assert guarded.apply(other).passed
    answer = guarded.kubectl("delete", "clusterrole", "other")
    assert answer.passed
    assert answer.err == ""


def test_the_config_map_warns(guarded: Guarded) -> None:
    answer = guarded.kubectl("replace", "--filename=-", manifest=config(enable_windows_ipam="false"))
    assert answer.passed
    assert "DEL-004" in answer.err
