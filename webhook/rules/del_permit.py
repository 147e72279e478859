"""DEL: objects without which the network stops."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from webhook.catalogue import links, moments
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.identity import is_the_aws_node
from webhook.model import Json, Problem, User, at, text

ALLOW_DELETE = "cni-guard.dev/allow-delete"
"""The annotation on the stored object that permits its deletion until a time, RFC 3339, an hour ahead at most."""

_LONGEST_PERMIT = timedelta(hours=1)
_USUAL_PERMIT = timedelta(minutes=15)

CLEANER = "system:serviceaccount:kube-system:namespace-controller"
"""It empties a namespace whose deletion somebody was already allowed."""

_LATER = {ALLOW_DELETE: "9999-01-01T00:00:00Z"}


@rule(
    "DEL-001",
    "aws-node is deleted",
    level="deny",
    reads=("rest",),
    link=links.BEST_PRACTICES,
    operations=("CREATE", "UPDATE", "DELETE"),
    excusable=False,
    bad=(
        Example(None, before=DaemonSet()),
        Example(DaemonSet(annotations=_LATER), before=DaemonSet()),
        Example(DaemonSet(annotations=_LATER | {"a": "b"}), before=DaemonSet(annotations=_LATER)),
        Example(DaemonSet(annotations=_LATER)),
        Example(None, before=DaemonSet(annotations={ALLOW_DELETE: "soon"})),
    ),
    good=(
        Example(None, before=DaemonSet(), user=User("system:serviceaccount:kube-system:namespace-controller")),
        Example(DaemonSet(), before=DaemonSet(annotations=_LATER)),
        Example(DaemonSet(annotations={ALLOW_DELETE: "2026-01-01T00:00:00Z"})),
    ),
)
def deleted(case: AwsNodeCase) -> Iterator[Problem]:
    """Without aws-node no pod can start on any node, and new nodes never become Ready.

    A replacement is applied over it. Where the deletion is meant, an annotation on the object says so beforehand, for
    an hour at most: one that lies further ahead is not stored, so that none waits to be used.
    """
    user = case.change.user
    if not is_the_aws_node(case.change) or (user is not None and user.name == CLEANER):
        return
    permit = text(at(case.new.raw, "metadata", "annotations", ALLOW_DELETE))
    if case.change.operation == "DELETE":
        yield _deletion(case, permit)
    else:
        until = moments.read(permit)
        if until is not None and until > case.now + _LONGEST_PERMIT:
            yield _ripening(case, permit)


def _deletion(case: AwsNodeCase, permit: str) -> Problem:
    refused = _refused_permit(case.new.raw, permit, case.now)
    return Problem(
        path=("metadata", "annotations"),
        evidence=(("aws-node deleted", permit or None),),
        level="deny" if refused else "warn",
        wrong=f"DaemonSet kube-system/aws-node is deleted{refused}"
        if refused
        else f"aws-node is deleted, permitted by annotation {ALLOW_DELETE} until {permit}",
        effect="all nodes lose ipamd: no new pod can start, and new nodes stay NotReady",
        remedy="To replace it, apply the new version over it. To delete it all the same: "
        f"{_command(case.now)}, then `kubectl -n kube-system delete daemonset aws-node`"
        if refused
        else "Apply aws-node again soon",
    )


def _command(now: datetime) -> str:
    until = (now + _USUAL_PERMIT).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"`kubectl -n kube-system annotate daemonset aws-node --overwrite {ALLOW_DELETE}={until}`"


def _ripening(case: AwsNodeCase, permit: str) -> Problem:
    return Problem(
        path=("metadata", "annotations", ALLOW_DELETE),
        evidence=(("aws-node permit", permit),),
        level="deny",
        wrong=f"annotation {ALLOW_DELETE} permits the deletion of aws-node until {permit}, more than an hour ahead",
        effect="it would permit a deletion long after the decision to make one",
        remedy=f"Remove the annotation, or write one that ends soon: {_command(case.now)}",
    )


def _refused_permit(daemonset: Json, permit: str, now: datetime) -> str:
    """Why a permit does not count, as the end of a clause; empty where it does."""
    if not permit:
        return " without a permit"
    until = moments.read(permit)
    if until is None:
        return f', and its permit "{permit}" is not an RFC 3339 time'
    if until <= now:
        return f", and its permit ended at {permit}"
    if until > now + _LONGEST_PERMIT:
        return f", and its permit {permit} is more than an hour ahead"
    if _is_written_by_status(daemonset):
        return f", and its permit {permit} was written through the status of the object, which proves no right to do so"
    return ""


def _is_written_by_status(daemonset: Json) -> bool:
    """Whether a writer of the status owns the permit: the API server lets one change annotations too.

    Source: `PrepareForUpdate` of `daemonSetStatusStrategy` (pkg/registry/apps/daemonset/strategy.go of
    kubernetes/kubernetes) keeps the spec alone.
    """
    entries = at(daemonset, "metadata", "managedFields")
    for entry in entries if isinstance(entries, list) else ():
        if at(entry, "subresource") == "status":
            owned = at(entry, "fieldsV1", "f:metadata", "f:annotations")
            if isinstance(owned, dict) and f"f:{ALLOW_DELETE}" in owned:
                return True
    return False
