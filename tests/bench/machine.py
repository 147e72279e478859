"""What it was measured on."""

import json
import os
import platform
import ssl
from importlib.metadata import version
from pathlib import Path

from tests.controlplane import Cluster

PACKAGES = ("cni-guard", "flask", "gunicorn", "gevent", "msgspec")


def described(cluster: Cluster | str) -> str:
    """Name machine, versions, and the API server, or the reason why there is none."""
    lines = [
        f"{os.cpu_count()} x {_processor()}, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}",
        ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]
    if isinstance(cluster, Cluster):
        release = json.loads(cluster.kubectl("get", "--raw=/version").stdout)["gitVersion"]
        lines.append(f"Kubernetes {release}; the reviews are those that its API server sent for kubectl")
    else:
        lines.append(f"WITHOUT an API server: {cluster}")
        lines.append("so the whole road is left out, and the reviews are the bare manifest, without managedFields")
    return "\n".join(lines)


def _processor() -> str:
    """Read the processor's name where Linux says it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def load() -> str:
    """Say how many programs wanted the machine in the last minute: others beside the benchmark spoil its figures."""
    return f"load average of the last minute: {os.getloadavg()[0]:.1f}"
