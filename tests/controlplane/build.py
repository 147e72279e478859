"""Builds the programs of `go/go.mod` into a folder, each once, however many processes ask for it."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.controlplane import toolchain
from tests.controlplane.progress import Progress, UnavailableError

# Program → its package, and how long it takes on two cores: what they share is compiled once, with the first.
PROGRAMS = {
    "etcd": ("go.etcd.io/etcd/server/v3", "1 minute"),
    "kube-apiserver": ("k8s.io/kubernetes/cmd/kube-apiserver", "4 minutes"),
    "kube-controller-manager": ("k8s.io/kubernetes/cmd/kube-controller-manager", "1 minute"),
    "kube-scheduler": ("k8s.io/kubernetes/cmd/kube-scheduler", "10 seconds"),
    "kwok": ("sigs.k8s.io/kwok/cmd/kwok", "20 seconds"),
}
STAGES = "kwok-stages.yaml"  # what kwok simulates: nodes and pods that become Ready at once
SECONDS_BETWEEN_MESSAGES = 10


def digest() -> str:
    """Name what would be built: another go.mod is another set of programs."""
    files = [toolchain.MODULE / "go.mod", toolchain.MODULE / "go.sum"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def build(names: Iterable[str], folder: Path, progress: Progress) -> None:
    """Build those of the named files that the folder lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / ".lock", progress):
        missing = [name for name in names if not (folder / name).exists()]
        if not missing:
            return
        go = toolchain.go(progress)
        for name in missing:
            new = folder / f".{name}.new"
            if name == STAGES:
                _collect_stages(go, new)
            else:
                _compile(go, name, new, progress)
            new.replace(folder / name)


@contextmanager
def _locked(file: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock; the kernel releases it when its holder dies."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another process builds the control plane: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compile(go: Path, name: str, target: Path, progress: Progress) -> None:
    """Run `go build`, and tell every few seconds that it still runs."""
    package, duration = PROGRAMS[name]
    command: list[str | Path] = [go, "build", "-ldflags", _linker_flags(), "-o", target, package]
    began = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, cwd=toolchain.MODULE, env=_environment(), stdout=log, stderr=log) as process,
    ):
        try:
            while not _ended(process):
                progress(f"building {name} (about {duration}, once) … {time.monotonic() - began:.0f} s")
        except BaseException:
            process.terminate()
            raise
        if process.returncode:
            log.seek(0)
            raise UnavailableError(f"{name} can not be built: {_last_word(log.read())}")
    progress(f"built {name} in {time.monotonic() - began:.0f} seconds")


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Wait a few seconds for the end of the process."""
    try:
        process.wait(SECONDS_BETWEEN_MESSAGES)
    except subprocess.TimeoutExpired:
        return False
    return True


def _last_word(output: str) -> str:
    """Take the line in which Go says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if not line.startswith("go: downloading")]
    return lines[-1] if lines else "go said nothing"


def _environment() -> dict[str, str]:
    """Take the user's environment, where he says how to reach modules, without what would change the result."""
    ours = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -trimpath", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {name: value for name, value in os.environ.items() if name not in {"GOROOT", "GOOS", "GOARCH"}} | ours


def _linker_flags() -> str:
    """Strip the programs, and give them the version that Kubernetes' own build would: kubectl looks at it."""
    required = re.search(r"\sk8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)", (toolchain.MODULE / "go.mod").read_text())
    assert required, "go.mod does not require k8s.io/kubernetes"
    version = zip(("gitVersion", "gitMajor", "gitMinor"), required.groups(), strict=True)
    return " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in version)])


def _collect_stages(go: Path, target: Path) -> None:
    """Join kwok's own stages into one file: they belong to its release, so they come from its module."""
    command: list[str | Path] = [go, "mod", "download", "-json", "sigs.k8s.io/kwok"]
    answer = subprocess.run(
        command, cwd=toolchain.MODULE, env=_environment(), capture_output=True, text=True, check=False
    )
    module = json.loads(answer.stdout or "{}")
    if "Dir" not in module:
        raise UnavailableError(
            f"the stages of kwok are not to be had: {module.get('Error') or _last_word(answer.stderr)}"
        )
    folder = Path(module["Dir"], "kustomize", "stage")
    files = [
        file
        for kind in ("node", "pod")
        for file in sorted((folder / kind / "fast").glob("*.yaml"))
        if file.name != "kustomization.yaml"
    ]
    target.write_text("".join(f"---\n{file.read_text()}" for file in files))
