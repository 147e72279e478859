"""DEL-002 to DEL-005: the objects beside aws-node without which the CNI fails."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, Whole
from webhook.catalogue.permits import ALLOW_DELETE, command, permit_of, refusal
from webhook.catalogue.rule import NeighborCase, rule
from webhook.cni import neighbors
from webhook.cni.aws_node import AwsNode
from webhook.facts import EniConfig, Fact, Facts
from webhook.model import Json, Level, Problem

_GOES: Mapping[str, str] = MappingProxyType(
    {
        neighbors.ENICONFIGS: "all ENIConfigs are deleted with it: with custom networking, nodes get no further "
        "interfaces and new nodes never become Ready",
        neighbors.CNINODES: "all CNINodes are deleted with it: security groups for pods stop on every node",
        neighbors.SECURITY_GROUP_POLICIES: "all SecurityGroupPolicies are deleted with it: new pods lose their groups",
        neighbors.POLICY_ENDPOINTS: "all PolicyEndpoints are deleted with it: network policies are no longer enforced",
        neighbors.CLUSTER_POLICY_ENDPOINTS: "all ClusterPolicyEndpoints are deleted with it: cluster network policies "
        "are no longer enforced",
    }
)


def _crd(name: str, permit: str = "") -> Whole:
    metadata = {"name": name} | ({"annotations": {ALLOW_DELETE: permit}} if permit else {})
    return Whole({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata})


def _running(**env: str) -> Fact[tuple[Json, ...]]:
    return Fact((DaemonSet(env=env).build(),), "cluster")


_UNUSED = Facts(
    aws_node=_running(), eni_configs=Fact((), "cluster"), policy_endpoints=Fact(value=False, source="cluster")
)
_USED = Facts(
    aws_node=_running(AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"),
    eni_configs=Fact((EniConfig(name="us-west-2a"),), "cluster"),
    policy_endpoints=Fact(value=True, source="cluster"),
)


@rule(
    "DEL-002",
    "A CustomResourceDefinition of the CNI is deleted",
    level="deny",
    link=links.NETWORK_POLICY,
    target="CustomResourceDefinition",
    operations=("DELETE",),
    excusable=False,
    needs=("aws_node", "eni_configs", "policy_endpoints"),
    bad=(
        Example(None, before=_crd(neighbors.ENICONFIGS)),
        Example(None, before=_crd(neighbors.POLICY_ENDPOINTS), facts=_USED),
        Example(None, before=_crd(neighbors.POLICY_ENDPOINTS), level="warn"),
        Example(None, before=_crd(neighbors.ENICONFIGS), facts=_USED),
        Example(None, before=_crd(neighbors.ENICONFIGS, "2026-06-01T12:15:00Z"), facts=_USED, level="warn"),
    ),
    good=(
        Example(None, before=_crd(neighbors.ENICONFIGS), facts=_UNUSED),
        Example(None, before=_crd(neighbors.POLICY_ENDPOINTS), facts=_UNUSED),
    ),
)
def crd_deleted(case: NeighborCase) -> Iterator[Problem]:
    """Deleting a CustomResourceDefinition deletes every object of its kind, in all namespaces.

    Tools that prune do it by accident: from CNI 1.22.1 on, the official manifest no longer contains the definition of
    PolicyEndpoints, and the EKS add-on takes its definitions along when it is removed.
    """
    used = _is_used(case)
    if used is False:
        return
    name = case.new.name
    refused = refusal(case.new.raw, case.now)
    known = used or name not in {neighbors.POLICY_ENDPOINTS, neighbors.CLUSTER_POLICY_ENDPOINTS}
    level: Level = "deny" if refused and known else "warn"
    permit = command(f"customresourcedefinition {name}", "", case.now)
    yield Problem(
        path=("metadata", "name"),
        evidence=(("CustomResourceDefinition deleted", name),),
        level=level,
        wrong=f"CustomResourceDefinition {name} is deleted"
        + (refused if level == "deny" else f", permitted until {permit_of(case.new.raw)}" if not refused else ""),
        effect=_GOES[name],
        remedy=f"Keep it, and exclude it from pruning. To delete it anyway: {permit}, then delete it"
        if refused
        else "Make sure that nothing uses it",
    )


def _is_used(case: NeighborCase) -> bool | None:
    """Whether objects of the kind are in use; None if the facts do not say."""
    name, facts = case.new.name, case.facts
    if name == neighbors.ENICONFIGS:
        if facts.eni_configs is None or facts.aws_node is None:
            return None
        return bool(facts.eni_configs.value) or any(view.custom_networking for view in _views(facts))
    if name in {neighbors.POLICY_ENDPOINTS, neighbors.CLUSTER_POLICY_ENDPOINTS}:
        if facts.policy_endpoints is None or facts.aws_node is None:
            return None
        return facts.policy_endpoints.value or any(view.network_policy for view in _views(facts))
    return None


def _views(facts: Facts) -> tuple[AwsNode, ...]:
    return tuple(AwsNode(raw) for raw in facts.aws_node.value) if facts.aws_node else ()
