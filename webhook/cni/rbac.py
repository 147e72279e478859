"""What a ClusterRole allows."""

from collections.abc import Iterator

from webhook.model import Json, at

_RULES = 500


def allows(role: Json, verb: str, resource: str, group: str = "") -> bool:
    """Whether a role allows a verb on all objects of a resource.

    Args:
        role: The ClusterRole; None where there is none.
        verb: Such as ``patch``.
        resource: The plural, such as ``pods``.
        group: The API group; the empty one is that of Kubernetes' core.
    """
    wanted = (("apiGroups", group), ("resources", resource), ("verbs", verb))
    return any(all(_has(rule, key, value) for key, value in wanted) for rule in _rules(role))


def _rules(role: Json) -> Iterator[Json]:
    listed = at(role, "rules")
    yield from (one for one in (listed[:_RULES] if isinstance(listed, list) else ()) if not at(one, "resourceNames"))


def _has(rule: Json, key: str, value: str) -> bool:
    listed = at(rule, key)
    return isinstance(listed, list) and (value in listed or "*" in listed)
