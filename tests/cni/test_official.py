"""The command that writes the row of a release, and what the tool makes of a release with that row."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.changes import evaluated
from tests.cni.crd import crd
from tests.cni.official import daemonset_of, documents, main, row_of, written
from webhook.catalogue.examples import container
from webhook.cni.identity import change_of
from webhook.cni.releases import FIRST_WITH_MANIFEST, RELEASES, Release, check
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.cni.version import Version

LAST = RELEASES[-1]
FOLLOWING = LAST.version._replace(minor=LAST.version.minor + 1, patch=0)
ROWS = [row for row in RELEASES if row.version >= FIRST_WITH_MANIFEST and not row.deploys]


def download(folder: Path, *found: Any) -> Path:
    path = folder / "aws-k8s-cni.yaml"
    path.write_text(yaml.safe_dump_all([crd(), *found]), encoding="utf-8")
    return path


def following(folder: Path) -> Path:
    """The official manifest of a release that is not in the tables and changes only its number."""
    return download(folder, yaml.safe_load(yaml.safe_dump(stock()).replace(str(LAST.version), str(FOLLOWING))))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.version))
def test_the_command_writes_the_row_of_every_release(
    row: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(download(tmp_path, stock(row.version)))]) == 0
    assert capsys.readouterr() == (f"{written(row)}\n", "")


def test_the_command_as_it_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.cni.official", str(following(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f'release("{FOLLOWING}", agent="{LAST.agent}", manifest="')
    assert done.stdout.endswith('", recommended=True),\n')


def test_the_tool_accepts_the_manifest_of_a_release_that_is_one_more_row(tmp_path: Path) -> None:
    official = daemonset_of(following(tmp_path))
    row = row_of(official)
    check([*RELEASES, row])
    tables = replace(KNOWN, releases=(*RELEASES, row))
    for change in (change_of("DaemonSet", official), change_of("DaemonSet", official, stock(), "UPDATE")):
        verdict = evaluated(change, tables=tables)
        assert (verdict.findings, verdict.errors) == ((), ())
    assert {one.rule for one in evaluated(change_of("DaemonSet", official)).findings} == {"VER-009"}


def test_the_official_probe_of_a_release_that_is_one_more_row(tmp_path: Path) -> None:
    official = daemonset_of(following(tmp_path))
    tables = replace(KNOWN, releases=(*RELEASES, row_of(official)))
    probe = container(official, "aws-node").pop("livenessProbe")
    verdict = evaluated(change_of("DaemonSet", official), tables=tables)
    assert [fix.value for one in verdict.findings for fix in one.problem.fixes] == [probe]
    assert verdict.errors == ()


def test_the_command_names_what_the_release_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = stock()
    main_container = container(changed, "aws-node")
    main_container["env"][0]["value"] = "x"
    main_container["env"].append({"name": "NEW", "value": "1"})
    main_container["securityContext"]["capabilities"]["add"].append("BPF")
    path = download(tmp_path, changed)
    assert main([str(path)]) == 1
    here = f"{path}: spec.template.spec.containers[aws-node]"
    assert capsys.readouterr().err.splitlines() == [
        f'{here}.env[ADDITIONAL_ENI_TAGS].value: "x" in the manifest, "{{}}" by the tables',
        f'{here}.env[NEW]: {{"name": "NEW", "value": "1"}} in the manifest, absent by the tables',
        f'{here}.securityContext.capabilities.add[2]: "BPF" in the manifest, absent by the tables',
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"a: [", "did not find expected node content"),
        (b"\xff", "codec can't decode"),
        (b"404: Not Found", "it has 0 DaemonSets named aws-node"),
        (b"kind: DaemonSet\nmetadata: []\n", "it has 0 DaemonSets named aws-node"),
        (b"kind: DaemonSet\nmetadata: {name: aws-node}\n", "the image of container aws-node has no release as its tag"),
        (yaml.safe_dump(stock()).replace(f"v{LAST.version}", "v1.8.0").encode(), "no manifest is known for 1.8.0"),
    ],
)
def test_what_is_not_an_official_manifest(
    content: bytes | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "aws-k8s-cni.yaml"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{path}: ")
    assert reason in err
    assert len(err.splitlines()) == 1


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main([]), main(["--help"])) == (2, 2)
    assert "usage: python -m tests.cni.official FILE" in capsys.readouterr().err


def test_other_documents_are_skipped(tmp_path: Path) -> None:
    assert [one["kind"] for one in documents(download(tmp_path, stock(), None), "DaemonSet")] == ["DaemonSet"]
    assert row_of(stock(LAST.version)).version == Version.of(str(LAST.version))
