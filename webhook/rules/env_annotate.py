"""ENV-009: ANNOTATE_POD_IP and the right that it needs."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import EVALUATED_AT, DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import reading_of
from webhook.cni.rbac import allows
from webhook.facts import Fact, Facts
from webhook.model import Level, Problem

_NAME = "ANNOTATE_POD_IP"
_READS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch", "get"]}


def _role(*verbs: str) -> Facts:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": [*_READS["verbs"], *verbs]}]
    return Facts(cluster_role=Fact({"kind": "ClusterRole", "rules": rules}, "file", EVALUATED_AT))


@rule(
    "ENV-009",
    "ANNOTATE_POD_IP without the right to patch pods",
    level="deny",
    needs=("cluster_role",),
    link=links.variable("annotate_pod_ip-v193"),
    bad=(
        Example(DaemonSet(env={_NAME: "true"}), facts=_role()),
        Example(DaemonSet(env={_NAME: "true"}), before=DaemonSet(), facts=_role()),
        env(ANNOTATE_POD_IP="true", level="warn"),
    ),
    good=(
        Example(DaemonSet(env={_NAME: "true"}), facts=_role("patch")),
        Example(DaemonSet(env={_NAME: "false"}), facts=_role()),
    ),
)
def annotates_without_right(case: AwsNodeCase) -> Iterator[Problem]:
    """With it the plugin writes each pod's address into an annotation, and a pod whose annotation fails is not created.

    The official manifest grants the right only in 1.18.4 to 1.18.6, the Helm chart only where the variable is set.
    """
    main = case.new.required
    if reading_of(case, main, _NAME) is None or not main.flag(_NAME):
        return
    role = case.facts.cluster_role.value if case.facts.cluster_role is not None else None
    if role is None and _was_on(case):
        return
    if allows(role, "patch", "pods"):
        return
    level: Level = "warn" if role is None else "deny"
    yield Problem(
        path=main.where(_NAME),
        evidence=(*main.as_read(_NAME), ("ClusterRole aws-node", "unknown" if role is None else "lacks patch on pods")),
        level=level,
        wrong=f'{_NAME}=true needs the verb "patch" on pods'
        + (", which ClusterRole aws-node lacks" if role is not None else " in ClusterRole aws-node"),
        effect="without it the creation of every pod fails",
        remedy=f'Add "patch" on pods to ClusterRole aws-node first, or set {_NAME}="false"',
    )


def _was_on(case: AwsNodeCase) -> bool:
    return case.old is not None and case.old.main is not None and case.old.flag(_NAME)
