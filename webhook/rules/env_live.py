"""ENV-011 and ENV-012: accepted values that do harm, now or on a live cluster."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.parts import warning
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.values import go_int
from webhook.model import Problem
from webhook.printable import named

_LIVE = ("AWS_VPC_K8S_CNI_VETHPREFIX", "AWS_VPC_ENI_MTU", "POD_MTU")
"""Variables whose change leaves the interfaces of running pods as they were."""


@rule(
    "ENV-011",
    "An interface setting changes while nodes run",
    level="warn",
    link=links.VARIABLES,
    formerly=("ENV-004",),
    bad=(Example(DaemonSet(env={"AWS_VPC_ENI_MTU": "1500"}), before=DaemonSet()),),
)
def changed_while_nodes_run(case: AwsNodeCase) -> Iterator[Problem]:
    """Running pods keep the old value until they are recreated, so a node has pods with both.

    AWS_VPC_ENI_MTU also changes the node's own primary interface (SetupHostNetwork, pkg/networkutils/network.go).
    """
    if case.old is None or case.old.main is None:
        return
    main = case.new.required
    for name in _LIVE:
        row = case.tables.variables["aws-node"].get(name)
        usual = row.default if row else None
        before, now = case.old.main.get(name) or usual, main.get(name) or usual
        if before == now:
            continue
        was, becomes = (named(value or "unset") for value in (before, now))
        node = ", and the node's own primary interface changes too" if name == "AWS_VPC_ENI_MTU" else ""
        yield warning(
            case,
            (name,),
            f"{name} changes from {was} to {becomes} while nodes run",
            f"running pods keep the old value until they are recreated{node}",
            _remedy(case, name),
            before=before,
        )


def _remedy(case: AwsNodeCase, name: str) -> str:
    pods = case.tables.variables["aws-node"].get("POD_MTU")
    if name != "AWS_VPC_ENI_MTU" or pods is None:
        return "Replace the nodes after the rollout"
    return f"To change pods alone, set {pods.name} instead (CNI {pods.since} or newer). Replace the nodes later"


_SHORT_COOLDOWN = 10
"""Seconds."""


@rule(
    "ENV-012",
    "A value that is accepted and does harm",
    level="warn",
    link=links.VARIABLES,
    formerly=("ENV-004",),
    bad=(env(IP_COOLDOWN_PERIOD="0"), env(POD_MTU="9001", AWS_VPC_ENI_MTU="1500")),
    good=(env(AWS_VPC_ENI_MTU="1500", POD_MTU="1400", IP_COOLDOWN_PERIOD="30"),),
)
def harmful_value(case: AwsNodeCase) -> Iterator[Problem]:
    """Nothing checks these values, and pods lose packets or traffic of others reaches them."""
    main = case.new.required
    cooldown = go_int(main.get("IP_COOLDOWN_PERIOD") or "")
    if cooldown is not None and 0 <= cooldown < _SHORT_COOLDOWN:
        yield warning(
            case,
            ("IP_COOLDOWN_PERIOD",),
            f"IP_COOLDOWN_PERIOD={cooldown} is very short",
            "a new pod can get the address of one that peers still send to",
            "Leave it at 30 seconds",
        )
    pod, link = (go_int(main.get(name) or "") for name in ("POD_MTU", "AWS_VPC_ENI_MTU"))
    if pod is not None and link is not None and pod > link:
        yield warning(
            case,
            ("POD_MTU", "AWS_VPC_ENI_MTU"),
            f"POD_MTU={pod} is larger than AWS_VPC_ENI_MTU={link}",
            "large packets are fragmented or lost, and nothing checks it",
            f"Lower POD_MTU to {link} at most",
        )
