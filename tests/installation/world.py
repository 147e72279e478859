"""What tests of the installation do again and again."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.cni.crd import crd
from tests.controlplane import Cluster
from tests.controlplane.cluster import Completed
from tests.controlplane.kubelet import Kubelet
from webhook.cni.stock import stock

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
NAMESPACE = "cni-guard"
SECONDS = 60

BREAK_GLASS = ("system:masters", "cni-guard:break-glass")
"""The groups of the README's break-glass command."""

BAD_ENICONFIG = {
    "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
    "kind": "ENIConfig",
    "metadata": {"name": "bad"},
    "spec": {"subnet": "none"},
}
GOOD_ENICONFIG = BAD_ENICONFIG | {
    "metadata": {"name": "us-west-2a"},
    "spec": {"subnet": "subnet-0123456789abcdef0", "securityGroups": ["sg-0123456789abcdef0"]},
}


class World:
    """A cluster, the guard's pods in it, and words for what is done with them."""

    def __init__(self, kubelet: Kubelet) -> None:
        self.kubelet = kubelet
        self.cluster: Cluster = kubelet.cluster
        self.crd = crd()
        self.kubectl = self.cluster.kubectl

    # The guard

    def install(self, *flags: str, complete: bool = True) -> None:
        """`kubectl apply -k manifests`, and wait for the Job."""
        self.kubelet.frozen = False
        self.kubectl("apply", "-k", MANIFESTS, *flags)
        if complete:
            self.wait_for_job("complete")

    def wait_for_job(self, condition: str) -> None:
        """Wait until the install Job is complete or failed."""
        job = ("job/cni-guard-install", f"--namespace={NAMESPACE}", f"--timeout={SECONDS}s")
        self.kubectl("wait", f"--for=condition={condition}", *job, timeout=SECONDS + 10)

    def remove(self) -> None:
        """As the README says, and wait until nothing is left."""
        self.kubelet.frozen = False
        self.past_the_guard("delete", "-k", str(MANIFESTS), "--ignore-not-found", "--timeout=60s")
        self.past_the_guard("delete", "daemonset", "--all", "-n", "kube-system", "--ignore-not-found")
        self.past_the_guard("delete", "crd", "eniconfigs.crd.k8s.amazonaws.com", "--ignore-not-found")
        self.cluster.wait_for(lambda: not self.policies(), "the registration to be gone")

    def enforce(self, policy: str = "mode: enforce\n") -> None:
        """Another policy, and wait until the running guard has it."""
        patch = json.dumps({"data": {"policy.yaml": policy}})
        self.past_the_guard("patch", "configmap", "cni-guard-policy", "-n", NAMESPACE, "--type=merge", "-p", patch)

    def wait_for_refusals(self) -> None:
        """Wait until a bad ENIConfig is refused by each of two answers in a row."""

        def refused() -> bool:
            tries = [self.create(BAD_ENICONFIG, "--dry-run=server") for _ in range(3)]
            return all("ENIC-001" in done.stderr and done.returncode for done in tries)

        self.cluster.wait_for(refused, "the guard to refuse")

    def policies(self) -> dict[str, str]:
        """The failurePolicy of each entry that is registered, by kind and name."""
        found = {}
        for kind in ("validating", "mutating"):
            listed = json.loads(self.kubectl("get", f"{kind}webhookconfigurations", "-o", "json").stdout)["items"]
            for item in listed:
                for hook in item.get("webhooks", ()):
                    found[f"{kind} {item['metadata']['name']} {hook['name']}"] = hook["failurePolicy"]
        return found

    def decisions(self) -> list[dict[str, Any]]:
        """Every decision of every replica so far."""
        return [line for line in self.kubelet.logs() if line.get("message") == "decision"]

    # What users do

    def past_the_guard(self, *words: str, stdin: str | None = None) -> Completed:
        """kubectl as the break-glass command has it."""
        return self.kubectl(*words, input=stdin, as_user="admin", as_groups=BREAK_GLASS)

    def create(self, what: dict[str, Any], *flags: str, user: str | None = None) -> Completed:
        """`kubectl create -f`, whatever comes of it."""
        groups = ("system:masters",) if user else ()
        return self.kubectl(
            "create", "-f", "-", *flags, input=json.dumps(what), check=False, as_user=user, as_groups=groups
        )

    def apply(self, what: dict[str, Any], *flags: str) -> Completed:
        """`kubectl apply -f`, whatever comes of it."""
        return self.kubectl("apply", "-f", "-", *flags, input=json.dumps(what), check=False)

    def set_env(self, *values: str, user: str | None = None, groups: tuple[str, ...] = ()) -> Completed:
        """`kubectl set env` on container aws-node, whatever comes of it."""
        where = ("daemonset/aws-node", "-n", "kube-system", "-c", "aws-node")
        return self.kubectl("set", "env", *where, *values, check=False, as_user=user, as_groups=groups)

    def aws_node(self, release: str = "1.22.4", **labels: str) -> dict[str, Any]:
        """The official DaemonSet of a release."""
        made = stock(release)
        made["metadata"]["labels"] |= labels
        return made


def daemonset(name: str, namespace: str = "default", image: str = "registry.example.com/agent:v1") -> dict[str, Any]:
    """A DaemonSet that is none of the guard's business, unless its image says otherwise."""
    labels = {"app": name.rstrip("-")}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    metadata = {"generateName": name} if name.endswith("-") else {"name": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {**metadata, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def readme_commands(heading: str) -> list[str]:
    """The shell lines of the README's code block under a heading."""
    text = (ROOT / "README.md").read_text()
    block = text.split(f"{heading}\n", 1)[1].split("```console\n", 1)[1].split("```", 1)[0]
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def shell(world: World, command: str) -> subprocess.CompletedProcess[str]:
    """A line of the README, with the cluster's own kubeconfig."""
    environment = os.environ | {"KUBECONFIG": str(world.cluster.kubeconfig), "KUBERC": "off"}
    return subprocess.run(
        ["sh", "-c", command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS
    )
