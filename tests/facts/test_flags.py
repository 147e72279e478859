"""`--facts FILE` of the commands: the real command, on a rule that needs a fact."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.changes import review
from tests.test_cli import call, complained
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.facts import Fact, Facts
from webhook.facts.files import write_file
from webhook.facts.snapshot import Snapshot, encode

OLD = stock("1.11.5")
"""It does not run on Kubernetes 1.26 and later."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("aws-node.json").write_text(json.dumps(OLD))
    Path("review.json").write_bytes(review(change_of("DaemonSet", OLD)))


def taken(ago: timedelta) -> None:
    known = Facts(kubernetes=Fact((1, 33), "cluster"))
    write_file(Path("snapshot.json"), encode(Snapshot.of(known, datetime.now(UTC) - ago)))


def checked(*flags: str, complaint: str = "") -> dict[str, Any]:
    done = call("check", "-o", "json", *flags, "aws-node.json")
    assert done.stderr == complaint
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def denials(report: dict[str, Any]) -> list[str]:
    return [one["message"] for one in report["findings"] if one["rule"] == "VER-002" and "1.26" in one["message"]]


def test_check_evaluates_with_the_facts() -> None:
    taken(timedelta(minutes=1))
    assert not denials(checked())
    assert "VER-002" in {one["rule"] for one in checked()["skipped"]}
    report = checked("--facts", "snapshot.json")
    assert denials(report)
    assert "VER-002" not in {one["rule"] for one in report["skipped"]}


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=11), "11 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=3), "3 hours"),
        (timedelta(days=40), "40 days"),
    ],
    ids=str,
)
def test_check_uses_an_old_snapshot_and_says_its_age(ago: timedelta, words: str) -> None:
    taken(ago)
    line = f"cni-guard: --facts snapshot.json: the snapshot is {words} old; the webhook would not use it\n"
    assert denials(checked("--facts", "snapshot.json", complaint=line))


def test_review_answers_with_the_facts() -> None:
    taken(timedelta(minutes=1))
    with_facts = call("review", "--facts", "snapshot.json", "review.json")
    assert with_facts.stderr == ""
    assert "VER-002" in json.loads(with_facts.stdout)["response"]["status"]["message"]
    assert "VER-002" not in json.dumps(json.loads(call("review", "review.json").stdout)["response"].get("status", {}))


@pytest.mark.parametrize("command", ["check", "review"])
def test_a_snapshot_that_does_not_load_is_an_error_in_one_line(command: str) -> None:
    assert (
        complained(command, "aws-node.json", "--facts", "none.json") == "--facts none.json: No such file or directory"
    )
    taken(timedelta(minutes=1))
    whole = Path("snapshot.json").read_bytes()
    Path("snapshot.json").write_bytes(whole[: len(whole) // 2])
    line = complained(command, "aws-node.json", CNI_GUARD_FACTS="snapshot.json")
    assert line.startswith("--facts snapshot.json: the snapshot is damaged or incomplete: ")
    assert line.endswith("write it again with `cni-guard facts`")
