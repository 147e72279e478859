"""DEL: objects without which the network stops."""

from collections.abc import Iterator

from webhook.catalogue import links, moments
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.permits import ALLOW_DELETE, LONGEST, command, is_cleaner, permit_of, refusal
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.identity import NAMESPACE, is_the_aws_node
from webhook.model import Problem, User

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
    if not is_the_aws_node(case.change) or is_cleaner(case.change.user):
        return
    permit = permit_of(case.new.raw)
    if case.change.operation == "DELETE":
        yield _deletion(case, permit)
    else:
        until = moments.read(permit)
        if until is not None and until > case.now + LONGEST:
            yield _ripening(case, permit)


def _deletion(case: AwsNodeCase, permit: str) -> Problem:
    refused = refusal(case.new.raw, case.now)
    return Problem(
        path=("metadata", "annotations"),
        evidence=(("aws-node deleted", permit or None),),
        level="deny" if refused else "warn",
        wrong=f"DaemonSet kube-system/aws-node is deleted{refused}"
        if refused
        else f"aws-node is deleted, permitted by annotation {ALLOW_DELETE} until {permit}",
        effect="all nodes lose ipamd: no new pod can start, and new nodes stay NotReady",
        remedy="To replace it, apply the new version over it. To delete it all the same: "
        f"{_permit(case)}, then `kubectl -n kube-system delete daemonset aws-node`"
        if refused
        else "Apply aws-node again soon",
    )


def _permit(case: AwsNodeCase) -> str:
    return command("daemonset aws-node", NAMESPACE, case.now)


def _ripening(case: AwsNodeCase, permit: str) -> Problem:
    return Problem(
        path=("metadata", "annotations", ALLOW_DELETE),
        evidence=(("aws-node permit", permit),),
        level="deny",
        wrong=f"annotation {ALLOW_DELETE} permits the deletion of aws-node until {permit}, more than an hour ahead",
        effect="it would permit a deletion long after the decision to make one",
        remedy=f"Remove the annotation, or write one that ends soon: {_permit(case)}",
    )
