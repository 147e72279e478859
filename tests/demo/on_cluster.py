"""The walk on a real API server with three simulated nodes."""

import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.cni.crd import crd
from tests.controlplane import Cluster, binaries
from tests.controlplane.kubelet import Kubelet
from tests.demo import files
from tests.demo.road import BEFORE, DEAD, INSTALL, REMOVE, ROAD
from tests.demo.runner import Runner
from tests.demo.screen import say

NODES = 3


def walk(folder: Path, cluster: Cluster, stack: ExitStack) -> Counter[str]:
    """Let aws-node run in the cluster, install the guard, take the road, and pass the guard when it is dead."""
    names = cluster.nodes(NODES)
    cluster.apply(crd())
    files.write(folder)
    runner = Runner(folder, _programs(), _variables(cluster))
    say(f"Kubernetes {_version(cluster)} runs on this machine, with the nodes {', '.join(names)}.")
    runner.walk(BEFORE)
    home = cluster.folder / "guard"
    home.mkdir()
    kubelet = stack.enter_context(Kubelet(cluster, home))
    runner.walk(INSTALL)
    cluster.wait_for(lambda: _enforces(cluster), "the guard to enforce")
    say("\nFrom here on the API server asks the guard, over TLS, before it stores or deletes a DaemonSet of the CNI")
    say("or an ENIConfig.")
    runner.walk(ROAD)
    say("\nKilling every process of the guard, and keeping it down …")
    kubelet.kill_all()
    runner.walk(DEAD)
    kubelet.frozen = False
    runner.walk(REMOVE)
    return runner.counts


def _enforces(cluster: Cluster) -> bool:
    """Whether every replica has read the new policy: three refusals in a row."""
    bad = json.dumps(files.eniconfig(files.CIDR))
    tries = [cluster.kubectl("create", "--dry-run=server", "-f", "-", input=bad, check=False) for _ in range(3)]
    return all(done.returncode for done in tries)


def _programs() -> dict[str, Path]:
    return {"kubectl": binaries().kubectl.absolute(), "cni-guard": Path(sys.executable).with_name("cni-guard")}


def _variables(cluster: Cluster) -> dict[str, str]:
    """Keep kubectl away from the user's own configuration and clusters."""
    return {"KUBECONFIG": str(cluster.kubeconfig), "KUBECACHEDIR": str(cluster.folder / "kubectl"), "KUBERC": "off"}


def _version(cluster: Cluster) -> str:
    version: str = json.loads(cluster.kubectl("get", "--raw=/version").stdout)["gitVersion"]
    return version
