"""The manifests as `kubectl apply -k` would send them."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.controlplane.progress import on_stderr
from tests.controlplane.toolchain import kubectl

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"

Object = dict[str, Any]


@cache
def rendered() -> tuple[Object, ...]:
    """Every object of the kustomization."""
    command: list[str | Path] = [kubectl(on_stderr), "kustomize", MANIFESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return tuple(yaml.safe_load_all(done.stdout))


def one(kind: str, name: str) -> Object:
    """The object of a kind and name."""
    (found,) = (item for item in rendered() if item["kind"] == kind and item["metadata"]["name"] == name)
    return found


@cache
def registration() -> tuple[Object, ...]:
    """The webhook configurations."""
    return tuple(yaml.safe_load_all((MANIFESTS / "webhooks.yaml").read_text()))


def entries() -> list[tuple[str, Object]]:
    """Each webhook with the kind of its configuration."""
    return [
        (item["kind"].removesuffix("WebhookConfiguration"), hook)
        for item in registration()
        for hook in item["webhooks"]
    ]
