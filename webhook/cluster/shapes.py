"""The fields that are decoded of each kind, and the facts that they become."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from webhook.cni.identity import is_aws_node
from webhook.facts import Compute, EniConfig, Node, Service, Workload
from webhook.facts.templates import template_hash
from webhook.model import Json, at, text

_NAME_LENGTH = 253
"""Characters of the longest name of an object: a longer annotation cannot name an ENIConfig."""

_COMPUTE: dict[str, Compute] = {"fargate": "fargate", "hybrid": "hybrid", "auto": "auto"}
_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_TARGET_TYPE = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"
_BALANCER_TYPE = "service.beta.kubernetes.io/aws-load-balancer-type"


class _Part(Struct, rename="camel"):
    """A part of an object; fields that are not named are skipped."""


class Owner(_Part):
    """An owner of an object."""

    uid: str = ""


class Metadata(_Part):
    """The metadata of an object."""

    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class Named(_Part):
    """An object of any kind."""

    metadata: Metadata


class _Allocatable(_Part):
    pods: str | int | None = None


class _NodeStatus(_Part):
    allocatable: _Allocatable | None = None


class _Node(Named):
    status: _NodeStatus | None = None


class _EniConfig(Named):
    spec: Json = None


class _ServiceSpec(_Part):
    type: str = ""
    external_traffic_policy: str = ""


class _Service(Named):
    spec: _ServiceSpec


class _Port(_Part):
    host_port: int = 0


class _Container(_Part):
    image: str = ""
    ports: list[_Port] | None = None


class _PodSpec(_Part):
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    host_network: bool = False


class _Template(_Part):
    spec: _PodSpec


class _WorkloadSpec(_Part):
    template: _Template


class _Workload(Named):
    spec: _WorkloadSpec


class _ConfigMap(Named):
    data: dict[str, str] | None = None


class _Revision(Named):
    data: Json = None


class Revision(Struct, frozen=True):
    """The pod template of a ControllerRevision."""

    owners: tuple[str, ...]
    """UIDs."""
    hash: str


def node(raw: Raw) -> Node:
    """A node. Its status is full of heartbeats, so little of it is kept."""
    found = msgspec.json.decode(raw, type=_Node)
    labels = found.metadata.labels or {}
    pods = str(found.status.allocatable.pods) if found.status and found.status.allocatable else ""
    annotations = found.metadata.annotations or {}
    return Node(
        name=found.metadata.name,
        zone=next((labels[key] for key in _ZONES if key in labels), ""),
        instance_type=labels.get("node.kubernetes.io/instance-type", ""),
        labels=labels,
        annotations={key: value for key, value in annotations.items() if len(value) <= _NAME_LENGTH},
        os=labels.get("kubernetes.io/os", "linux"),
        arch=labels.get("kubernetes.io/arch", "amd64"),
        pods=int(pods) if pods.isdecimal() else None,
        compute=_COMPUTE.get(labels.get("eks.amazonaws.com/compute-type", ""), "ec2"),
    )


def eni_config(raw: Raw) -> EniConfig:
    """An ENIConfig. Its CRD may accept any shape."""
    found = msgspec.json.decode(raw, type=_EniConfig)
    groups = at(found.spec, "securityGroups")
    return EniConfig(
        name=found.metadata.name,
        subnet=text(at(found.spec, "subnet")),
        security_groups=tuple(one for one in groups if isinstance(one, str)) if isinstance(groups, list) else (),
    )


def service(raw: Raw) -> Service | None:
    """A Service that is reached through node ports."""
    found = msgspec.json.decode(raw, type=_Service)
    kind = found.spec.type
    if kind not in {"NodePort", "LoadBalancer"}:
        return None
    annotations = found.metadata.annotations or {}
    to_pods = annotations.get(_TARGET_TYPE) == "ip" or annotations.get(_BALANCER_TYPE) == "nlb-ip"
    return Service(
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        type="NodePort" if kind == "NodePort" else "LoadBalancer",
        local=found.spec.external_traffic_policy == "Local",
        instance_targets=kind == "NodePort" or not to_pods,
    )


def daemon_set(raw: Raw) -> Workload | dict[str, Json]:
    """A DaemonSet; whole if it runs the CNI."""
    found = msgspec.json.decode(raw)
    if is_aws_node(found):
        return {**found, "apiVersion": "apps/v1", "kind": "DaemonSet"}
    return _workload("DaemonSet", raw)


def deployment(raw: Raw) -> Workload:
    """A Deployment."""
    return _workload("Deployment", raw)


def _workload(kind: Literal["DaemonSet", "Deployment"], raw: Raw) -> Workload:
    found = msgspec.json.decode(raw, type=_Workload)
    pod = found.spec.template.spec
    containers = [*(pod.init_containers or ()), *(pod.containers or ())]
    return Workload(
        kind=kind,
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        images=tuple(one.image for one in containers),
        host_network=pod.host_network,
        host_ports=tuple(_host_ports(containers)),
    )


def _host_ports(containers: list[_Container]) -> Iterator[int]:
    ports = chain.from_iterable(one.ports or () for one in containers)
    return (port.host_port for port in ports if port.host_port)


def config_map(raw: Raw) -> dict[str, str]:
    """The data of a ConfigMap."""
    return msgspec.json.decode(raw, type=_ConfigMap).data or {}


def revision(raw: Raw) -> Revision | None:
    """The pod template in a ControllerRevision; None if there is none, as in those of StatefulSets."""
    found = msgspec.json.decode(raw, type=_Revision)
    template = at(found.data, "spec", "template")
    if template is None:
        return None
    owners = tuple(one.uid for one in found.metadata.owner_references or ())
    return Revision(owners, template_hash(template))


def name(raw: Raw) -> str:
    """The name, with the namespace if there is one: ``namespace/name``."""
    return key(msgspec.json.decode(raw, type=Named).metadata)


def whole(api_version: str, kind: str) -> Callable[[Raw], dict[str, Any]]:
    """Keeps the whole object, with its kind, which lists leave out."""

    def take(raw: Raw) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        return {**found, "apiVersion": api_version, "kind": kind}

    return take


def key(metadata: Metadata) -> str:
    """What tells an object from the others of its kind."""
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name
