"""The objects beside aws-node without which the CNI fails, and what each of them must grant.

Source: config/master/aws-k8s-cni.yaml at each tag of aws/amazon-vpc-cni-k8s; the controllers that read ConfigMap
amazon-vpc-cni and SecurityGroupPolicies are in aws/amazon-vpc-resource-controller-k8s.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from webhook.cni.version import Version
from webhook.model import Json, Target, at, text

NAMESPACE: Final = "kube-system"

ENICONFIGS: Final = "eniconfigs.crd.k8s.amazonaws.com"
CNINODES: Final = "cninodes.vpcresources.k8s.aws"
SECURITY_GROUP_POLICIES: Final = "securitygrouppolicies.vpcresources.k8s.aws"
POLICY_ENDPOINTS: Final = "policyendpoints.networking.k8s.aws"
CLUSTER_POLICY_ENDPOINTS: Final = "clusterpolicyendpoints.networking.k8s.aws"

CRDS: Final = frozenset({ENICONFIGS, CNINODES, SECURITY_GROUP_POLICIES, POLICY_ENDPOINTS, CLUSTER_POLICY_ENDPOINTS})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of neighbor, and which objects of it matter."""

    group: str
    target: Target
    """Also its kind."""
    namespace: str = ""
    """Empty for a cluster-scoped kind."""
    names: frozenset[str] = frozenset()
    """Empty if all objects matter."""
    in_files: bool = False
    """Whether a manifest alone says something about it; of the others, only changes and deletions do."""


KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    (kind.group, kind.target): kind
    for kind in (
        Kind("apiextensions.k8s.io", "CustomResourceDefinition", names=CRDS),
        Kind("", "ServiceAccount", NAMESPACE, frozenset({"aws-node"})),
        Kind("rbac.authorization.k8s.io", "ClusterRole", names=frozenset({"aws-node"})),
        Kind("rbac.authorization.k8s.io", "ClusterRoleBinding", names=frozenset({"aws-node"})),
        Kind("", "ConfigMap", NAMESPACE, frozenset({"amazon-vpc-cni"}), in_files=True),
        Kind("vpcresources.k8s.aws", "SecurityGroupPolicy", in_files=True),
        # Only files are evaluated: the webhook of cni-guard is not registered for webhooks.
        Kind("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", in_files=True),
        Kind("admissionregistration.k8s.io", "MutatingWebhookConfiguration", in_files=True),
    )
}
"""The kinds by API group and kind."""


class Neighbor:
    """The view of a neighbor: total, whatever the object's shape."""

    def __init__(self, raw: Json) -> None:
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        metadata = self.raw.get("metadata")
        self.metadata: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
        self.name = text(self.metadata.get("name"))

    def annotation(self, name: str) -> str:
        """The value of an annotation; empty if there is none."""
        return text(at(self.metadata, "annotations", name))


def of(group: str | None, kind: str, side: Json) -> Target | None:
    """Which neighbor an object is; None if it is none.

    Args:
        group: The API group; None if the kind is known to be in the right one.
        kind: The kind.
        side: The object.
    """
    row = next((row for row in KINDS.values() if row.target == kind and group in {None, row.group}), None)
    if row is None or not isinstance(side, dict):
        return None
    name, namespace = (text(at(side, "metadata", key)) for key in ("name", "namespace"))
    # A manifest may leave its namespace to the command line.
    if row.namespace and row.names and namespace not in {row.namespace, ""}:
        return None
    return row.target if not row.names or name in row.names else None


# --- rights ----------------------------------------------------------------------------------------------------------

Right = tuple[str, str, str]
"""API group, resource, verb; of a non-resource URL: an empty group, the URL, the verb."""

_READ: Final = ("get", "list", "watch")
_MOST_RIGHTS: Final = 5000
"""Rights of one role that are read; the official role has 36."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights that the official ClusterRole has in a range of releases."""

    rights: frozenset[Right]
    since: Version
    until: Version | None = None
    """The first release without them; None if they are still there."""


