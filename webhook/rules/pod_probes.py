"""POD-008: health probes, resources and ports with which ipamd does not keep up."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, container, probe
from webhook.catalogue.parts import probe_path
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.sizes import impatient_probes, small_resources, taken_ports
from webhook.cni.addresses import Asked, Flaw, Opaque, Speaks
from webhook.cni.agents import IPAMD_SOCKET
from webhook.cni.probes import ProbeTarget
from webhook.cni.stock import stock
from webhook.facts import Fact, Facts, Workload
from webhook.model import Edit, Json, Problem
from webhook.printable import named


def _timed(timeout: int, delay: int) -> dict[str, Any]:
    """A liveness probe of the official manifest with other times."""
    official = container(stock(), "aws-node")["livenessProbe"]
    return {"livenessProbe": official | {"timeoutSeconds": timeout, "initialDelaySeconds": delay}}


_RESOURCES: Mapping[str, Any] = MappingProxyType({"requests": {"cpu": "25m"}})
_PROXY = Workload(kind="DaemonSet", namespace="monitoring", name="exporter", host_network=True, host_ports=(8162,))
_WORKLOADS = Facts(workloads=Fact((_PROXY,), "cluster"))


@rule(
    "POD-008",
    "Weak health probes, few resources, or a port in use",
    level="warn",
    link=links.BEST_PRACTICES,
    formerly=("B8",),
    rests_on_releases=True,
    needs=("workloads",),
    bad=(
        Example(DaemonSet(without=("livenessProbe",)), fixed=DaemonSet()),
        Example(DaemonSet(without=("livenessProbe", "readinessProbe")), fixed=DaemonSet()),
        Example(DaemonSet(fields={"livenessProbe": {"httpGet": {"port": "metrics", "path": "/metrics"}}})),
        Example(DaemonSet(probe_address=":50052")),
        Example(DaemonSet(release="1.22.4", fields={"livenessProbe": {"grpc": {"port": 50051}}})),
        Example(DaemonSet(fields=probe("curl", "-f", "http://localhost:61679/v1/enis"))),
        Example(DaemonSet(fields=_timed(1, 60))),
        Example(DaemonSet(fields=_timed(10, 5))),
        Example(DaemonSet(fields={"resources": {"requests": {"cpu": "10m"}}})),
        Example(DaemonSet(fields={"resources": {**_RESOURCES, "limits": {"cpu": "1"}}})),
        Example(DaemonSet(fields={"resources": {**_RESOURCES, "limits": {"memory": "128Mi"}}})),
        Example(DaemonSet(), facts=_WORKLOADS),
        Example(DaemonSet(release="1.14.1"), before=DaemonSet(release="1.14.0"), facts=_WORKLOADS),
    ),
    good=(
        Example(DaemonSet(release="1.22.4", probe_address="localhost:50051")),
        Example(DaemonSet(fields={"resources": {**_RESOURCES, "limits": {"memory": "512Mi"}}})),
        Example(DaemonSet(), before=DaemonSet(release="1.22.4"), facts=_WORKLOADS),
    ),
)
def weak_probe(case: AwsNodeCase) -> Iterator[Problem]:
    """Without a readiness probe a rollout goes on over broken nodes; without a liveness probe a hung ipamd stays.

    A probe of another port of aws-node (metrics, introspection) answers although ipamd serves no addresses. Before
    1.23.0 ipamd listens on the loopback address alone, where the kubelet's own probes do not ask. A node that runs many
    pods needs patient probes, CPU and memory for ipamd, and the ports at which it listens.
    """
    yield from _missing(case)
    yield from _misdirected(case)
    yield from impatient_probes(case)
    yield from small_resources(case)
    yield from taken_ports(case)


def _misdirected(case: AwsNodeCase) -> Iterator[Problem]:
    version = case.new.version
    right = case.tables.health_address(version or case.tables.newest)
    for kind, answer in case.new.probes.items():
        by, elsewhere = _elsewhere(case, answer)
        if elsewhere:
            addresses = ", ".join(one.address for one in elsewhere)
            yield Problem(
                path=probe_path(case, kind),
                evidence=((f"aws-node {kind} asks", f"{by} {addresses}"), ("ipamd address", right)),
                level="warn",
                wrong=f"the {kind} asks {named(addresses)} by {by}, where ipamd's health service is not",
                effect="it passes although pods get no addresses, or fails although they do",
                remedy=f"Use the probes of the official manifest: grpc-health-probe with -addr={right}",
            )


_BY: Mapping[Speaks, str] = MappingProxyType(
    {"health": "grpc-health-probe", "grpc": "grpc", "tcp": "tcpSocket", "http": "httpGet"}
)


def _elsewhere(case: AwsNodeCase, answer: ProbeTarget) -> tuple[str, tuple[Asked, ...]]:
    """By what a probe asks, and at which ports that are not ipamd's; an unread probe only where it names none."""
    if isinstance(answer, Opaque):
        found = (*answer.given, *answer.mentioned)
        return answer.program, () if any(one.is_ipamds for one in found) else found
    if answer is None or isinstance(answer, Flaw) or answer.socket or not _is_elsewhere(case, answer):
        return "", ()
    return _BY[answer.speaks], (answer,)


def _is_elsewhere(case: AwsNodeCase, answer: Asked) -> bool:
    """Whether a probe asks at a port or host that no release's ipamd has, or in a way that ipamd does not answer."""
    if not answer.is_ipamds:
        return True
    version = case.new.version
    by_kubelet = answer.speaks == "http" or not answer.loopback
    return version is not None and case.tables.health_address(version) != IPAMD_SOCKET and by_kubelet


def _missing(case: AwsNodeCase) -> Iterator[Problem]:
    main = case.new.required
    for kind in ("livenessProbe", "readinessProbe"):
        if main.raw.get(kind) is None:
            official = _official_probe(case, kind)
            says = f"aws-node {kind} of the official manifest"
            yield Problem(
                path=main.path,
                evidence=((f"aws-node {kind}", None),),
                level="warn",
                wrong=f"container aws-node has no {kind}",
                effect="a roll-out does not stop at broken nodes"
                if kind == "readinessProbe"
                else "an ipamd that hangs is never restarted",
                remedy="Take the probe of the official manifest",
                fixes=(Edit(main.path, kind, official, says),) if official else (),
            )


def _official_probe(case: AwsNodeCase, kind: str) -> Json:
    """The probe of the release's own manifest; None where the release is not in the tables."""
    version = case.new.known_version
    if version not in case.tables.pairs:
        return None
    found: dict[str, Any] = container(stock(version, releases=case.tables.releases), "aws-node")
    return found[kind]
