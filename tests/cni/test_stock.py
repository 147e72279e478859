"""The generated manifests against the official ones, and against the tables that they come from."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cni.crd import crd
from tests.cni.official import digest, documents, plain
from webhook.cni.agents import health_address
from webhook.cni.images import parse_image
from webhook.cni.releases import RELEASES, Release
from webhook.cni.stock import NEWEST, stock
from webhook.cni.variables import by_name
from webhook.cni.version import Version, parse_tag

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "aws-node"
FIRST = Version(1, 9, 0)
ROWS = [row for row in RELEASES if row.version >= FIRST]


def official() -> list[Path]:
    return sorted(path for path in FIXTURES.glob("v*.yaml") if Version.of(release_of(path)) >= FIRST)


def release_of(path: Path) -> str:
    return re.sub(r"^v|-cn$", "", path.stem)


def test_every_manifest_is_the_official_one() -> None:
    assert {row.version: digest(stock(row.version)) for row in ROWS} == {row.version: row.manifest for row in ROWS}


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the official manifests are not beside the project")
def test_there_are_official_manifests() -> None:
    assert official()


@pytest.mark.parametrize("path", official(), ids=lambda path: path.stem)
def test_equals_the_official_manifest(path: Path) -> None:
    (expected,) = documents(path, "DaemonSet")
    region = "cn-northwest-1" if path.stem.endswith("-cn") else "us-west-2"
    assert plain(stock(release_of(path), region=region)) == plain(expected)


def typed() -> list[Path]:
    """List the manifests whose CRD has a schema."""
    return [path for path in official() if Version.of(release_of(path)) >= Version(1, 18, 4)]


@pytest.mark.parametrize("path", typed(), ids=lambda path: path.stem)
def test_the_crd_is_the_official_one(path: Path) -> None:
    name = crd()["metadata"]["name"]
    (expected,) = [found for found in documents(path, "CustomResourceDefinition") if found["metadata"]["name"] == name]
    ours, theirs = crd()["spec"], expected["spec"]
    assert (ours["group"], ours["scope"], ours["names"]) == (theirs["group"], theirs["scope"], theirs["names"])
    ours_typed, theirs_typed = (part["versions"][0]["schema"]["openAPIV3Schema"] for part in (ours, theirs))
    key = "x-kubernetes-preserve-unknown-fields"
    assert ours_typed[key] is theirs_typed[key] is True
    for field in ("required", "properties", "type"):
        assert ours_typed["properties"]["spec"][field] == theirs_typed["properties"]["spec"][field]


def containers(daemonset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    spec = daemonset["spec"]["template"]["spec"]
    return {container["name"]: container for container in [*spec["initContainers"], *spec["containers"]]}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.version))
def test_every_release_has_a_manifest_that_fits_together(row: Release) -> None:
    version, deployed = row.version, row.deploys or row.version
    found = containers(stock(version))
    expected = {"aws-node": deployed, "aws-vpc-cni-init": deployed}
    if agent := next(one.agent for one in RELEASES if one.version == deployed):
        expected["aws-eks-nodeagent"] = agent
    assert {name: tag_of(container["image"]) for name, container in found.items()} == expected
    volumes = {volume["name"] for volume in stock(version)["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for container in found.values() for mount in container["volumeMounts"]} == volumes
    for probe in ("livenessProbe", "readinessProbe"):
        assert f"-addr={health_address(deployed)}" in found["aws-node"][probe]["exec"]["command"]


def tag_of(image: str) -> Version | None:
    parsed = parse_image(image)
    tag = parse_tag(parsed.tag) if parsed and parsed.tag else None
    return tag.version if tag else None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.version))
def test_no_manifest_names_a_variable_that_its_release_does_not_know(row: Release) -> None:
    deployed = row.deploys or row.version
    for name, container in containers(stock(row.version)).items():
        rows = [by_name(name)[entry["name"]] for entry in container["env"]]
        assert [row.name for row in rows if (row.since and row.since > deployed) or row.dead_in(deployed)] == []


def test_a_release_that_deploys_another_one() -> None:
    assert stock("1.22.0") == stock("1.21.1")


def test_the_newest_release_is_the_default() -> None:
    assert stock() == stock(NEWEST) == stock(f"v{NEWEST}") == stock(str(NEWEST))


def test_each_call_makes_a_new_object() -> None:
    stock()["spec"]["template"]["spec"]["containers"].clear()
    crd()["spec"]["versions"].clear()
    assert containers(stock())
    assert crd()["spec"]["versions"]


@pytest.mark.parametrize("version", ["1.8.0", "1.23.99", "1.19.1", "latest", "", Version(1, 7, 0), Version(9, 9, 9)])
def test_there_is_no_manifest_of_other_releases(version: Version | str) -> None:
    with pytest.raises(ValueError, match="no manifest is known"):
        stock(version)


def test_there_is_no_manifest_for_an_unknown_region() -> None:
    with pytest.raises(ValueError, match="no registry is known"):
        stock(region="us-west-9")
