"""DEL: objects without which the network stops."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from webhook.cni.identity import is_the_aws_node
from webhook.model import Level, Problem, User, at, text
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example
from webhook.rules.rule import AwsNodeCase, rule

ALLOW_DELETE = "cni-guard.dev/allow-delete"
"""The annotation on the stored object that permits its deletion until a time, RFC 3339, an hour ahead at most."""

_LONGEST_PERMIT = timedelta(hours=1)
_USUAL_PERMIT = timedelta(minutes=15)

CLEANER = "system:serviceaccount:kube-system:namespace-controller"
"""It empties a namespace whose deletion somebody was already allowed."""


@rule(
    "DEL-001",
    "aws-node is deleted",
    level="deny",
    link=links.BEST_PRACTICES,
    operations=("DELETE",),
    bad=(Example(None, before=DaemonSet()), Example(None, before=DaemonSet(annotations={ALLOW_DELETE: "soon"}))),
    good=(Example(None, before=DaemonSet(), user=User("system:serviceaccount:kube-system:namespace-controller")),),
)
def deleted(case: AwsNodeCase) -> Iterator[Problem]:
    """Without aws-node no pod can start on any node, and new nodes never become Ready.

    A replacement is applied over it. Where the deletion is meant, the object itself says so beforehand.
    """
    user = case.resource.user
    if not is_the_aws_node(case.resource) or (user is not None and user.name == CLEANER):
        return
    permit = text(at(case.new.raw, "metadata", "annotations", ALLOW_DELETE))
    refused = _refused_permit(permit, case.now)
    level: Level = "deny" if refused else "warn"
    until = (case.now + _USUAL_PERMIT).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield Problem(
        path=("metadata", "annotations"),
        evidence=(("aws-node deleted", permit or None),),
        level=level,
        wrong=f"DaemonSet kube-system/aws-node is deleted{refused}"
        if refused
        else f"aws-node is deleted, permitted by annotation {ALLOW_DELETE} until {permit}",
        effect="all nodes lose ipamd: no new pod can start, and new nodes stay NotReady",
        remedy="To replace it, apply the new version over it. To delete it all the same: "
        f"`kubectl -n kube-system annotate daemonset aws-node --overwrite {ALLOW_DELETE}={until}`, then "
        "`kubectl -n kube-system delete daemonset aws-node`"
        if refused
        else "Apply aws-node again soon",
    )


def _refused_permit(permit: str, now: datetime) -> str:
    """Why a permit does not count, as the end of a clause; empty where it does."""
    if not permit:
        return " without a permit"
    try:
        until = datetime.fromisoformat(permit)
    except ValueError:
        return f', and its permit "{permit}" is not an RFC 3339 time'
    if until.tzinfo is None:
        return f', and its permit "{permit}" has no time zone'
    if until <= now:
        return f", and its permit ended at {permit}"
    return f", and its permit {permit} is more than an hour ahead" if until > now + _LONGEST_PERMIT else ""
