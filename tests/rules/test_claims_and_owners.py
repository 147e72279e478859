"""IMG-004 and ROLL-005: what an object says beside its image, and who owns its fields."""

from typing import Any

import pytest

from tests.changes import evaluated
from tests.rules.ask import Object, changed, levels, main, said
from webhook.catalogue.examples import DaemonSet, Example, container
from webhook.cni.identity import change_of
from webhook.cni.ownership import touched
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.cni.version import Version
from webhook.model import ADDON_MANAGER, Finding, User, at

REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
CLAIM = "VPC_CNI_VERSION"


def with_images_of(whole: Object, release: str) -> Object:
    def put(copy: Object) -> None:
        for name in ("aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"):
            container(copy, name)["image"] = container(stock(release), name)["image"]

    return changed(whole, put)


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [("1.21.2", "1.22.4", True), ("1.22.4", "1.23.1", True), ("1.23.0", "1.23.1", False), ("1.23.1", "1.22.4", False)],
)
def test_images_alone_over_a_minor_version_are_told_upwards(old: str, new: str, *, warned: bool) -> None:
    found = said("IMG-004", with_images_of(stock(old), new), stock(old))
    assert any("only images change" in one.message for one in found) is warned
    assert len(found) <= 2
    if warned:
        assert len(found) == 1
        assert found[0].problem.remedy.endswith(new)
        assert said("IMG-004", stock(new), stock(old)) == []


def test_the_settings_that_are_missing_are_named() -> None:
    def without_agent(copy: Object) -> None:
        main(copy)["image"] = main(stock("1.10.4"))["image"]

    (found,) = said("IMG-004", changed(stock("1.9.3"), without_agent), stock("1.9.3"))
    assert "ENABLE_IPv4" in found.message


def test_another_change_beside_the_images_is_not_images_alone() -> None:
    new = changed(
        with_images_of(stock("1.22.4"), "1.23.1"), lambda copy: main(copy)["env"].append({"name": "A", "value": "b"})
    )
    assert not any("only images" in one.message for one in said("IMG-004", new, stock("1.22.4")))


def labelled(release: str, label: str) -> Object:
    return changed(stock(release), lambda copy: copy["metadata"]["labels"].update({"app.kubernetes.io/version": label}))


@pytest.mark.parametrize(
    ("label", "warned"),
    [
        ("v1.23.1", False),
        ("1.23.1", False),
        ("v1.23.1-eksbuild.3", False),
        ("v1.22.4", True),
        ("1.30", False),
        ("team-x", False),
        ("", False),
        ("9" * 5000, False),
    ],
)
def test_a_label_that_names_another_release_is_told(label: str, *, warned: bool) -> None:
    assert levels(said("IMG-004", labelled("1.23.1", label))) == ({"warn"} if warned else set())


def test_a_claim_is_told_when_it_comes_and_not_again() -> None:
    wrong = DaemonSet(env={CLAIM: "v1.22.4"})

    def of(new: DaemonSet, old: DaemonSet) -> list[Finding]:
        return [f for f in evaluated(Example(new, before=old).change()).findings if f.rule == "IMG-004"]

    assert levels(of(wrong, DaemonSet())) == {"warn"}
    assert of(DaemonSet(env={CLAIM: "v1.22.4", "WARM_ENI_TARGET": "2"}), wrong) == []
    assert levels(of(DaemonSet(env={CLAIM: "v1.21.2"}), wrong)) == {"warn"}
    assert of(DaemonSet(env={CLAIM: None}), wrong) == []
    unknown = {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "x"}}}
    assert of(DaemonSet(env={CLAIM: unknown}), DaemonSet()) == []


def test_an_official_label_of_another_release_is_right() -> None:
    rows = [row for row in KNOWN.releases if row.label is not None and row.version >= Version(1, 10, 0)]
    assert rows
    for row in rows:
        assert said("IMG-004", stock(row.version)) == [], row


# --- ROLL-005 --------------------------------------------------------------------------------------------------------

ENV: Any = {'k:{"name":"WARM_ENI_TARGET"}': {".": {}, "f:name": {}, "f:value": {}}}
CONTAINER = {'k:{"name":"aws-node"}': {".": {}, "f:image": {}, "f:env": ENV}}


