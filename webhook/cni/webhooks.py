"""Which admission webhooks must answer before a pod of aws-node can be created.

Matching as in k8s.io/apiserver, pkg/admission/plugin/webhook/predicates/rules, and in labels.Selector.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from webhook.cni.neighbors import NAMESPACE
from webhook.model import Json, at, text

_HOME: Final = {"kubernetes.io/metadata.name": NAMESPACE}
"""The label of kube-system that the API server sets; it has no others unless someone adds them."""
_POD: Final = {"k8s-app": "aws-node", "app.kubernetes.io/name": "aws-node"}
"""The labels of the official pod template."""
_MOST: Final = 1000
"""Webhooks of an object that are read, and entries of each of their lists."""
_TELLING: Final = ("namespace", "labels", "aws-node", "daemon-set-controller")
"""What a condition mentions if it may leave the pods of aws-node out. What it says otherwise is not evaluated."""


def gates(configuration: Mapping[str, Json]) -> Iterator[tuple[int, str]]:
    """The position and the name of each webhook without whose answer no pod of aws-node is created."""
    # Before v1, failurePolicy defaults to Ignore.
    default = "Fail" if text(configuration.get("apiVersion")).endswith("/v1") else "Ignore"
    for index, webhook in enumerate(_listed(configuration.get("webhooks"))):
        if (
            (text(at(webhook, "failurePolicy")) or default) == "Fail"
            and any(map(_is_about_new_pods, _listed(at(webhook, "rules"))))
            and _selects(at(webhook, "namespaceSelector"), _HOME)
            and _selects(at(webhook, "objectSelector"), _POD)
            and not any(map(_may_leave_out, _listed(at(webhook, "matchConditions"))))
        ):
            yield index, text(at(webhook, "name"))


def _listed(value: Json) -> Iterator[Json]:
    return islice(value if isinstance(value, list) else (), _MOST)


def _is_about_new_pods(rule: Json) -> bool:
    asked = (("operations", "CREATE"), ("apiGroups", ""), ("apiVersions", "v1"))
    return (
        all(any(one in {"*", wanted} for one in _texts(at(rule, field))) for field, wanted in asked)
        and any(_means_pods(one) for one in _texts(at(rule, "resources")))
        and text(at(rule, "scope")) in {"", "*", "Namespaced"}
    )


def _means_pods(resource: str) -> bool:
    """Whether it is pods themselves; ``pods/*`` stands for them and their subresources."""
    name, _, subresource = resource.partition("/")
    return name in {"*", "pods"} and subresource in {"*", ""}


def _texts(value: Json) -> Iterator[str]:
    return (one for one in _listed(value) if isinstance(one, str))


def _selects(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an absent or empty one matches everything."""
    exact = at(selector, "matchLabels")
    equal = exact.items() if isinstance(exact, dict) else ()
    return all(labels.get(key) == value for key, value in equal) and all(
        _holds(one, labels) for one in _listed(at(selector, "matchExpressions"))
    )


def _holds(expression: Json, labels: Mapping[str, str]) -> bool:
    """Whether a requirement holds; one that the API server refuses does not."""
    value = labels.get(text(at(expression, "key")))
    among = value is not None and value in _texts(at(expression, "values"))
    results = {"In": among, "NotIn": not among, "Exists": value is not None, "DoesNotExist": value is None}
    return results.get(text(at(expression, "operator")), False)


def _may_leave_out(condition: Json) -> bool:
    expression = text(at(condition, "expression"))
    return any(word in expression for word in _TELLING)
