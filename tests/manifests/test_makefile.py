"""`make test PYTHON=…`: another Python is found where it is, and told clearly where it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manifests.rendered import ROOT

ABSENT = "python3.99"


def environment(**more: str) -> dict[str, str]:
    """Ours, without what a make that runs these tests hands down."""
    return {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "CI"}} | more


@pytest.mark.parametrize("target", ["test", "test-unit"])
@pytest.mark.parametrize(("ci", "ending", "passes"), [("", "skipped", True), ("true", "CI=true requires it", False)])
def test_a_python_that_is_not_installed(target: str, ci: str, ending: str, passes: bool) -> None:
    command = ["make", "--no-print-directory", target, f"PYTHON={ABSENT}"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(CI=ci), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode == 0) == passes
    assert done.stdout.splitlines() == [f"make {target}: {ABSENT} is not installed on this machine: {ending}"]


def refusing(folder: Path, name: str) -> None:
    """A wrapper on PATH that knows the name and does not run it."""
    folder.mkdir(parents=True)
    (folder / name).write_text("#!/bin/sh\nexit 127\n")
    (folder / name).chmod(0o755)


def find(name: str, path: str) -> tuple[int, str]:
    command: list[str | Path] = [ROOT / ".ci" / "find-python", name]
    done = subprocess.run(command, env=environment(PATH=path), capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout.strip()


def test_a_python_behind_a_wrapper_is_found_beside_the_default_one(tmp_path: Path) -> None:
    """Versions side by side: 3.11.1/bin/python3 is the default, 3.98.1/bin/python3.98 the one that is wanted."""
    refusing(tmp_path / "wrappers", "python3.98")
    default, wanted = tmp_path / "3.11.1" / "bin", tmp_path / "3.98.1" / "bin"
    for folder, name, text in (
        (default, "python3", f'#!/bin/sh\nexec "{sys.executable}" -c "print({str(tmp_path)!r})"\n'),
        (wanted, "python3.98", "#!/bin/sh\nexit 0\n"),
    ):
        refusing(folder, name)
        (folder / name).write_text(text)
    path = os.pathsep.join([str(tmp_path / "wrappers"), str(default), os.defpath])
    assert find("python3.98", path) == (0, str(wanted / "python3.98"))
    assert find("python3.97", path) == (1, "")
    assert find(sys.executable, path) == (0, sys.executable)
