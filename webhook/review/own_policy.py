"""The guard's own policy in the cluster: a ConfigMap, whose policy is loaded once before it is stored."""

from webhook import policy
from webhook.model import Json, at
from webhook.policy import PolicyError
from webhook.printable import clean
from webhook.review.request import Request
from webhook.rules import Catalogue

NAME = "cni-guard-policy"
KEY = "policy.yaml"

_CONFIG_MAP = ("", "ConfigMap")
_LARGEST = 2**16
"""Bytes of a policy."""


def is_own_policy(request: Request) -> bool:
    """Whether a request is about the ConfigMap."""
    return request.group_kind == _CONFIG_MAP and request.resource.name == NAME


def objections(stored: Json, rules: Catalogue) -> tuple[str, ...]:
    """Why a policy must not be stored; nothing where it loads, or where it is deleted."""
    if stored is None:
        return ()
    content = at(stored, "data", KEY)
    if not isinstance(content, str):
        return (f"ConfigMap {NAME} has no key {KEY}: write the policy there",)
    if len(content) > _LARGEST:
        return (f"the policy is larger than {_LARGEST // 2**10} KiB",)
    try:
        policy.load(content, KEY, rules.ids)
    except PolicyError as error:
        return (clean(f"the policy does not load, and the guard keeps the one it has: {error}"),)
    return ()
