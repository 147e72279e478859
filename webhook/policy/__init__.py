"""The policy file: YAML in, a frozen `Policy` out.

Unknown keys, rules and values are errors, so that a typo cannot turn a rule off. The JSON Schema beside this package
(policy.schema.json) is generated from the types.
"""

from webhook.policy.diagnostic import Diagnostic, PolicyError
from webhook.policy.former import Former, stands_for
from webhook.policy.loading import Loaded, load, read
from webhook.policy.schema import schema
from webhook.policy.sections import (
    BUILT_IN,
    Blocked,
    Cluster,
    Defaults,
    ExtraVariable,
    Images,
    Policy,
    PolicyException,
    Rollout,
    SecurityGroups,
    Targets,
    Versions,
)
from webhook.policy.written import Written

__all__ = [
    "BUILT_IN",
    "Blocked",
    "Cluster",
    "Defaults",
    "Diagnostic",
    "ExtraVariable",
    "Former",
    "Images",
    "Loaded",
    "Policy",
    "PolicyError",
    "PolicyException",
    "Rollout",
    "SecurityGroups",
    "Targets",
    "Versions",
    "Written",
    "load",
    "read",
    "schema",
    "stands_for",
]
