"""SNAT-005: the way back of connections that come in through a node port."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.living import daemon_set
from webhook.catalogue.nodes import number
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.overruled import EXTERNAL_SNAT
from webhook.facts import Fact, Facts, Service, Workload
from webhook.model import Evidence, Problem

_PORTS, _MARK, _IPV6 = "AWS_VPC_CNI_NODE_PORT_SUPPORT", "AWS_VPC_K8S_CNI_CONNMARK", "ENABLE_IPv6"
_OF_KUBE_PROXY, _OF_CALICO = 0xC000, 0xFFFF0000
"""The bits of a connection's mark that others use (pkg/networkutils/network.go, defaultConnmark)."""

_SERVICES = Facts(services=Fact((Service(namespace="web", name="front", type="NodePort"),), "cluster"))
_NO_SERVICES = Facts(services=Fact((), "cluster"))
_CALICO = Workload(kind="DaemonSet", namespace="calico-system", name="calico-node")
_WITH_CALICO = Facts(workloads=Fact((_CALICO,), "cluster"))
_WITHOUT_CALICO = Facts(workloads=Fact((), "cluster"))


@rule(
    "SNAT-005",
    "Node ports without a way back, or with a mark that others use",
    since=_PORTS,
    level="deny",
    needs=("services", "workloads"),
    link=links.VARIABLES,
    bad=(
        Example(DaemonSet(env={_PORTS: "false"}), facts=_SERVICES),
        env(AWS_VPC_CNI_NODE_PORT_SUPPORT="false", level="warn"),
        env(AWS_VPC_K8S_CNI_CONNMARK="0x4000"),
        Example(DaemonSet(env={_MARK: "0x10000"}), facts=_WITH_CALICO),
    ),
    good=(
        Example(DaemonSet(env={_PORTS: "false"}), facts=_NO_SERVICES),
        Example(DaemonSet(env={_MARK: "0x10000"}), facts=_WITHOUT_CALICO),
        env(AWS_VPC_K8S_CNI_CONNMARK="0x100"),
    ),
)
def node_ports(case: AwsNodeCase) -> Iterator[Problem]:
    """A node port is reached through the primary interface, and the pod behind it may be on a secondary one.

    The CNI marks such connections, so that replies leave by the interface through which the request came in. The mark
    is one bit of 32, which kube-proxy and Calico use too.
    """
    if case.new.ipv6:
        return
    supported = case.new.flag(_PORTS)
    if not supported:
        yield from _without_support(case)
    if supported or not case.new.external_snat:
        yield from _shared_mark(case)


def _without_support(case: AwsNodeCase) -> Iterator[Problem]:
    known = case.facts.services
    found = [one for one in known.value if one.instance_targets] if known else []
    if known and not found:
        return
    main = case.new.required
    reached = f" with {number(len(found), 'Service')} behind node ports" if found else ""
    example = f", such as {found[0].namespace}/{found[0].name}" if found else ""
    otherwise = "" if found else ", unless the cluster has no Services of type NodePort, or LoadBalancer with instances"
    yield Problem(
        path=main.where(_PORTS),
        evidence=(*main.evidence(_PORTS), *main.as_read(_IPV6)),
        level="deny" if found else "warn",
        wrong=f"{_PORTS}={main.get(_PORTS)}{reached}{example}",
        effect="pods on secondary interfaces send their replies by the wrong one, and connections through node ports "
        "hang",
        remedy=f"Set {_PORTS}=true{otherwise}",
    )


def _shared_mark(case: AwsNodeCase) -> Iterator[Problem]:
    mark = case.new.connmark
    if mark & _OF_KUBE_PROXY:
        yield _shared(case, "kube-proxy", f"kube-proxy ({_OF_KUBE_PROXY:#x})")
    if mark & _OF_CALICO and (found := daemon_set(case, "calico-node", "calico/node")):
        yield _shared(case, "Calico", f"Calico ({_OF_CALICO:#x}, DaemonSet {found})")


def _shared(case: AwsNodeCase, name: str, other: str) -> Problem:
    main = case.new.required
    # They decide whether the mark is used, not which problem it is.
    with_it: Evidence = tuple((f"{main.name} env {one}", "as it counts") for one in (_PORTS, EXTERNAL_SNAT, _IPV6))
    return Problem(
        path=main.where(_MARK),
        evidence=(*main.evidence(_MARK), *with_it, ("shares bits with", name)),
        level="deny",
        wrong=f"{_MARK}={main.get(_MARK)} shares bits with {other}",
        effect="each takes the marks of the other for its own, and connections leave by the wrong interface or are "
        "dropped",
        remedy=f"Remove {_MARK}: the default, 0x80, is free",
    )
