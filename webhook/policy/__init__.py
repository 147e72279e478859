"""The policy file: YAML in, a frozen `Policy` out.

Unknown keys, rules and values are errors, so that a typo cannot turn a rule off. The JSON Schema beside this package
(policy.schema.json) is generated from the types.
"""

from webhook.policy.former import Former
from webhook.policy.loading import Loaded, PolicyError, load, read
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

__all__ = [
    "BUILT_IN",
    "Blocked",
    "Cluster",
    "Defaults",
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
    "load",
    "read",
    "schema",
]
