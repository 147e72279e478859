"""CN-003: custom networking on a living cluster."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.living import nodes_of, on_or_off
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Problem

_SWITCH = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
_ON = {_SWITCH: "true", "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone"}


@rule(
    "CN-003",
    "Custom networking is switched while nodes run",
    level="warn",
    needs=("nodes",),
    link=links.CUSTOM_NETWORKING,
    bad=(
        Example(DaemonSet(env=_ON), before=DaemonSet()),
        Example(DaemonSet(), before=DaemonSet(env=_ON)),
    ),
    good=(Example(DaemonSet(env=_ON), before=DaemonSet(env=_ON)),),
)
def switched(case: AwsNodeCase) -> Iterator[Problem]:
    """Nodes keep the interfaces that they have, and with custom networking pods may not use the primary one.

    So a node holds fewer pods than before, and the scheduler goes on filling it up to the kubelet's old limit.
    """
    if case.old is None or case.old.main is None or case.new.main is None:
        return
    was, now = case.old.custom_networking, case.new.custom_networking
    nodes = nodes_of(case)
    if was is now or nodes == 0:
        return
    main = case.new.main
    running = "running nodes" if nodes is None else f"{nodes} running node{'s' if nodes > 1 else ''}"
    pods = (
        ", and each node holds (interfaces - 1) x (addresses - 1) + 2 pods from now on: a higher limit of the kubelet "
        "overfills it"
    )
    yield Problem(
        path=main.where(_SWITCH),
        evidence=((f"{_SWITCH} before", on_or_off(was)), *main.as_read(_SWITCH)),
        level="warn",
        wrong=f"custom networking goes {on_or_off(was)} → {on_or_off(now)}",
        effect=f"{running} keep{'s' * (nodes == 1)} the interfaces in the other subnet until they are replaced"
        + (pods if now else ""),
        remedy="Replace the nodes one group at a time" + (", with a lower limit of pods" if now else ""),
    )
