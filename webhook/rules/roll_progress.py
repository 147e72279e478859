"""ROLL-002: a change while the one before is still rolled out."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.repairs import is_repair
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.template import TEMPLATE, changes_template, progress
from webhook.model import Problem

_DONE = {"desiredNumberScheduled": 9, "updatedNumberScheduled": 9}


@rule(
    "ROLL-002",
    "A change during an unfinished rollout",
    level="warn",
    link=links.MANAGE,
    bad=(
        Example(
            DaemonSet(env={"AWS_VPC_K8S_CNI_LOGLEVEL": "INFO"}),
            before=DaemonSet(status=_DONE | {"updatedNumberScheduled": 4, "numberUnavailable": 1}),
        ),
        Example(
            DaemonSet(env={"AWS_VPC_K8S_CNI_LOGLEVEL": "INFO"}),
            before=DaemonSet(status=_DONE | {"numberUnavailable": 2}),
        ),
    ),
    good=(
        Example(DaemonSet(env={"AWS_VPC_K8S_CNI_LOGLEVEL": "INFO"}), before=DaemonSet(status=_DONE)),
        Example(DaemonSet(annotations={"team": "net"}), before=DaemonSet(status=_DONE | {"numberUnavailable": 2})),
    ),
)
def unfinished(case: AwsNodeCase) -> Iterator[Problem]:
    """A further change hides which one broke the nodes. It only warns: a stuck rollout is repaired by a change.

    A step down in version and a change of what is denied are such repairs, and are not mentioned.
    """
    if case.old is None or not changes_template(case.old.raw, case.new.raw):
        return
    state = progress(case.old.raw)
    if state is None or state.finished or is_repair(case):
        return
    how_far = (
        f"{state.updated} of {state.desired} nodes updated, {state.unavailable} unavailable"
        if state.seen
        else "the controller has not seen the last change yet"
    )
    yield Problem(
        path=TEMPLATE,
        evidence=(("rollout", how_far),),
        level="warn",
        wrong=f"aws-node is still rolling out ({how_far})",
        effect="a further change hides which of the two broke a node",
        remedy="Wait for `kubectl rollout status ds/aws-node -n kube-system`, or roll back",
    )