def owned(fields: Any = None, manager: str = "eks", release: str = "1.23.1") -> Object:
    tree = {"f:spec": {"f:template": {"f:spec": {"f:containers": CONTAINER}}}} if fields is None else fields

    def put(copy: Object) -> None:
        copy["metadata"]["managedFields"] = [{"manager": manager, "fieldsV1": tree}]

    return changed(stock(release), put)


def with_env(whole: Object, name: str, value: str | None) -> Object:
    def put(copy: Object) -> None:
        kept = [entry for entry in main(copy)["env"] if entry["name"] != name]
        main(copy)["env"] = [*([] if value is None else [{"name": name, "value": value}]), *kept]

    return changed(whole, put)


def names(new: Object, old: Object, user: str = "alice") -> list[str]:
    verdict = evaluated(change_of("DaemonSet", new, old, "UPDATE", user=User(user)))
    assert verdict.errors == ()
    found = [finding for finding in verdict.findings if finding.rule == "ROLL-005"]
    assert levels(found) <= {"warn"}
    for finding in found:
        assert at(new, *finding.problem.path[:-1]) is not None
    return [finding.problem.evidence[0][1] or "" for finding in found]


SETTING = "spec.template.spec.containers[aws-node].env[WARM_ENI_TARGET]"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WARM_ENI_TARGET", "2", [f"{SETTING}.value"]),
        ("WARM_ENI_TARGET", None, [SETTING]),
        ("WARM_ENI_TARGET", "1", []),
        ("WARM_IP_TARGET", "5", []),
        ("MAX_ENI", "4", []),
    ],
)
def test_only_what_the_addon_owns_is_told(name: str, value: str | None, expected: list[str]) -> None:
    """Wherever the entry stands in its list."""
    assert names(with_env(owned(), name, value), owned()) == expected


def test_an_image_a_restart_and_another_manager() -> None:
    assert names(owned(release="1.22.4"), owned()) == ["spec.template.spec.containers[aws-node].image"]
    assert names(owned(release="1.22.4"), owned(), ADDON_MANAGER) == []
    mine = owned(manager="helm")
    assert names(with_env(mine, "WARM_ENI_TARGET", "2"), mine) == []
    annotations = {"kubectl.kubernetes.io/restartedAt": "now"}
    restarted = changed(owned(), lambda copy: copy["spec"]["template"]["metadata"].update(annotations=annotations))
    assert names(restarted, owned()) == []


@pytest.mark.parametrize("junk", [5, "x", [], {"f:spec": 5}, {"f:spec": {"k:{": {}}}, {"k:[1]": {}}, {"v:1": {}}])
def test_junk_for_owners_is_no_fault(junk: Any) -> None:
    before = owned(junk)
    assert set(names(with_env(before, "WARM_ENI_TARGET", "2"), before)) <= {"spec"}


def test_a_deep_tree_and_many_keys_end() -> None:
    deep: Any = {}
    old: Any = 1
    new: Any = 2
    for _ in range(400):
        deep, old, new = {"f:a": deep}, {"a": old}, {"a": new}
    metadata = {"managedFields": [{"manager": "eks", "fieldsV1": deep}]}
    assert list(touched({"metadata": metadata, **old}, new, "eks")) == []
    keys: Any = {f'k:{{"name":"{number}"}}': {} for number in range(2000)}
    listed = [{"name": str(number), "value": "1"} for number in range(2000)]
    other = [{"name": str(number), "value": "2"} for number in range(2000)]
    metadata = {"managedFields": [{"manager": "eks", "fieldsV1": {"f:env": keys}}]}
    assert len(list(touched({"metadata": metadata, "env": listed}, {"env": other}, "eks"))) == 2000


def test_a_tool_that_takes_over_is_told_once() -> None:
    argo = {"argocd.argoproj.io/instance": "cni"}
    taken = changed(owned(), lambda copy: copy["metadata"]["labels"].update(argo))
    assert names(taken, owned()) == ["new"]
    assert names(taken, taken) == []
    assert names(changed(stock(), lambda copy: copy["metadata"]["labels"].update(argo)), stock()) == []
