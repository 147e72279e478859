"""POD-004: which folders of the host each container sees, however volumes and mounts are written."""

from collections.abc import Callable

import pytest

from tests.rules.ask import Object, changed, levels, main, pod, said
from tests.rules.releases import daemonset
from webhook.catalogue.examples import set_env
from webhook.cni.stock import stock


def mounts(whole: Object, name: str) -> list[Object]:
    holders = [*pod(whole)["initContainers"], *pod(whole)["containers"]]
    return [one for holder in holders for one in holder["volumeMounts"] if one["name"] == name]


def volume(whole: Object, name: str) -> Object:
    return next(one for one in pod(whole)["volumes"] if one["name"] == name)


def rename(whole: Object) -> None:
    volume(whole, "cni-bin-dir")["name"] = "bin"
    for mount in mounts(whole, "cni-bin-dir"):
        mount["name"] = "bin"


def show_parent(whole: Object) -> None:
    volume(whole, "cni-bin-dir")["hostPath"]["path"] = "/opt/cni"
    for mount in mounts(whole, "cni-bin-dir"):
        mount["mountPath"] = "/host/opt/cni"


def below(whole: Object) -> None:
    volume(whole, "cni-net-dir")["hostPath"]["path"] = "/etc"
    mounts(whole, "cni-net-dir")[0]["subPath"] = "cni/net.d"


def by_variable(whole: Object) -> None:
    mounts(whole, "cni-net-dir")[0]["mountPath"] = "/conf"
    set_env(main(whole), {"HOST_CNI_CONFDIR_PATH": "/conf"})


def by_expression(whole: Object) -> None:
    volume(whole, "run-dir")["hostPath"]["path"] = "/var/run"
    for mount in mounts(whole, "run-dir"):
        mount["subPathExpr"] = "$(MY_NODE_NAME)"


def spelled(whole: Object) -> None:
    volume(whole, "run-dir")["hostPath"] = {"path": "/run//aws-node/"}
    main(whole)["volumeMounts"].reverse()
    mounts(whole, "run-dir")[0]["mountPath"] = "/run/aws-node"


def below_another_mount(whole: Object) -> None:
    pod(whole)["volumes"].append({"name": "scratch", "emptyDir": {}})
    main(whole)["volumeMounts"].insert(0, {"name": "scratch", "mountPath": "/host"})


SAME: list[Callable[[Object], None]] = [
    rename,
    show_parent,
    below,
    by_variable,
    by_expression,
    below_another_mount,
    spelled,
]


@pytest.mark.parametrize("write", SAME)
def test_another_spelling_is_the_same(write: Callable[[Object], None]) -> None:
    assert said("POD-004", changed(stock(), write)) == []


def not_of_the_host(whole: Object) -> None:
    volume(whole, "run-dir").pop("hostPath")
    volume(whole, "run-dir")["emptyDir"] = {}


def elsewhere(whole: Object) -> None:
    volume(whole, "cni-net-dir")["hostPath"]["path"] = "/etc/cni/net.d/aws"


def deeper(whole: Object) -> None:
    mounts(whole, "cni-net-dir")[0]["mountPath"] = "/host/etc/cni/net.d/aws"


def by_variable_elsewhere(whole: Object) -> None:
    pod(whole)["volumes"].append({"name": "scratch", "emptyDir": {}})
    main(whole)["volumeMounts"].append({"name": "scratch", "mountPath": "/conf"})
    set_env(main(whole), {"HOST_CNI_CONFDIR_PATH": "/conf"})


def without_mounts(whole: Object) -> None:
    main(whole).pop("volumeMounts")


@pytest.mark.parametrize("write", [not_of_the_host, elsewhere, deeper, by_variable_elsewhere, without_mounts])
def test_what_is_not_the_folder_of_the_host_is_denied(write: Callable[[Object], None]) -> None:
    broken = changed(stock(), write)
    assert "deny" in levels(said("POD-004", broken, stock()))
    assert levels(said("POD-004", broken, broken)) == {"warn"}


@pytest.mark.parametrize(("release", "level"), [("1.20.1", ""), ("1.20.2", "deny")])
def test_from_when_the_agent_needs_the_sockets(release: str, level: str) -> None:
    whole = changed(daemonset(release), lambda one: pod(one)["containers"][1]["volumeMounts"].pop())
    set_env(main(whole), {"NETWORK_POLICY_ENFORCING_MODE": "standard"})
    assert min(levels(said("POD-004", whole)), default="") == level
    set_env(main(whole), {"NETWORK_POLICY_ENFORCING_MODE": None})
    assert "deny" not in levels(said("POD-004", whole))


@pytest.mark.parametrize(("release", "level"), [("1.18.1", ""), ("1.18.2", "warn")])
def test_from_when_the_lock_has_a_type(release: str, level: str) -> None:
    whole = daemonset(release)
    volume(whole, "xtables-lock")["hostPath"].pop("type", None)
    assert min(levels(said("POD-004", whole)), default="") == level
    volume(whole, "xtables-lock")["hostPath"]["type"] = "File"
    assert said("POD-004", whole) == []


def test_a_path_that_is_not_mounted_is_one_message() -> None:
    whole = changed(stock(), lambda one: set_env(main(one), {"HOST_CNI_BIN_PATH": "/elsewhere"}))
    assert said("POD-004", whole) == []
    assert levels(said("ENV-004", whole)) == {"deny"}


def test_before_the_first_known_manifest_nothing_is_said() -> None:
    whole = changed(daemonset("1.8.0"), without_mounts)
    assert said("POD-004", whole) == []


def test_mending_one_of_two_mounts_passes() -> None:
    two = changed(stock(), lambda one: main(one).update(volumeMounts=main(one)["volumeMounts"][2:]))
    one_left = changed(stock(), lambda one: main(one).update(volumeMounts=main(one)["volumeMounts"][1:]))
    assert levels(said("POD-004", one_left, two)) == {"warn"}
