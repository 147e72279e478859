"""The generated manifests against the official ones, and against the tables that they come from."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from webhook.cni.agents import PAIRS, health_address
from webhook.cni.images import parse_image
from webhook.cni.releases import RELEASES
from webhook.cni.stock import DEPLOYS, NEWEST, crd, stock
from webhook.cni.variables import by_name
from webhook.cni.version import Version, parse_tag

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "aws-node"
FIRST = Version(1, 9, 0)
KNOWN = [version for version in RELEASES if version >= FIRST]


def plain(value: Any) -> Any:
    """Drop what the API server drops: nulls and empty mappings."""
    if isinstance(value, dict):
        kept = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {})}
    return [plain(item) for item in value] if isinstance(value, list) else value


def documents(path: Path, kind: str) -> list[dict[str, Any]]:
    found = yaml.load_all(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [document for document in found if document and document["kind"] == kind]


def official() -> list[Path]:
    return sorted(path for path in FIXTURES.glob("v*.yaml") if Version.of(release_of(path)) >= FIRST)


def release_of(path: Path) -> str:
    return re.sub(r"^v|-cn$", "", path.stem)


DIGESTS = """
    1.9.0 703a486265b0    1.9.1 feb4254f3cc8    1.9.3 fda6b35d5080    1.10.0 984c5e325494   1.10.1 d4bb67bd0afb
    1.10.2 d917988cdd8d   1.10.3 fe71048f852d   1.10.4 2b678fa63dc2   1.11.0 fadb18a501d9   1.11.2 96858ba7ee9c
    1.11.3 9c7dc6bb98e3   1.11.4 b84ac1179c31   1.11.5 25f1ef3cfa30   1.12.0 77f9c445ff6c   1.12.1 4aedfa85a7a2
    1.12.2 e780c386896c   1.12.5 11ea2dca2095   1.12.6 fcfb4502a425   1.13.0 97d3b32a7c67   1.13.2 f082f1e033a1
    1.13.3 17c5253aa643   1.13.4 721df0f8e1f1   1.14.0 a18cf0ed5206   1.14.1 2cab9e462b72   1.15.0 02d5bce81e0b
    1.15.1 2dbfd32d8205   1.15.3 b7415b4f8ed4   1.15.4 95d95583dc71   1.15.5 11c666823eb7   1.16.0 649954dacfb6
    1.16.2 d3a4c8c3a402   1.16.3 effbd08b5c9c   1.16.4 995411d680ab   1.17.1 7c2186756913   1.18.0 253fc457ccd2
    1.18.1 191a39b982b6   1.18.2 1839a87b4a82   1.18.3 59f698c17b46   1.18.4 610bfab13c86   1.18.5 7f9d87fb4913
    1.18.6 5617d9667bcf   1.19.0 571752090536   1.19.2 bc9d10a97d9c   1.19.3 30fd37d8fff1   1.19.4 02181bf72271
    1.19.5 7c12bf63571b   1.19.6 a264b9b80335   1.20.0 708ac7bfc692   1.20.1 d2b9cf327ed4   1.20.2 f770ab2889ec
    1.20.3 1cbd04fe7251   1.20.4 b37a2ee802b9   1.20.5 8e392c7b7eb6   1.21.0 04d838230518   1.21.1 dc8c2098f24d
    1.21.2 5436a0e5c267   1.22.0 dc8c2098f24d   1.22.1 418f9a9fc240   1.22.2 003f755b0e0c   1.22.3 eb14ea09519b
    1.22.4 d638a5b23cc4   1.23.0 bf704e18b0d4   1.23.1 5ea652888785
"""
"""Releases and the digests of their official DaemonSets, taken from the tags of aws/amazon-vpc-cni-k8s."""


def digest(value: Any) -> str:
    canonical = json.dumps(plain(value), sort_keys=True).encode()
    return hashlib.sha256(canonical).hexdigest()[:12]


def test_every_manifest_is_the_official_one() -> None:
    words = DIGESTS.split()
    official_digests = dict(zip(words[::2], words[1::2], strict=True))
    assert {str(version): digest(stock(version)) for version in KNOWN} == official_digests


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


@pytest.mark.parametrize("version", KNOWN, ids=str)
def test_every_release_has_a_manifest_that_fits_together(version: Version) -> None:
    deployed = DEPLOYS.get(version, version)
    found = containers(stock(version))
    expected = {"aws-node": deployed, "aws-vpc-cni-init": deployed}
    if deployed in PAIRS:
        expected["aws-eks-nodeagent"] = PAIRS[deployed]
    assert {name: tag_of(container["image"]) for name, container in found.items()} == expected
    volumes = {volume["name"] for volume in stock(version)["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for container in found.values() for mount in container["volumeMounts"]} == volumes
    for probe in ("livenessProbe", "readinessProbe"):
        assert f"-addr={health_address(deployed)}" in found["aws-node"][probe]["exec"]["command"]


def tag_of(image: str) -> Version | None:
    parsed = parse_image(image)
    tag = parse_tag(parsed.tag) if parsed and parsed.tag else None
    return tag.version if tag else None


@pytest.mark.parametrize("version", KNOWN, ids=str)
def test_no_manifest_names_a_variable_that_its_release_does_not_know(version: Version) -> None:
    deployed = DEPLOYS.get(version, version)
    for name, container in containers(stock(version)).items():
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
