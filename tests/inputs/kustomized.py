"""Kustomizations and patches for tests."""

from tests.inputs.files import PATCH
from webhook.inputs import Inputs

HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
NAMELESS = PATCH.replace("name: aws-node, namespace: kube-system", "name: any")
OTHER = PATCH.replace("aws-node", "agent").replace("WARM_IP_TARGET", "LEVEL")
JSON_PATCH = """\
- op: add
  path: /spec/template/spec/containers/0/env/-
  value: {name: WARM_IP_TARGET, value: "5"}
"""
PLAIN_JSON_PATCH = "[{op: remove, path: /spec/template/spec/nodeSelector}]\n"
TARGET = "{kind: DaemonSet, name: aws-node}"


def told(reading: Inputs) -> list[tuple[str, int, str]]:
    """File, number and command of each line about patches."""
    return [(build.file, build.patches, build.command) for build in reading.builds]


def built(folder: str) -> str:
    """The command for a folder."""
    return f"kubectl kustomize {folder} | cni-guard check -"
