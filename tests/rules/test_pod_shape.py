"""POD-001, POD-002, POD-003 and POD-006: containers, network, rights and service account, by release."""

from typing import Any

import pytest

from tests.changes import evaluated
from tests.rules.ask import Object, changed, levels, main, pod, said
from tests.rules.releases import daemonset
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.facts import Fact, Facts

INIT = "aws-vpc-cni-init"


def without_init(release: str) -> Object:
    return changed(daemonset(release), lambda whole: pod(whole).update(initContainers=[]))


@pytest.mark.parametrize(
    ("release", "level", "certain"),
    [
        ("1.6.4", "", False),
        ("1.7.0", "warn", False),
        ("1.12.0", "warn", False),
        ("1.12.1", "deny", True),
        ("1.23.1", "deny", True),
    ],
)
def test_from_when_the_init_container_is_needed(release: str, level: str, *, certain: bool) -> None:
    found = said("POD-001", without_init(release))
    assert [one.level for one in found] == ([level] if level else [])
    assert any(one.problem.certain for one in found) == certain
    assert levels(said("POD-001", without_init(release), without_init(release))) <= {"warn"}


def test_a_release_that_is_not_known_may_do_without_an_init_container() -> None:
    for tag in ("v99.0.0", "latest"):
        whole = without_init("1.23.1")
        main(whole)["image"] = f"x/amazon-k8s-cni:{tag}"
        found = said("POD-001", whole)
        assert [(one.level, one.problem.certain) for one in found] == [("warn", False)]
        assert levels(said("POD-001", without_init("1.23.1"), whole)) == {"deny"}


def test_a_container_in_the_other_list_is_missing() -> None:
    def move(whole: Object) -> None:
        pod(whole)["initContainers"].append(pod(whole)["containers"].pop(0) | {"name": "cni"})

    assert levels(said("POD-001", changed(stock(), move))) == {"deny"}


@pytest.mark.parametrize(("listed", "name"), [("containers", "cni"), ("initContainers", "init")])
def test_another_name_is_one_warning(listed: str, name: str) -> None:
    whole = changed(stock(), lambda one: pod(one)[listed][0].update(name=name))
    assert [one.level for one in said("POD-001", whole)] == ["warn"]


def test_too_many_containers_prove_nothing() -> None:
    whole = changed(stock(), lambda one: pod(one).update(containers=[{"name": f"c{n}"} for n in range(30)]))
    assert said("POD-001", whole) == []


def test_removing_host_network_is_certain_and_a_restart_without_it_passes() -> None:
    off = changed(stock(), lambda one: pod(one).pop("hostNetwork"))
    assert [(one.level, one.problem.certain) for one in said("POD-002", off, stock())] == [("deny", True)]
    explicit = changed(stock(), lambda one: pod(one).update(hostNetwork=False))
    assert levels(said("POD-002", explicit, off)) == {"warn"}


@pytest.mark.parametrize(
    ("context", "level"),
    [
        ({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}, ""),
        ({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}}, ""),
        ({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["NET_ADMIN"]}}, "deny"),
        ({"capabilities": {"add": ["NET_ADMIN"]}}, "warn"),
        ({"capabilities": {"add": ["ALL"]}}, "warn"),
        ({"capabilities": "NET_ADMIN"}, "deny"),
        ({}, "deny"),
        (None, "deny"),
        ({"privileged": True}, "warn"),
        ({"privileged": True, "runAsUser": 0}, "warn"),
        ({"privileged": True, "runAsUser": 1}, "deny"),
    ],
)
def test_rights_of_aws_node(context: Any, level: str) -> None:
    found = said("POD-003", changed(stock(), lambda one: main(one).update(securityContext=context)))
    assert min(levels(found), default="") == level


@pytest.mark.parametrize(("release", "level"), [("1.11.5", ""), ("1.12.0", "warn")])
def test_from_when_net_raw_is_asked_for(release: str, level: str) -> None:
    whole = daemonset(release)
    main(whole)["securityContext"] = {"capabilities": {"add": ["NET_ADMIN"]}}
    assert min(levels(said("POD-003", whole)), default="") == level


@pytest.mark.parametrize(("mount", "level"), [({}, "deny"), ({"readOnly": True}, "deny"), ({"readOnly": False}, "")])
def test_a_read_only_root_needs_a_writable_tmp(mount: Object, level: str) -> None:
    def shut(whole: Object) -> None:
        main(whole)["securityContext"]["readOnlyRootFilesystem"] = True
        pod(whole)["volumes"].append({"name": "tmp", "emptyDir": {}})
        if mount:
            main(whole)["volumeMounts"].append({"name": "tmp", "mountPath": "/tmp"} | mount)  # noqa: S108

    assert min(levels(said("POD-003", changed(stock(), shut))), default="") == level


def test_a_container_overrides_the_user_of_the_pod() -> None:
    def run(whole: Object) -> None:
        pod(whole)["securityContext"] = {"runAsUser": 1000}
        for kind in ("initContainers", "containers"):
            for holder in pod(whole)[kind]:
                holder["securityContext"] |= {"runAsUser": 0}

    assert said("POD-003", changed(stock(), run)) == []


def account(name: str | None, field: str = "serviceAccountName") -> Object:
    def put(whole: Object) -> None:
        pod(whole).pop("serviceAccountName")
        pod(whole)[field] = name

    return changed(stock(), put)


def bound(**subject: str) -> Facts:
    return Facts(cluster_role_binding=Fact({"subjects": [subject]}, "cluster"))


def test_the_older_field_counts_too() -> None:
    assert said("POD-006", account("aws-node", "serviceAccount")) == []
    assert levels(said("POD-006", account("default", "serviceAccount"))) == {"deny"}
    assert levels(said("POD-006", account(""), stock())) == {"deny"}


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (bound(kind="ServiceAccount", name="cni", namespace="kube-system"), ""),
        (bound(kind="ServiceAccount", name="cni", namespace="default"), "deny"),
        (bound(kind="User", name="system:serviceaccount:kube-system:cni"), ""),
        (bound(kind="Group", name="system:serviceaccounts:kube-system"), ""),
        (Facts(cluster_role_binding=Fact(None, "cluster")), "deny"),
        (Facts(), ""),
    ],
)
def test_another_account_needs_the_binding(facts: Facts, level: str) -> None:
    found = said("POD-006", account("cni"), stock(), facts=facts)
    assert min(levels(found), default="") == level
    assert levels(said("POD-006", account("cni"), account("cni"), facts=facts)) <= {"warn"}


def test_without_facts_only_a_change_of_the_account_is_skipped() -> None:
    for old, skipped in ((stock(), {"POD-006"}), (account("cni"), set())):
        verdict = evaluated(change_of("DaemonSet", account("cni"), old, "UPDATE"))
        assert {one.rule for one in verdict.skipped} == skipped