def _grant(groups: str, resources: str, verbs: tuple[str, ...], since: str, until: str = "") -> Grant:
    rights = frozenset(
        (group if group != "core" else "", resource, verb)
        for group in groups.split()
        for resource in resources.split()
        for verb in verbs
    )
    return Grant(rights, Version.of(since), Version.of(until) if until else None)


GRANTS: Final = (
    _grant("core", "namespaces pods nodes", _READ, "1.2.0"),
    _grant("core", "nodes", ("update",), "1.7.0", "1.15.0"),
    _grant("core", "pods", ("patch",), "1.9.3", "1.10.0"),
    _grant("core", "pods", ("patch",), "1.18.4", "1.19.0"),
    _grant("crd.k8s.amazonaws.com", "*", ("*",), "1.2.0", "1.7.0"),
    _grant("crd.k8s.amazonaws.com", "eniconfigs", _READ, "1.7.0"),
    _grant("extensions", "daemonsets", ("list", "watch"), "1.2.0", "1.7.0"),
    _grant("extensions", "*", ("list", "watch"), "1.7.0", "1.13.0"),
    _grant("core events.k8s.io", "events", ("create", "patch", "list"), "1.11.3"),
    _grant("networking.k8s.aws", "policyendpoints", _READ, "1.14.0"),
    _grant("networking.k8s.aws", "policyendpoints/status", ("get",), "1.14.0"),
    _grant("vpcresources.k8s.aws", "cninodes", ("get", "list", "patch"), "1.15.0"),
    _grant("vpcresources.k8s.aws", "cninodes", ("watch",), "1.15.5"),
    _grant("core", "/apis/networking.k8s.aws /apis/networking.k8s.aws/*", ("get",), "1.21.0"),
    _grant("networking.k8s.aws", "clusterpolicyendpoints", _READ, "1.21.2"),
    _grant("networking.k8s.aws", "clusterpolicyendpoints/status", ("get",), "1.21.2"),
)
"""What the official ClusterRole grants, by the release in which it begins and ends."""


FIRST_ROLE: Final = Version(1, 6, 0)
"""The first release whose ClusterRole counts as an official one."""


def official_rights(version: Version) -> frozenset[Right]:
    """The rights of the official ClusterRole of a release."""
    granted = (one.rights for one in GRANTS if one.since <= version and (one.until is None or version < one.until))
    return frozenset().union(*granted)


def rights_of(role: Json) -> frozenset[Right] | None:
    """The rights that a ClusterRole grants to every object; None if they cannot be told (aggregated, or too many)."""
    if at(role, "aggregationRule") is not None:
        return None
    found: set[Right] = set()
    rules = at(role, "rules")
    for rule in rules if isinstance(rules, list) else ():
        for right in _of_rule(rule):
            found.add(right)
            if len(found) > _MOST_RIGHTS:
                return None
    return frozenset(found)


def _of_rule(rule: Json) -> Iterator[Right]:
    if _strings(rule, "resourceNames"):
        return  # rights over some objects only
    groups, resources = _strings(rule, "apiGroups"), _strings(rule, "resources")
    for verb in _strings(rule, "verbs"):
        yield from ((group, resource, verb) for group in groups for resource in resources)
        yield from (("", url, verb) for url in _strings(rule, "nonResourceURLs"))


def _strings(rule: Json, key: str) -> tuple[str, ...]:
    listed = at(rule, key)
    return tuple(item for item in listed if isinstance(item, str)) if isinstance(listed, list) else ()


def grants(held: frozenset[Right], wanted: Right) -> bool:
    """Whether the held rights include a right; each part may be a wildcard."""
    group, resource, verb = wanted
    return any((one, two, three) in held for one in (group, "*") for two in (resource, "*") for three in (verb, "*"))
