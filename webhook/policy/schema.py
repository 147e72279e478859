"""The JSON Schema of a policy file."""

from typing import Any

import msgspec

from webhook.policy.sections import Policy


def schema() -> dict[str, Any]:
    """The JSON Schema of a policy file (draft 2020-12), for editors and CI."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://cni-guard.dev/schemas/policy.v1alpha1.json",
        "title": "cni-guard policy",
    }
    return head | msgspec.json.schema(Policy)
