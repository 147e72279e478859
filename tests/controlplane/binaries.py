"""Where the programs of a control plane are."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane import toolchain
from tests.controlplane.build import PROGRAMS, STAGES, build, digest
from tests.controlplane.progress import Progress, UnavailableError, on_stderr

__all__ = ["Binaries", "UnavailableError", "binaries", "cache"]


@dataclass(frozen=True)
class Binaries:
    """The paths of all that a cluster is started from."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    kwok: Path
    stages: Path
    kubectl: Path


def binaries(progress: Progress = on_stderr) -> Binaries:
    """Find the programs in KUBEBUILDER_ASSETS, else in the cache, where the missing ones are built once.

    Raises:
        UnavailableError: they are not here, and can not be built.

    """
    if sys.platform != "linux":
        raise UnavailableError("a control plane needs Linux here: each one has loopback addresses of its own")
    wanted = [*PROGRAMS, STAGES]
    missing = [name for name in wanted if not _in_assets(name)]
    built = cache()
    if not all((built / name).exists() for name in missing):
        build(missing, built, progress)
    paths = {name: _in_assets(name) or built / name for name in wanted}
    return Binaries(
        etcd=paths["etcd"],
        kube_apiserver=paths["kube-apiserver"],
        kube_controller_manager=paths["kube-controller-manager"],
        kube_scheduler=paths["kube-scheduler"],
        kwok=paths["kwok"],
        stages=paths[STAGES],
        kubectl=_in_assets("kubectl") or toolchain.kubectl(progress),
    )


def cache() -> Path:
    """Name the folder where programs are built, one for each state of go.mod."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "cni-guard", "controlplane", digest())


def _in_assets(name: str) -> Path | None:
    """Look where users of envtest keep their programs."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    file = Path(folder, name) if folder else None
    return file if file and file.is_file() else None
