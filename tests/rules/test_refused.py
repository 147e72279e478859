"""POD-012, ENIC-007 and ENIC-003: what an API server refuses, and what it stores though nothing reads it."""

import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import models

from tests.changes import MANIFESTS, daemonset, evaluated
from tests.rules.ask import Object, changed, levels, pod, problems, said
from webhook.cni import shapes
from webhook.cni.identity import change_of
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version
from webhook.inputs import read
from webhook.model import Path as Path_
from webhook.model import Source, at
from webhook.printable import dotted

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
    assert f'metadata is the string "{text}", not a mapping' in message
    assert "Put a space after the colon" in message


def test_other_places_where_a_text_stands_for_a_mapping() -> None:
    assert found(changed(stock(), lambda whole: whole["spec"]["template"].update(metadata="labels:x")))
    assert found(changed(stock(), lambda whole: pod(whole)["containers"].append("name:x")))
    assert found(changed(stock(), lambda whole: pod(whole).update(initContainers="name:x")))
    assert found(ENICONFIG | {"spec": "subnet:subnet-1"})


def kind_of(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


OTHER_KINDS: list[Any] = ["a:b", 5, True, ["a"], {"a": "b"}]
EITHER = {"cpu", "maxUnavailable"}
"""Fields of the official manifest that hold a number or a text."""


def places(value: Any, path: Path_ = ()) -> list[Path_]:
    found = [path] if path else []
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(part, (*path, key))
    return found


def replaced(whole: Object, path: Path_, value: Any) -> Object:
    def put(copy: Object) -> None:
        holder: Any = copy
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value

    return changed(whole, put)


@pytest.mark.parametrize("path", [path for path in places(stock()) if path[0] in {"metadata", "spec"}], ids=dotted)
def test_a_value_of_another_kind_is_told_wherever_it_is(path: Path_) -> None:
    here = at(stock(), *path)
    for other in OTHER_KINDS:
        if kind_of(other) is kind_of(here) or (path[-1] in EITHER and isinstance(other, str | int)):
            continue
        broken = replaced(stock(), path, other)
        verdict = evaluated(change_of("DaemonSet", broken, source=Source("x.yaml")))
        told = {finding.rule for finding in verdict.findings if finding.level == "deny"}
        assert told & {"POD-012", "ENV-002", "ENV-006"}, other
        about = [f for f in verdict.findings if f.rule == "POD-012" and path[: len(f.problem.path)] == f.problem.path]
        assert len(about) <= 1
        assert verdict.errors == ()


def test_null_is_of_every_kind() -> None:
    for path in places(stock()):
        if path[0] == "spec" and path[-1] not in {"name", 0, 1}:
            assert not found(replaced(stock(), path, None)), path


def test_the_shapes_are_those_of_kubernetes() -> None:
    seen: dict[str, dict[str, str]] = {}
    waiting = [shapes.ROOT]
    while waiting:
        if (name := waiting.pop()) not in seen:
            model = getattr(models, name)
            kinds = {model.attribute_map[key]: spelled(key, kind) for key, kind in model.openapi_types.items()}
            seen[name] = {key: kind for key, kind in kinds.items() if (name, key) not in NOT_READ}
            waiting += [part for kind in seen[name].values() if hasattr(models, part := kind.lstrip("[]{}"))]
    assert seen == {name: dict(fields) for name, fields in shapes.TYPES.items()}


NOT_READ = {("V1DaemonSet", "status"), ("V1ObjectMeta", "managedFields")}
QUANTITIES = {"limits", "requests", "size_limit", "divisor", "overhead"}
SPELLED = {"str": "text", "datetime": "text", "int": "int", "bool": "bool", "object": "int-or-text"}


def spelled(key: str, kind: str) -> str:
    """A kind as the table has it; the models do not tell a quantity from a text."""
    if of_list := re.fullmatch(r"[Ll]ist\[(.*)\]", kind):
        return f"[]{spelled(key, of_list[1])}"
    if of_mapping := re.fullmatch(r"[Dd]ict[\[(]str, (.*)[\])]", kind):
        return f"{{}}{spelled(key, of_mapping[1])}"
    return "quantity" if key in QUANTITIES and kind in {"str", "object"} else SPELLED.get(kind, kind)


@pytest.mark.parametrize("whole", [stock(), ENICONFIG], ids=["DaemonSet", "ENIConfig"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", "app:x"),
        ("labels", ["app"]),
        ("labels", {"app": 5}),
        ("labels", {"app": True}),
        ("labels", {"app": "a b"}),
        ("labels", {"app": "aws-node name:aws-node"}),
        ("labels", {"app": "-a"}),
        ("labels", {"app": "a" * 64}),
        ("labels", {"a b": "x"}),
        ("labels", {"A_/x": "x"}),
        ("labels", {"Example.com/x": "x"}),
        ("labels", {"a/b/c": "x"}),
        ("labels", {"": "x"}),
        ("annotations", "a:b"),
        ("annotations", {"a": 5}),
        ("annotations", {"a": {"b": "c"}}),
        ("annotations", {"a b": "x"}),
        ("finalizers", "x"),
        ("ownerReferences", {"name": "x"}),
    ],
)
def test_metadata_that_is_refused(whole: Object, field: str, value: Any) -> None:
    (message,) = found(changed(whole, lambda copy: copy["metadata"].update({field: value})))
    assert f"metadata.{field}" in message


@pytest.mark.parametrize("whole", [stock(), ENICONFIG], ids=["DaemonSet", "ENIConfig"])
def test_metadata_that_is_taken(whole: Object) -> None:
    taken: Object = {
        "labels": {"app": "", "a.b/C_d": "E.f-g", "x" * 63: "y" * 63},
        "annotations": {"Example.com/X": "any text: {}", "a": ""},
        "creationTimestamp": None,
        "finalizers": [],
        "unknown": 5,
    }
    assert not found(changed(whole, lambda copy: copy["metadata"].update(taken)))


@pytest.mark.parametrize("namespace", ["kube_system", "Kube-System", "a.b", "-a", "a" * 64, "kube-system x:y", 5, []])
def test_a_namespace_that_cannot_exist(namespace: Any) -> None:
    metadata = {"name": "aws-node", "namespace": namespace}
    (message,) = found(with_metadata(stock(), metadata) | {"metadata": metadata})
    assert "metadata.namespace" in message


@pytest.mark.parametrize(
    "fields",
    [
        {"resources": {"limits": {"cpu": 1, "memory": 1.5}, "requests": {"cpu": "1"}}},
        {"ports": [{"containerPort": 61678.0}]},
        {"livenessProbe": {"httpGet": {"port": "metrics"}}},
        {"readinessProbe": {"httpGet": {"port": 61678}}},
        {"command": [], "args": None},
    ],
)
def test_values_that_the_api_server_reads_in_more_than_one_way(fields: Object) -> None:
    assert not found(changed(stock(), lambda whole: pod(whole)["containers"][0].update(fields)))


BROKEN = {
    "metadata": "metadata:\n  name:aws-node\n  namespace:kube-system\n",
    "flow": "metadata: {name:aws-node, namespace: kube-system}\n",
    "list": "metadata:\n  - name: aws-node\n  - namespace: kube-system\n",
    "swallowed": "metadata:\n  namespace: kube-system\n    name:aws-node\n",
    "nameless": "metadata:\n  namespace: kube-system\n",
    "quoted": "metadata:\n  name:'aws-node'\n",
    "capitals": "metadata: {name: AWS_Node, namespace: kube-system}\n",
    "prefix": "metadata: {generateName: AWS_, namespace: kube-system}\n",
    "number": "metadata: {name: 5}\n",
    "no-namespace": "metadata: {name: aws-node, namespace: kube_system}\n",
    "no-namespace-either": "metadata: {name: aws-node, namespace: Kube-System}\n",
    "namespace-of-two": "metadata: {name: aws-node, namespace: [kube-system]}\n",
}
PODS = {
    "mirror": "spec: {selector: {}, template: {spec: {containers: [{name: aws-node, image: 'registry.corp/cni:v1'}]}}}",
    "no-selector": "spec: {template: {spec: {containers: [{name: aws-node, image: 'registry.corp/cni:v1'}]}}}",
    "mapping": "spec: {template: {spec: {containers: {name: aws-node, image: 'registry.corp/cni:v1'}}}}",
    "agent": "spec: {template: {spec: {containers: [{name: aws-eks-nodeagent, image: 'registry.corp/npa:v1'}]}}}",
    "init": "spec: {template: {spec: {initContainers: [{name: aws-vpc-cni-init, image: 'registry.corp/init:v1'}]}}}",
    "by-name": "spec: {selector: {}, template: {spec: {containers: {aws-node: {image: 'registry.corp/cni:v1'}}}}}",
    "texts": "spec: {selector: {}, template: {spec: {containers: ['name:aws-node image:registry.corp/cni:v1']}}}",
    "text": "spec: {selector: {}, template: {spec: {containers: 'name:aws-node image:registry.corp/cni:v1'}}}",
    "flow": "spec: {selector: {}, template: {spec: {containers: [{name:aws-node, image:registry.corp/cni:v1}]}}}",
    "image": "spec: {selector: {}, template: {spec: {containers: 'name:x image:registry.corp/amazon-k8s-cni:v1'}}}",
}
NAMED = "metadata: {name: aws-node, namespace: kube-system}\n"
FILES = {f"{name}-{pod}": text + spec for name, text in BROKEN.items() for pod, spec in PODS.items()} | {
    "mapping": NAMED + PODS["mapping"],
    "spec": NAMED + "spec: template:x",
    "spec-alone": NAMED + "spec: selector:x\n",
    "template": NAMED + "spec: {template: 'spec:x'}",
    "pod": NAMED + "spec: {template: {spec: [{containers: []}]}}",
    "metadata-alone": BROKEN["metadata"],
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_check_tells_whatever_the_file_hides_of_aws_node(text: str, tmp_path: Path) -> None:
    file = tmp_path / "aws-node.yaml"
    file.write_text(f"apiVersion: apps/v1\nkind: DaemonSet\n{text}\n")
    reading = read([str(file)], None)
    (change,) = reading.changes
    assert reading.unread == ()
    verdict = evaluated(change)
    assert "POD-012" in {finding.rule for finding in verdict.findings if finding.level == "deny"}
    assert verdict.errors == ()


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
