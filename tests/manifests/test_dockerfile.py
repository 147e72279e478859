"""The image, without a container engine: its files exist, and its steps build what runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manifests.rendered import ROOT
from webhook import __version__

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)


def copied() -> list[str]:
    return [name for line in instructions("COPY") if not line.startswith("--from") for name in line.split()[:-1]]


def test_both_stages_stand_on_one_pinned_image() -> None:
    images = {line.split()[0] for line in instructions("FROM")}
    assert len(images) == 1
    assert re.fullmatch(r"python:\$\{PYTHON\}-slim-\w+", images.pop())
    (version,) = instructions("ARG")
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+", version)


def test_no_other_file_names_the_version_of_the_image() -> None:
    (version,) = instructions("ARG")
    exact = version.partition("=")[2]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    named = [name for name in listed if exact in (ROOT / name).read_text(errors="ignore")]
    assert named in ([], ["Dockerfile"])


def test_what_it_copies_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in copied():
        assert (ROOT / name).exists(), name
        assert name.rstrip("/").partition("/")[0] in allowed, name


def test_it_runs_as_nobody_and_starts_the_command() -> None:
    assert instructions("USER") == ["65532:65532"]
    assert instructions("ENTRYPOINT") == ['["cni-guard"]']


@pytest.mark.xdist_group("image")
def test_its_steps_build_the_command(tmp_path: Path) -> None:
    """The steps of the first stage, in a folder of their own instead of a container."""
    source, target = tmp_path / "src", tmp_path / "opt"
    for name in copied():
        destination = source / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, destination)
    steps = [step for step in instructions("RUN") if "/opt/" in step]
    assert len(steps) == 4
    for step in steps:
        command = step.replace("/opt/", f"{target}/").replace("python -m venv", f"{sys.executable} -m venv")
        subprocess.run(["sh", "-ec", command], cwd=source, check=True, timeout=300)
    program = target / "cni-guard" / "bin" / "cni-guard"
    clean = {"PATH": os.defpath, "HOME": str(tmp_path)}
    done = subprocess.run([program, "version"], capture_output=True, text=True, check=True, env=clean, cwd=tmp_path)
    assert __version__ in done.stdout
    assert not program.with_name("pip").exists()
    python = program.with_name("python")
    subprocess.run([python, "-m", "certs", "--help"], check=True, capture_output=True, env=clean, cwd=tmp_path)
