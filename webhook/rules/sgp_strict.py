"""SGP: what security groups for pods need of nodes, and of the cluster around them."""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from webhook.catalogue import links
from webhook.catalogue.bad_values import SG_MODE
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.living import daemon_set
from webhook.catalogue.parts import brings, default_env
from webhook.catalogue.rule import AwsNodeCase, postponed, rule
from webhook.catalogue.standing import reading_of
from webhook.cni.reading import FATAL
from webhook.facts import Fact, Facts, Node, Service, Workload, need
from webhook.model import CouldNotCheckError, Edit, Problem
from webhook.policy import Policy, SecurityGroups

_ON, _DEMUX, _SNAT = "ENABLE_POD_ENI", "DISABLE_TCP_EARLY_DEMUX", "AWS_VPC_K8S_CNI_EXTERNALSNAT"
_STANDARD = Policy(mode="enforce", security_groups=SecurityGroups(enforcing_mode="standard"))


def _mode(case: AwsNodeCase) -> str:
    """The mode in force; strict where none is set, and before 1.11.0, which knows no other.

    An empty one is strict as long as the release takes it for none; of the others SGP-001 speaks.
    """
    reading = reading_of(case, case.new.required, SG_MODE)
    mode = case.new.required.get(SG_MODE) if reading is not None else None
    if mode is None or (reading is not None and not mode and reading.on_empty not in FATAL):
        return "strict"
    return mode


def _standard(case: AwsNodeCase) -> tuple[Edit, ...]:
    """The mode of the policy where it is another than the CNI's own."""
    wanted = case.policy.security_groups.enforcing_mode
    if wanted != "standard" or reading_of(case, case.new.required, SG_MODE) is None:
        return ()
    return default_env(case, SG_MODE, wanted)


@rule(
    "SGP-002",
    "Strict mode without DISABLE_TCP_EARLY_DEMUX",
    level="warn",
    link=links.SECURITY_GROUPS,
    bad=(
        env(ENABLE_POD_ENI="true"),
        Example(
            DaemonSet(env={_ON: "true"}, init_env={_DEMUX: None}),
            fixed=DaemonSet(env={_ON: "true"}, init_env={_DEMUX: "true"}),
        ),
        Example(
            DaemonSet(env={_ON: "true"}),
            policy=_STANDARD,
            fixed=DaemonSet(env={_ON: "true", SG_MODE: "standard"}),
        ),
    ),
)
def early_demux(case: AwsNodeCase) -> Iterator[Problem]:
    """In strict mode the kubelet cannot reach a pod on a branch interface by TCP while the kernel demultiplexes early.

    Its TCP and HTTP probes then fail, and it restarts the pods. Only the init container reads the variable.
    """
    init = case.new.init
    if init is None or not case.new.pod_eni or reading_of(case, init, _DEMUX) is None or init.flag(_DEMUX):
        return
    if _mode(case) != "strict":
        return
    main = case.new.required
    yield Problem(
        path=init.where(_DEMUX),
        evidence=(*main.as_read(_ON), (f"{main.name} env {SG_MODE}", "strict"), *init.as_read(_DEMUX)),
        level="warn",
        wrong=f"{_ON}=true in strict mode without {_DEMUX}=true in container {init.label}",
        effect="TCP and HTTP probes of the kubelet do not reach pods with their own security groups, which are "
        "restarted over and over",
        remedy=f"Set {_DEMUX}=true in container {init.label} (in container {main.label} it has no effect), or use the "
        "enforcing mode standard",
        fixes=_standard(case) or default_env(case, _DEMUX, "true", init),
    )


_T_NODES = Facts(
    nodes=Fact((Node(name="a", instance_type="t3.large"), Node(name="b", instance_type="m5.large")), "cluster"),
    kube_proxy_mode=Fact("iptables", "cluster"),
    workloads=Fact((), "cluster"),
    services=Fact((), "cluster"),
)
_CALICO = Workload(kind="DaemonSet", namespace="kube-system", name="calico-node")
_DNS = Workload(kind="DaemonSet", namespace="kube-system", name="node-local-dns")
_LOCAL = Service(namespace="web", name="front", type="LoadBalancer", local=True)
_BUSY = Facts(
    nodes=Fact((Node(name="a", instance_type="m5.large"),), "cluster"),
    kube_proxy_mode=Fact("ipvs", "cluster"),
    workloads=Fact((_CALICO, _DNS), "cluster"),
    services=Fact((_LOCAL,), "cluster"),
)


