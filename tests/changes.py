"""Changes for tests: how the doors are asked without a server."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from webhook.catalogue import Catalogue
from webhook.cni.identity import AWS_NODE, ENICONFIG
from webhook.cni.tables import KNOWN, Tables
from webhook.engine.evaluation import Basis, Evaluation
from webhook.engine.pipeline import Guard
from webhook.model import Change, Verdict
from webhook.policy import BUILT_IN, Policy
from webhook.rules import CATALOGUE

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

SHARED = Path(__file__).resolve().parents[2] / "shared"
MANIFESTS = SHARED / "fixtures" / "aws-node"


def guard(policy: Policy = BUILT_IN) -> Guard:
    """The guard with all rules."""
    return Guard(policy, CATALOGUE)


def evaluated(
    change: Change, policy: Policy = BUILT_IN, *, rules: Catalogue = CATALOGUE, tables: Tables = KNOWN
) -> Verdict:
    """The verdict on a change."""
    return Evaluation(change, Basis(policy, rules, NOW, tables)).verdict


def review(change: Change, **request: Any) -> bytes:
    """A change as the API server asks about it, compact as it writes JSON; `request` overrides fields."""
    group, kind = ENICONFIG if change.kind == "ENIConfig" else AWS_NODE
    fields: dict[str, Any] = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": group, "version": "v1", "kind": kind},
        "name": change.name,
        "namespace": change.namespace,
        "operation": change.operation,
        "userInfo": {
            "username": change.user.name if change.user else "alice",
            "groups": sorted(change.user.groups) if change.user else ["system:authenticated"],
        },
        "object": change.object,
        "oldObject": change.old,
        "dryRun": False,
    }
    document = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": fields | request}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def daemonset(manifest: Path) -> dict[str, Any]:
    """The DaemonSet of a manifest."""
    found: Mapping[str, Any] = next(
        document
        for document in yaml.safe_load_all(manifest.read_text())
        if document and document["kind"] == "DaemonSet"
    )
    return dict(found)
