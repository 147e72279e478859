"""The snapshot of the server: read again when it changes, dropped when it does not load or is too old."""

import json
import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.changes import review
from tests.server.conftest import Serve, Served, until
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.facts import NOTHING_KNOWN, Fact, Facts
from webhook.facts.files import write_file
from webhook.facts.snapshot import Snapshot, encode
from webhook.followed import FollowedFacts

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD = review(change_of("DaemonSet", stock("1.11.5")))
"""This release does not run on Kubernetes 1.26 and later."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the snapshot lies."""
    return tmp_path / "snapshot.json"


def write(file: Path, taken: datetime, minor: int = 33) -> None:
    known = Facts(kubernetes=Fact((1, minor), "cluster"))
    write_file(file, encode(Snapshot.of(known, taken)))


def is_denied(served: Served) -> bool:
    response = served.review(json.loads(OLD))
    return "Kubernetes 1.26" in json.dumps(response.get("status", {}))


def facts(served: Served) -> Any:
    answered = served.request("GET", "/readyz")
    assert answered.status == 200
    return answered.json["facts"]


def age(served: Served) -> float:
    return served.metric("cni_guard_facts_age_seconds")


def test_facts_are_followed(serve: Serve, file: Path) -> None:
    served = serve("--facts", str(file))
    assert not is_denied(served)
    assert facts(served)["refusal"] == "No such file or directory"
    assert math.isinf(age(served))
    write(file, datetime.now(UTC) - timedelta(minutes=1))
    until(lambda: is_denied(served), "the facts")
    assert 60 <= age(served) < 90
    assert (facts(served)["stale"], facts(served)["refusal"]) == (False, None)
    write(file, datetime.now(UTC), minor=25)
    until(lambda: not is_denied(served), "the other version of Kubernetes")
    assert age(served) < 30
    file.write_bytes(encode(Snapshot.of(NOTHING_KNOWN, datetime.now(UTC)))[:50])
    until(lambda: facts(served)["refusal"], "the refusal of the damaged file")
    assert facts(served)["refusal"].startswith("the snapshot is damaged or incomplete: ")
    assert math.isinf(age(served))
    reasons = [line["reason"] for line in served.logged("facts not loaded")]
    assert [reason.partition(":")[0] for reason in reasons] == [
        "No such file or directory",
        "the snapshot is damaged or incomplete",
    ]


def test_old_facts_are_not_used(serve: Serve, file: Path) -> None:
    served = serve("--facts", str(file))
    write(file, datetime.now(UTC) - timedelta(minutes=9, seconds=50))
    until(lambda: is_denied(served), "the facts")
    until(lambda: not is_denied(served), "the end of the ten minutes")
    assert facts(served)["stale"] is True
    assert 600 <= age(served) < 660
    assert len(served.logged("facts are too old and no longer used")) == 1
    write(file, datetime.now(UTC))
    until(lambda: is_denied(served), "fresh facts")


def test_a_new_policy_keeps_the_facts(serve: Serve, file: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("mode: enforce\n")
    write(file, datetime.now(UTC))
    served = serve("--facts", str(file), "--policy", str(policy))
    assert is_denied(served)
    policy.write_text("mode: enforce\ncluster: {name: prod}\n")
    until(lambda: len(served.logged("policy loaded")) == 2, "the new policy")
    assert is_denied(served)


def test_without_facts_nothing_is_said(served: Served) -> None:
    assert facts(served) is None
    assert "facts_age" not in served.request("GET", "/metrics").text


def test_an_unchanged_file_is_read_once(file: Path) -> None:
    write(file, NOW)
    followed = FollowedFacts(file)
    followed.look(NOW)
    seen = file.stat().st_mtime_ns
    content = file.read_bytes()
    file.write_bytes(b"x" * len(content))
    os.utime(file, ns=(seen, seen))
    followed.look(NOW)
    assert (followed.refusal, followed.age(NOW)) == ("", timedelta(0))


def test_a_changed_file_is_read_again(file: Path) -> None:
    followed = FollowedFacts(file)
    for minor in (33, 34):
        write(file, NOW, minor)

        def is_read(expected: int = minor) -> bool:
            followed.look(NOW)
            return followed.facts.kubernetes is not None and followed.facts.kubernetes.value == (1, expected)

        until(is_read, "the new content")
