"""Validation of the ConfigMap that holds the guard's policy: a policy that does not load is denied."""

from webhook import policy
from webhook.catalogue import Catalogue
from webhook.model import Json, at
from webhook.policy import PolicyError
from webhook.printable import clean
from webhook.review.request import Request

NAME = "cni-guard-policy"
KEY = "policy.yaml"

_CONFIG_MAP = ("", "ConfigMap")
_LARGEST = 2**16
"""Maximum length of a policy, in characters."""


def is_own_policy(request: Request) -> bool:
    """Whether the request is about the ConfigMap with the policy."""
    return request.group_kind == _CONFIG_MAP and request.change.name == NAME


def objections(stored: Json, rules: Catalogue) -> tuple[str, ...]:
    """The reasons to deny the ConfigMap; none if the policy loads or the ConfigMap is deleted."""
    if stored is None:
        return ()
    content = at(stored, "data", KEY)
    if not isinstance(content, str):
        return (f"ConfigMap {NAME} has no key {KEY}: put the policy there",)
    if len(content) > _LARGEST:
        return (f"the policy is larger than {_LARGEST // 2**10} KiB",)
    try:
        policy.load(content, KEY, rules.ids, rules.former)
    except PolicyError as error:
        first, *others = error.lines
        return clean(f"the policy does not load, so the guard keeps the current one: {first}"), *others
    return ()
