"""The CRD of ENIConfig, as far as the API server needs it to check and prune like the official one."""

from typing import Any


def crd() -> dict[str, Any]:
    """Make the CRD."""
    spec = {
        "type": "object",
        "required": ["subnet"],
        "properties": {
            "subnet": {"type": "string"},
            "securityGroups": {"type": "array", "items": {"type": "string"}},
        },
    }
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"spec": spec, "status": {"type": "object"}},
    }
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "eniconfigs.crd.k8s.amazonaws.com"},
        "spec": {
            "group": "crd.k8s.amazonaws.com",
            "scope": "Cluster",
            "names": {"kind": "ENIConfig", "plural": "eniconfigs", "singular": "eniconfig"},
            "versions": [version],
        },
    }
