"""DEL-003: the identity and the rights of aws-node."""

from collections.abc import Iterator
from dataclasses import dataclass

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, Whole
from webhook.catalogue.permits import command, is_cleaner, permit_of, refusal
from webhook.catalogue.rule import NeighborCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.neighbors import FIRST_ROLE, NAMESPACE, Right, grants, official_rights, rights_of
from webhook.facts import Fact, Facts
from webhook.model import Json, Path, Problem, at

_ROLE_ARN = "eks.amazonaws.com/role-arn"
_RBAC = "rbac.authorization.k8s.io"

_NODES = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]
_ENICONFIGS = [{"apiGroups": ["crd.k8s.amazonaws.com"], "resources": ["eniconfigs"], "verbs": ["get", "list", "watch"]}]


def _account(role: str = "") -> Whole:
    annotations = {"annotations": {_ROLE_ARN: role}} if role else {}
    metadata = {"name": "aws-node", "namespace": NAMESPACE} | annotations
    return Whole({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def _role(rules: list[Json]) -> Whole:
    return Whole({"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "aws-node"}, "rules": rules})


def _binding(subjects: list[Json]) -> Whole:
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "aws-node"}
    return Whole(
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "aws-node"},
            "roleRef": reference,
            "subjects": subjects,
        }
    )


_SUBJECT: Json = {"kind": "ServiceAccount", "name": "aws-node", "namespace": NAMESPACE}
_ARN = "arn:aws:iam::111122223333:role/cni"
_RUNNING = Facts(aws_node=Fact((DaemonSet(env={"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"}).build(),), "cluster"))


@rule(
    "DEL-003",
    "aws-node loses its identity or its rights",
    level="deny",
    link=links.IAM_ROLE,
    target=("ServiceAccount", "ClusterRole", "ClusterRoleBinding"),
    operations=("UPDATE", "DELETE"),
    needs=("aws_node",),
    bad=(
        Example(None, before=_account()),
        Example(_role(_ENICONFIGS), before=_role([*_NODES, *_ENICONFIGS]), facts=_RUNNING),
        Example(_role(_NODES), before=_role([*_NODES, *_ENICONFIGS]), facts=_RUNNING),
        Example(_role(_NODES), before=_role([*_NODES, *_ENICONFIGS]), level="warn"),
        Example(_binding([]), before=_binding([_SUBJECT]), facts=_RUNNING),
        Example(_binding([]), before=_binding([_SUBJECT]), level="warn"),
        Example(None, before=_binding([_SUBJECT])),
        Example(None, before=_role(_NODES)),
        Example(_account(), before=_account(_ARN), level="warn"),
        Example(_account(f"{_ARN}-2"), before=_account(_ARN), level="warn"),
    ),
    good=(
        Example(_account(_ARN), before=_account()),
        Example(_role([*_NODES, *_ENICONFIGS]), before=_role(_NODES)),
        Example(_binding([_SUBJECT, {**_SUBJECT, "name": "other"}]), before=_binding([_SUBJECT])),
    ),
)
def rights_lost(case: NeighborCase) -> Iterator[Problem]:
    """Ipamd and the agent read nodes, ENIConfigs and policies from the API server, and call EC2 by their IAM role.

    Without a right that a feature needs, aws-node fails at its next start or with the next pod. An update that equals
    the ClusterRole of an official manifest, or only adds rights, is allowed: a Helm rollback applies the older role
    before the older DaemonSet.
    """
    if case.change.operation == "DELETE":
        if not is_cleaner(case.change.user):
            yield _deleted(case)
    elif case.change.kind == "ServiceAccount":
        yield from _role_arn(case)
    elif case.change.kind == "ClusterRole":
        yield from _rights(case)
    else:
        yield from _subjects(case)


def _deleted(case: NeighborCase) -> Problem:
    kind, refused = case.change.kind, refusal(case.new.raw, case.now)
    namespace = NAMESPACE if kind == "ServiceAccount" else ""
    permit = command(f"{kind.lower()} aws-node", namespace, case.now)
    return Problem(
        path=("metadata", "name"),
        evidence=((f"{kind} deleted", "aws-node"),),
        level="deny" if refused else "warn",
        wrong=f"{kind} aws-node is deleted{refused or f', permitted until {permit_of(case.new.raw)}'}",
        effect="aws-node can no longer read nodes and ENIConfigs, so ipamd fails at its next start",
        remedy=f"Keep it: aws-node runs with it. To delete it anyway: {permit}, then delete it"
        if refused
        else "Apply it again soon",
    )


def _role_arn(case: NeighborCase) -> Iterator[Problem]:
    before = case.old.annotation(_ROLE_ARN) if case.old else ""
    now = case.new.annotation(_ROLE_ARN)
    if not before or now == before:
        return
    yield Problem(
        path=("metadata", "annotations", _ROLE_ARN),
        evidence=((_ROLE_ARN, now or None), (f"{_ROLE_ARN} before", before)),
        level="warn",
        wrong=f"the IAM role of aws-node {f'changes from {before} to {now}' if now else f'({before}) is removed'}",
        effect="pods use the change only after a restart, and without AmazonEKS_CNI_Policy no address is allocated",
        remedy="Check that the "
        + ("new role" if now else "role of the nodes")
        + " has AmazonEKS_CNI_Policy, and restart aws-node on a few nodes first",
    )


# --- ClusterRole -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Need:
    """Rights that a feature needs, and what fails without them."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    effect: str
    feature: str = ""
    """Empty if every aws-node needs them."""

    def needed_by(self, view: AwsNode) -> bool:
        """Whether an aws-node uses the feature."""
        match self.feature:
            case "custom networking":
                return view.custom_networking
            case "security groups for pods":
                return view.pod_eni
            case "network policy agent":
                return view.agent is not None
            case "ANNOTATE_POD_IP":
                return view.flag("ANNOTATE_POD_IP")
            case _:
                return True


_READ = ("get", "list", "watch")
_NEEDS = (
    _Need("", "nodes", ("get",), "ipamd cannot read its node and does not start"),
    _Need("crd.k8s.amazonaws.com", "eniconfigs", _READ, "nodes get no further interfaces", "custom networking"),
    _Need("", "pods", _READ, "pods with security groups fail", "security groups for pods"),
    _Need("vpcresources.k8s.aws", "cninodes", (*_READ, "patch"), "no trunk is requested", "security groups for pods"),
    _Need("networking.k8s.aws", "policyendpoints", _READ, "the agent crashes", "network policy agent"),
    _Need("", "pods", ("patch",), "every new pod fails", "ANNOTATE_POD_IP"),
)


def _rights(case: NeighborCase) -> Iterator[Problem]:
    now, before = rights_of(case.new.raw), rights_of(case.old.raw) if case.old else None
    if now is None or before is None or now >= before:
        return
    is_official = any(
        all(grants(now, right) for right in official_rights(one)) for one in case.tables.versions if one >= FIRST_ROLE
    )
    for need in _NEEDS:
        wanted: tuple[Right, ...] = tuple((need.group, need.resource, verb) for verb in need.verbs)
        lost = [right for right in wanted if grants(before, right) and not grants(now, right)]
        if lost and not is_official and (problem := _loss(case, need, lost)):
            yield problem


def _loss(case: NeighborCase, need: _Need, lost: list[Right]) -> Problem | None:
    """The problem of lost rights; None if the running aws-node does not use the feature."""
    running = case.facts.aws_node
    if running is not None and not any(need.needed_by(AwsNode(raw)) for raw in running.value):
        return None
    verbs = ", ".join(verb for _, _, verb in lost)
    what = f"{need.resource} ({verbs})"
    return Problem(
        path=("rules",),
        evidence=((f"ClusterRole aws-node {need.group}/{need.resource}", f"without {verbs}"),),
        level="deny" if running is not None else "warn",
        wrong=f"ClusterRole aws-node loses the right to {what}"
        + (f", which {need.feature} needs" if need.feature else ""),
        effect=need.effect,
        remedy="Keep the right, or apply the ClusterRole of the official manifest whole",
    )


# --- ClusterRoleBinding ----------------------------------------------------------------------------------------------


def _subjects(case: NeighborCase) -> Iterator[Problem]:
    before = set(_bound(case.old.raw)) if case.old else set()
    lost = [name for name in before - set(_bound(case.new.raw)) if _runs_as(case.facts, name)]
    for namespace, name in sorted(lost):
        yield Problem(
            path=_SUBJECTS,
            evidence=(("ClusterRoleBinding aws-node without", f"{namespace}/{name}"),),
            level="deny" if case.facts.aws_node is not None else "warn",
            wrong=f"ClusterRoleBinding aws-node no longer binds service account {namespace}/{name}",
            effect="aws-node can no longer read nodes and ENIConfigs, so ipamd fails at its next start",
            remedy="Keep the subject",
        )


_SUBJECTS: Path = ("subjects",)


def _bound(raw: Json) -> Iterator[tuple[str, str]]:
    subjects = at(raw, "subjects")
    for subject in subjects if isinstance(subjects, list) else ():
        if at(subject, "kind") == "ServiceAccount":
            yield str(at(subject, "namespace")), str(at(subject, "name"))


def _runs_as(facts: Facts, account: tuple[str, str]) -> bool:
    """Whether a running aws-node uses the account; without facts, whether it is the usual one."""
    if facts.aws_node is None:
        return account == (NAMESPACE, "aws-node")
    return any(
        (at(raw, "metadata", "namespace"), at(raw, "spec", "template", "spec", "serviceAccountName")) == account
        for raw in facts.aws_node.value
    )
