"""IP6-004: another address family on a living cluster."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.values import go_bool
from webhook.model import Evidence, Level, Problem

_V4, _V6 = "ENABLE_IPv4", "ENABLE_IPv6"
_IPV6 = {_V4: "false", _V6: "true", "ENABLE_PREFIX_DELEGATION": "true"}
_WHOLE = DaemonSet(env=_IPV6, init_env={_V6: "true"}, arguments=("--enable-ipv6=true",))


@rule(
    "IP6-004",
    "The address family of the cluster is switched",
    level="deny",
    link=links.IPV6,
    bad=(
        Example(_WHOLE, before=DaemonSet()),
        Example(DaemonSet(), before=_WHOLE),
        Example(DaemonSet(), before=DaemonSet(env=_IPV6), level="warn"),
    ),
    good=(Example(_WHOLE), Example(_WHOLE, before=_WHOLE)),
)
def flipped(case: AwsNodeCase) -> Iterator[Problem]:
    """The family of a cluster is chosen when it is created. Services and running pods keep theirs.

    A change that takes back a switch which was made in aws-node alone, or which ipamd refused, only warns.
    """
    if case.old is None or case.old.main is None or case.new.main is None:
        return
    was, now = case.old.ipv6, case.new.ipv6
    if was is now:
        return
    main = case.new.required
    undone = _was_broken(case.old) or not _shared(case.old, ipv6=was)
    level: Level = "warn" if undone else "deny"
    before, after = ("IPv6" if ipv6 else "IPv4" for ipv6 in (was, now))
    yield Problem(
        path=main.where(_V6),
        evidence=(("family before", before), *main.as_read(_V4, _V6), *_rests_on(case.old)),
        level=level,
        lowered=undone,
        wrong=f"{_V6} switches the cluster from {before} to {after}",
        effect="the family of a cluster cannot change after its creation: new pods do not reach running pods and "
        "Services, which keep the other family",
        remedy=f"Check that the cluster was created for {after}, and set the family alike in all containers"
        if undone
        else f"Keep the settings of {before}, or create a new cluster for {after}",
    )


def _rests_on(old: AwsNode) -> Evidence:
    """What tells whether the old settings ever worked."""
    needed = ("ENABLE_PREFIX_DELEGATION", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG")
    init = old.init.as_read(_V6) if old.init is not None else ()
    return (*old.required.as_read(_V4, _V6, *needed), *init)


def _was_broken(old: AwsNode) -> bool:
    """Whether ipamd did not run with the old settings, so that they say nothing of the cluster."""
    both = old.flag(_V4) is old.flag(_V6)
    return both or (old.ipv6 and (not old.prefix_delegation or old.custom_networking))


def _shared(old: AwsNode, *, ipv6: bool) -> bool:
    """Whether the old object's other containers had the family too; where there are none, nothing speaks against it."""
    said = [old.init.flag(_V6)] if old.init is not None else []
    argument = go_bool(old.argument("enable-ipv6") or "")
    said += [argument] if argument is not None else []
    return not said or ipv6 in said
