"""The files that lie in the folder of the person who tunes the CNI."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from webhook.cni.stock import stock

OLD, NEXT, NEWEST = "1.21.2", "1.22.4", "1.23.1"
"""The release at the start of the road, the supported next one, and one that skips a minor version."""

ROOT = Path(__file__).resolve().parents[2]

SUBNET = "subnet-0123456789abcdef0"
CIDR = "10.0.96.0/20"


def aws_node(version: str, variables: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """Make the official DaemonSet of a release, with variables of its main container set to other values."""
    daemonset = stock(version)
    env: list[dict[str, Any]] = daemonset["spec"]["template"]["spec"]["containers"][0]["env"]
    for name, value in variables:
        there = next((entry for entry in env if entry["name"] == name), None)
        if there is None:
            env.append({"name": name, "value": value})
        else:
            there["value"] = value
    return daemonset


def eniconfig(subnet: str) -> dict[str, Any]:
    """Make an ENIConfig of a zone."""
    return {
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": "us-west-2a"},
        "spec": {"subnet": subnet, "securityGroups": ["sg-0a1b2c3d4e5f60718"]},
    }


CONFLICT = (("WARM_ENI_TARGET", "3"), ("WARM_IP_TARGET", "5"))
EXTERNAL_SNAT = (("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true"),)


def write(folder: Path) -> None:
    """Write the manifests of the road."""
    manifests: Mapping[str, dict[str, Any]] = {
        **{f"aws-node-{version}.yaml": aws_node(version) for version in (OLD, NEXT, NEWEST)},
        f"my-aws-node-{NEWEST}.yaml": aws_node(NEWEST, EXTERNAL_SNAT),
        "eniconfig-cidr.yaml": eniconfig(CIDR),
        "eniconfig.yaml": eniconfig(SUBNET),
        "repository/aws-node.yaml": aws_node(NEXT, CONFLICT),
        "repository/us-west-2a.yaml": eniconfig(SUBNET),
    }
    (folder / "manifests").symlink_to(ROOT / "manifests")
    for name, manifest in manifests.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(manifest, sort_keys=False))
