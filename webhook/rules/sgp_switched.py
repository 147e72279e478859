"""SGP-004: security groups for pods switched while they are in use."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.bad_values import SG_MODE
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.facts import Fact, Facts
from webhook.model import Level, Problem

_ON, _SNAT = "ENABLE_POD_ENI", "AWS_VPC_K8S_CNI_EXTERNALSNAT"


def _mode(view: AwsNode) -> str:
    """The mode in force; strict where none is set."""
    return view.required.get(SG_MODE) or "strict"


@rule(
    "SGP-004",
    "Security groups for pods, or their mode, switched while in use",
    level="deny",
    link=links.SECURITY_GROUPS,
    needs=("security_group_policies",),
    bad=(
        Example(
            DaemonSet(),
            before=DaemonSet(env={_ON: "true"}),
            facts=Facts(security_group_policies=Fact(("web/front",), "cluster")),
        ),
        Example(DaemonSet(), before=DaemonSet(env={_ON: "true"}), level="warn"),
        Example(
            DaemonSet(env={_ON: "true", SG_MODE: "standard", _SNAT: "true"}),
            before=DaemonSet(env={_ON: "true", _SNAT: "true"}),
            level="warn",
        ),
    ),
    good=(
        Example(
            DaemonSet(),
            before=DaemonSet(env={_ON: "true"}),
            facts=Facts(security_group_policies=Fact((), "cluster")),
        ),
    ),
)
def switched_in_use(case: AwsNodeCase) -> Iterator[Problem]:
    """The trunk interface of a node stays until the node is replaced, and running pods keep what they were given."""
    old = case.old
    if old is None or old.main is None or not old.pod_eni:
        return
    if not case.new.pod_eni:
        yield from _off_in_use(case)
    elif _mode(old) != _mode(case.new):
        main = case.new.required
        yield Problem(
            path=main.where(SG_MODE),
            evidence=(*main.as_read(_ON), *main.evidence(SG_MODE), (f"{SG_MODE} before", _mode(old))),
            level="warn",
            wrong=f"the enforcing mode of security groups for pods goes {_mode(old)} → {_mode(case.new)}",
            effect="only new pods get the new mode, and nodes run both until the others are recreated",
            remedy="Recreate the pods that have their own security groups once the rollout is complete",
        )


def _off_in_use(case: AwsNodeCase) -> Iterator[Problem]:
    main, fact = case.new.required, case.facts.security_group_policies
    if fact is not None and not fact.value:
        return
    level: Level = "warn" if fact is None else "deny"
    shown = "SecurityGroupPolicies may be in use" if fact is None else _listed(fact.value)
    yield Problem(
        path=main.where(_ON),
        evidence=((f"{_ON} before", "true"), *main.as_read(_ON)),
        level=level,
        wrong=f"{_ON} goes true → false while {shown}",
        effect="new pods that the policies select stay Pending, and the trunk interfaces stay until nodes are replaced",
        remedy="Delete the SecurityGroupPolicies and recreate their pods first, and replace the nodes afterwards",
    )


def _listed(policies: tuple[str, ...]) -> str:
    more = f" and {len(policies) - 1} more" if len(policies) > 1 else ""
    return f"SecurityGroupPolicy {policies[0]}{more} {'are' if more else 'is'} in use"
