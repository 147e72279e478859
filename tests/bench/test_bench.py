"""The benchmark runs, and shows every figure; how large they are is no test's business."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import client
from tests.bench.client import BenchError
from tests.bench.figures import p50, p99, table
from tests.bench.served import GUARD, Served, Tls

ROOT = Path(__file__).parents[2]
SECONDS = 180


@pytest.mark.usefixtures("programs")
def test_all_rows_and_aims_are_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    rows = [line[:3] for line in lines if line[:1] in (["validate"], ["mutate"])]
    assert sorted(rows) == sorted(
        [door, operation, clients]
        for door in ("validate", "mutate")
        for operation in ("CREATE", "UPDATE")
        for clients in ("1", "8", "32")
    )
    for first in ("none", "empty", "guard", "CREATE", "UPDATE"):
        assert sum(line[:1] == [first] for line in lines) == 1
    assert sum(line[-1:] in (["yes"], ["NO"]) for line in lines) == 7
    assert not list(tmp_path.iterdir())


def test_a_wrong_answer_ends_it(tmp_path: Path) -> None:
    tls = Tls.made_in(tmp_path)
    with Served(GUARD, tls, tmp_path / "log") as server:
        job = client.Job(server.port, server.worker, str(tls.ca), client.post("/validate", b"{}"), 1, 0.01)
        with pytest.raises(BenchError, match=r"HTTP/1\.1 400"):
            client.run(job)


def test_figures_and_tables() -> None:
    values = [float(value) for value in range(101)]
    assert (p50(values), p99(values)) == (50, 99)
    assert table(("a b", "c"), [["one", "2"]]) == "a    c\nb\n---  -\none  2"
