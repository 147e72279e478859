"""POD-012, ENIC-007 and ENIC-003: what an API server refuses, and what it stores though nothing reads it."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.changes import MANIFESTS, daemonset
from tests.rules.ask import Object, changed, levels, pod, problems, said
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version

ENICONFIG: Object = {
    "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
    "kind": "ENIConfig",
    "metadata": {"name": "us-west-2a"},
    "spec": {"subnet": "subnet-0123456789abcdef0", "securityGroups": ["sg-0123456789abcdef0"]},
}

REFUSED_METADATA: list[Any] = [
    None,
    {},
    {"name": None},
    {"name": ""},
    {"name": "", "generateName": ""},
    *({"name": name} for name in ("A", "a_b", "-a", "a-", "a.", ".a", "a..b", "a/b", "a b", "é", "a" * 254, "a\n", 5)),
    *({"generateName": prefix} for prefix in ("A", "a.", "-", "_-", "a.-", "-a", ".", "a" * 254)),
    {"name": "a", "generateName": "A"},
]
TAKEN_METADATA: list[Any] = [
    *({"name": name} for name in ("a", "1", "aws-node", "a.b-c.d", "a" * 253, "a" * 100)),
    *({"generateName": prefix} for prefix in ("a", "a-", "a--", "a.b", "a.b-", "a" * 57 + ".a", "a" * 253)),
    {"name": "a", "generateName": "b"},
]
REFUSED_CONTAINER_NAMES: list[Any] = [None, "", "A", "a.b", "a_b", "-a", "a-", "a" * 64, "a\n", 5]
TAKEN_CONTAINER_NAMES: list[Any] = ["a", "1", "a-b", "a" * 63]


def with_metadata(whole: Object, metadata: Any) -> Object:
    space = {"namespace": "kube-system"} if whole["kind"] == "DaemonSet" and isinstance(metadata, dict) else {}
    return deepcopy(whole) | {"metadata": space | metadata if isinstance(metadata, dict) else metadata}


def with_container(kind: str, fields: Object) -> Object:
    image = "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/pause:3.10"
    return changed(stock(), lambda whole: pod(whole)[kind].append({"image": image} | fields))


def found(whole: Any) -> list[str]:
    kind = whole["kind"]
    rule = "POD-012" if kind == "DaemonSet" else "ENIC-007"
    findings = said(rule, whole, kind=kind, file="x.yaml")
    assert levels(findings) <= {"deny"}
    assert said(rule, whole, kind=kind) == []
    return [finding.message for finding in findings]


@pytest.mark.parametrize("whole", [stock(), ENICONFIG], ids=["DaemonSet", "ENIConfig"])
def test_names(whole: Object) -> None:
    for metadata in REFUSED_METADATA:
        assert found(with_metadata(whole, metadata)), metadata
    for metadata in TAKEN_METADATA:
        assert not found(with_metadata(whole, metadata)), metadata


@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_names_of_containers(kind: str) -> None:
    for name in REFUSED_CONTAINER_NAMES:
        assert found(with_container(kind, {"name": name})), name
    assert found(with_container(kind, {}))
    for name in TAKEN_CONTAINER_NAMES:
        assert not found(with_container(kind, {"name": name})), name


@pytest.mark.parametrize("text", ["name:aws-node", "name:aws-node namespace:kube-system"])
@pytest.mark.parametrize("whole", [stock(), ENICONFIG], ids=["DaemonSet", "ENIConfig"])
def test_a_blank_that_is_missing_after_a_colon(whole: Object, text: str) -> None:
    (message,) = found(with_metadata(whole, text))
    assert f'metadata is the text "{text}", not a mapping' in message
    assert "Write a blank after the colon" in message


def test_other_places_where_a_text_stands_for_a_mapping() -> None:
    assert found(changed(stock(), lambda whole: whole["spec"]["template"].update(metadata="labels:x")))
    assert found(changed(stock(), lambda whole: pod(whole)["containers"].append("name:x")))
    assert found(changed(stock(), lambda whole: pod(whole).update(initContainers="name:x")))
    assert found(ENICONFIG | {"spec": "subnet:subnet-1"})


def test_check_says_it_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "eniconfig.yaml"
    file.write_text(
        "apiVersion: crd.k8s.amazonaws.com/v1alpha1\nkind: ENIConfig\nmetadata:\n  name:us-west-2a\n"
        "spec: {subnet: subnet-01234567, securityGroups: [sg-01234567]}\n"
    )
    command = [sys.executable, "-m", "webhook.cli", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{file}:4:3: deny ENIC-007" in done.stdout


@pytest.mark.parametrize("release", [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST], ids=str)
def test_an_official_manifest_is_taken(release: Version) -> None:
    assert not found(stock(release))


@pytest.mark.skipif(not MANIFESTS.is_dir(), reason="the official manifests are not beside this checkout")
@pytest.mark.parametrize("manifest", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_official_manifest_of_upstream_is_taken(manifest: Path) -> None:
    whole = daemonset(manifest)
    assert not found(whole)
    for rule in ("IMG-001", "IMG-003", "VER-001", "VER-007", "VER-008", "POD-008", "ENV-006", "DEL-001"):
        assert said(rule, whole, file="x.yaml") == [], rule


def test_nameless_containers_are_named_by_their_position() -> None:
    crowd = changed(stock(), lambda whole: pod(whole)["containers"].extend([{}] * 3))
    assert [told.wrong for told in problems("POD-012", crowd)] == [
        f"containers[{position}] has no name" for position in (2, 3, 4)
    ]


# --- the root of an ENIConfig ----------------------------------------------------------------------------------------

ROOT = {"apiVersion", "kind", "metadata", "spec", "status"}


@given(
    st.dictionaries(
        st.text() | st.sampled_from(["securityGroups", "subnet", "Spec", "Status"]), st.integers(), max_size=3
    )
)
def test_a_field_beside_the_spec_is_told(more: dict[str, int]) -> None:
    beside = {key: value for key, value in more.items() if key not in ROOT}
    whole: Object = beside | ENICONFIG | {"status": {}}
    findings = said("ENIC-003", whole, kind="ENIConfig")
    assert [finding.problem.path for finding in findings] == [(key,) for key in beside]
    assert levels(findings) <= {"deny"}
    assert levels(said("ENIC-003", whole, whole, kind="ENIConfig")) <= {"warn"}


def test_what_stands_beside_the_spec_is_moved_below_it() -> None:
    misplaced = ENICONFIG | {"securityGroups": ["sg-0123456789abcdef0"]}
    (finding,) = said("ENIC-003", misplaced, kind="ENIConfig")
    assert "Move it below spec" in finding.message
    assert said("ENIC-003", ENICONFIG, misplaced, kind="ENIConfig") == []