@rule(
    "SGP-003",
    "An enforcing mode that does not fit the cluster",
    level="deny",
    link=links.SECURITY_GROUPS,
    needs=("nodes", "kube_proxy_mode", "workloads", "services"),
    bad=(
        Example(DaemonSet(env={_ON: "true"}), facts=_BUSY),
        Example(
            DaemonSet(env={_ON: "true", _SNAT: "true"}, init_env={_DEMUX: "true"}),
            facts=_BUSY,
            policy=_STANDARD,
            fixed=DaemonSet(env={_ON: "true", _SNAT: "true", SG_MODE: "standard"}, init_env={_DEMUX: "true"}),
        ),
        Example(DaemonSet(env={_ON: "true"}), facts=_T_NODES, level="warn"),
        Example(DaemonSet(env={_ON: "true", SG_MODE: "standard"}), level="warn"),
    ),
    good=(Example(DaemonSet(env={_ON: "true", SG_MODE: "standard", _SNAT: "true"}), facts=_BUSY),),
)
def mode_in_cluster(case: AwsNodeCase) -> Iterator[Problem]:
    """In strict mode a pod's traffic leaves by its branch interface alone, past everything that runs on the node.

    AWS supports IPVS, NodeLocal DNSCache, Calico's policies and load balancers with instance targets and
    externalTrafficPolicy Local only in standard mode. Standard mode has its own condition: while the CNI translates
    addresses, traffic that leaves the VPC passes the security groups of the node.
    """
    if not case.new.pod_eni:
        return
    unknown: list[str] = []
    if _mode(case) == "strict" and brings(case, _ON, SG_MODE):
        for name, counts in _CONFLICTS.items():
            with postponed(unknown):
                if found := counts(case):
                    yield _conflict(case, name, found)
    if _mode(case) == "standard" and not case.new.external_snat and brings(case, _ON, SG_MODE, _SNAT):
        yield _translated(case)
    if brings(case, _ON):
        yield from _without_trunk(case)
    if unknown:
        raise CouldNotCheckError("; ".join(unknown))


def _ipvs(case: AwsNodeCase) -> str:
    return "kube-proxy in mode ipvs" if need(case.facts.kube_proxy_mode, "kube_proxy_mode") == "ipvs" else ""


def _calico(case: AwsNodeCase) -> str:
    return _runs(case, "calico-node", "calico/node", "the network policies of Calico")


def _local_dns(case: AwsNodeCase) -> str:
    return _runs(case, "node-local-dns", "k8s-dns-node-cache", "NodeLocal DNSCache")


def _runs(case: AwsNodeCase, name: str, image: str, what: str) -> str:
    found = daemon_set(case, name, image)
    return f"{what} (DaemonSet {found})" if found else ""


def _local_traffic(case: AwsNodeCase) -> str:
    found = [one for one in need(case.facts.services, "services") if one.local and one.instance_targets]
    if not found:
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"externalTrafficPolicy Local on instance targets (Service {found[0].namespace}/{found[0].name}{more})"


_CONFLICTS: Mapping[str, Callable[[AwsNodeCase], str]] = MappingProxyType(
    {
        "kube-proxy mode": _ipvs,
        "Calico": _calico,
        "NodeLocal DNSCache": _local_dns,
        "externalTrafficPolicy Local": _local_traffic,
    }
)
"""What works in standard mode alone; each says what it found, and nothing where it found nothing."""


def _conflict(case: AwsNodeCase, name: str, found: str) -> Problem:
    main = case.new.required
    return Problem(
        path=main.where(SG_MODE if main.may_have(SG_MODE) else _ON),
        evidence=(*main.as_read(_ON), (f"{main.name} env {SG_MODE}", "strict"), (f"cluster {name}", "in use")),
        level="deny",
        wrong=f"{_ON}=true in strict mode beside {found}",
        effect="AWS supports this in standard mode alone: what pods with their own security groups send and receive "
        "does not pass the node",
        remedy=f"Set {SG_MODE}=standard",
        fixes=_standard(case),
    )


def _translated(case: AwsNodeCase) -> Problem:
    main = case.new.required
    return Problem(
        path=main.where(SG_MODE),
        evidence=(*main.as_read(_ON, _SNAT), *main.evidence(SG_MODE)),
        level="warn",
        wrong=f"{SG_MODE}=standard with {_SNAT} off",
        effect="traffic that leaves the VPC passes the security groups of the node, and not those of the pod",
        remedy=f"Set {_SNAT}=true where NAT gateways translate, or allow for it in the security groups of the nodes",
    )


_NO_TRUNK = re.compile(r"t[0-9]")


def _without_trunk(case: AwsNodeCase) -> Iterator[Problem]:
    listed = case.facts.nodes.value if case.facts.nodes is not None else ()
    nodes = [one for one in listed if one.compute == "ec2" and one.os == "linux"]
    without = [one for one in nodes if _NO_TRUNK.match(one.instance_type)]
    if without:
        main = case.new.required
        yield Problem(
            path=main.where(_ON),
            evidence=(*main.as_read(_ON), ("nodes without a trunk interface", str(len(without)))),
            level="warn",
            wrong=f"{len(without)} of {len(nodes)} nodes are of the t family, such as {without[0].name} "
            f"({without[0].instance_type})",
            effect="they have no trunk interface, so pods with their own security groups are never scheduled there",
            remedy="Make sure that other nodes have room for these pods",
        )
