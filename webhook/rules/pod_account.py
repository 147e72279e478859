"""POD-006: the service account of aws-node."""

from collections.abc import Iterator, Mapping

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import NAMESPACE
from webhook.facts import Fact, Facts, need
from webhook.model import Json, Problem, at
from webhook.printable import named

_OFFICIAL = "aws-node"


def _bound(name: str) -> Facts:
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
    return Facts(cluster_role_binding=Fact({"metadata": {"name": "aws-node"}, "subjects": subjects}, "cluster"))


_OTHER = DaemonSet(pod={"serviceAccountName": "cni"})


@rule(
    "POD-006",
    "A service account without the rights of aws-node",
    level="deny",
    link=links.MANAGE,
    needs=("cluster_role_binding",),
    reads=("rest",),
    bad=(
        Example(DaemonSet(pod={"serviceAccountName": "default"})),
        Example(DaemonSet(pod={"serviceAccountName": None})),
        Example(_OTHER, facts=_bound("aws-node")),
    ),
    good=(Example(_OTHER, facts=_bound("cni")),),
)
def without_rights(case: AwsNodeCase) -> Iterator[Problem]:
    """Ipamd reads nodes, pods and ENIConfigs with the rights that ClusterRoleBinding aws-node gives.

    The Helm chart uses the account "default" if serviceAccount.create is false and serviceAccount.name is not set.
    """
    account = case.new.service_account
    if case.new.main is None or account == _OFFICIAL:
        return
    if account == "default":
        yield _problem(account, "has no rights on nodes and ENIConfigs", "Set serviceAccountName: aws-node")
        return
    unchanged = case.old is not None and case.old.service_account == account
    if unchanged and case.facts.cluster_role_binding is None:
        return
    binding = need(case.facts.cluster_role_binding, "cluster_role_binding")
    if not _subjects(account, case.change.namespace or NAMESPACE) & _named_by(binding):
        yield _problem(
            account,
            "is not a subject of ClusterRoleBinding aws-node",
            "Set serviceAccountName: aws-node, or name this account in the binding first",
        )


def _problem(account: str, lack: str, remedy: str) -> Problem:
    return Problem(
        path=(*POD_SPEC, "serviceAccountName"),
        evidence=(("service account", account),),
        level="deny",
        wrong=f"service account {named(account)} {lack}",
        effect="ipamd may not read its node, so aws-node does not start and new pods get no address",
        remedy=remedy,
    )


_Subject = tuple[str, str, str]
"""Kind, name and namespace."""


def _subjects(account: str, namespace: str) -> frozenset[_Subject]:
    """The names under which a binding can mean a service account."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return frozenset(
        (
            ("ServiceAccount", account, namespace),
            ("User", f"system:serviceaccount:{namespace}:{account}", ""),
            *(("Group", group, "") for group in groups),
        )
    )


def _named_by(binding: Json) -> frozenset[_Subject]:
    listed = at(binding, "subjects")
    entries = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return frozenset((str(one.get("kind")), str(one.get("name")), str(one.get("namespace") or "")) for one in entries)
