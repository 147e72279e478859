"""The walk on a real API server with three simulated nodes."""

import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.controlplane import Cluster, binaries
from tests.controlplane.guard import GuardProcess
from tests.demo import files
from tests.demo.road import BEFORE, ROAD
from tests.demo.runner import Runner
from tests.demo.screen import say
from webhook.cni.stock import crd

NODES = 3


def walk(folder: Path, cluster: Cluster, stack: ExitStack) -> Counter[str]:
    """Let aws-node run in the cluster, put the guard in front, and take the road."""
    names = cluster.nodes(NODES)
    cluster.apply(crd())
    files.write(folder)
    runner = Runner(folder, _programs(), _variables(cluster))
    say(f"Kubernetes {_version(cluster)} runs on this machine, with the nodes {', '.join(names)}.")
    runner.walk(BEFORE)
    _put_guard_in_front(cluster, stack)
    runner.walk(ROAD)
    return runner.counts


def _put_guard_in_front(cluster: Cluster, stack: ExitStack) -> None:
    say("\nStarting the guard …")
    home = cluster.folder / "guard"
    home.mkdir()
    guard = stack.enter_context(GuardProcess(cluster, home))
    guard.register()
    say("From here on the API server asks `cni-guard serve`, over TLS, before it stores or deletes")
    say("a DaemonSet of the CNI or an ENIConfig.")


def _programs() -> dict[str, Path]:
    return {"kubectl": binaries().kubectl.absolute(), "cni-guard": Path(sys.executable).with_name("cni-guard")}


def _variables(cluster: Cluster) -> dict[str, str]:
    """Keep kubectl away from the user's own configuration and clusters."""
    return {"KUBECONFIG": str(cluster.kubeconfig), "KUBECACHEDIR": str(cluster.folder / "kubectl"), "KUBERC": "off"}


def _version(cluster: Cluster) -> str:
    version: str = json.loads(cluster.kubectl("get", "--raw=/version").stdout)["gitVersion"]
    return version
