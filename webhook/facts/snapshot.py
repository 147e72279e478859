"""The snapshot: all facts of a cluster at one time, as one JSON object.

`cni-guard facts` writes it; the webhook and the commands read it. It has one key for each fact; an absent key is a fact
that is not known, and an unknown key, which a later cni-guard may write, is ignored. A value of null means that there
is no such object. The JSON Schema beside this module (snapshot.schema.json) is generated from these types.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from webhook.facts import EniConfig, Fact, FactName, Facts, Node, Service, Source, Workload
from webhook.model import Json

API_VERSION: Literal["cni-guard.dev/v1alpha1"] = "cni-guard.dev/v1alpha1"

LIMIT = 64 * 2**20
"""Bytes of a snapshot: several times as many as one of the largest clusters needs (5,000 nodes take about 10 MiB)."""

STALE_AFTER = timedelta(minutes=10)
"""Age from which the webhook does not use a snapshot."""

_CLOCK_SKEW = timedelta(seconds=60)
"""How far ahead of the local clock a snapshot may be."""

_AGAIN = "write it again with `cni-guard facts`"


class SnapshotError(Exception):
    """A snapshot that cannot be used; the message says why and what to do."""


class Snapshot(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is known of one cluster at one time."""

    api_version: Literal["cni-guard.dev/v1alpha1"]
    kind: Literal["Snapshot"]
    taken: Annotated[datetime, Meta(tz=True, description="When the facts were known to be true (RFC 3339).")]
    cluster: Annotated[str, Meta(description="The name of the cluster, if it is known.")] | UnsetType = UNSET
    kubernetes: (
        Annotated[str, Meta(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$", description='The version of the API server, "1.33".')]
        | UnsetType
    ) = UNSET
    nodes: tuple[Node, ...] | UnsetType = UNSET
    eni_configs: tuple[EniConfig, ...] | UnsetType = UNSET
    aws_node: (
        Annotated[tuple[Json, ...], Meta(description="The DaemonSets that run the CNI, with their status.")] | UnsetType
    ) = UNSET
    services: (
        Annotated[tuple[Service, ...], Meta(description="The Services of type NodePort or LoadBalancer.")] | UnsetType
    ) = UNSET
    kube_proxy_mode: Annotated[str, Meta(description="iptables, ipvs or nftables.")] | UnsetType = UNSET
    workloads: (
        Annotated[tuple[Workload, ...], Meta(description="All DaemonSets and Deployments but aws-node.")] | UnsetType
    ) = UNSET
    config_map: (
        Annotated[Mapping[str, str], Meta(description="The data of ConfigMap kube-system/amazon-vpc-cni.")]
        | UnsetType
        | None
    ) = UNSET
    security_group_policies: (
        Annotated[tuple[str, ...], Meta(description="The SecurityGroupPolicies, as namespace/name.")] | UnsetType
    ) = UNSET
    policy_endpoints: Annotated[bool, Meta(description="Whether there are PolicyEndpoints.")] | UnsetType = UNSET
    network_policies: (
        Annotated[bool, Meta(description="Whether there are NetworkPolicies in kube-system.")] | UnsetType
    ) = UNSET
    crds: Annotated[frozenset[str], Meta(description="The names of the CustomResourceDefinitions.")] | UnsetType = UNSET
    cluster_role: Annotated[Json, Meta(description="ClusterRole aws-node.")] = UNSET
    cluster_role_binding: Annotated[Json, Meta(description="ClusterRoleBinding aws-node.")] = UNSET
    service_account: Annotated[Json, Meta(description="ServiceAccount kube-system/aws-node.")] = UNSET
    templates: (
        Annotated[
            frozenset[str],
            Meta(description="SHA-256 of the canonical JSON of each pod template in a ControllerRevision of aws-node."),
        ]
        | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, facts: Facts, taken: datetime, cluster: str = "") -> "Snapshot":
        """The snapshot of these facts."""
        known: dict[str, Any] = {name: fact.value for name in _NAMES if (fact := getattr(facts, name)) is not None}
        if facts.kubernetes is not None:
            known["kubernetes"] = ".".join(map(str, facts.kubernetes.value))
        return cls(
            api_version=API_VERSION, kind="Snapshot", taken=taken.astimezone(UTC), cluster=cluster or UNSET, **known
        )

    def facts(self, source: Source = "file") -> Facts:
        """All facts, whatever their age."""
        values = {name: value for name in _NAMES if (value := getattr(self, name)) is not UNSET}
        if not isinstance(self.kubernetes, UnsetType):
            values["kubernetes"] = tuple(map(int, self.kubernetes.split(".")))
        found: dict[str, Any] = {name: Fact(value, source, self.taken) for name, value in values.items()}
        return Facts(**found)

    def age(self, now: datetime) -> timedelta:
        """How old it is."""
        return now - self.taken

    def is_stale(self, now: datetime) -> bool:
        """Whether the webhook counts its facts as absent."""
        return self.age(now) > STALE_AFTER


_NAMES: tuple[FactName, ...] = get_args(FactName)

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Snapshot)


class _Head(Struct, rename="camel"):
    """What tells a snapshot of this version from anything else."""

    api_version: Json = None
    kind: Json = None


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as compact JSON; equal facts give equal bytes, whatever the order of keys and sets."""
    return _ENCODER.encode(snapshot)


def decode(content: bytes, now: datetime) -> Snapshot:
    """Parse a snapshot.

    Raises:
        SnapshotError: It is too large, damaged, of another version or from the future, or it is not a snapshot.
    """
    check_size(len(content))
    try:
        _check_head(content)
        snapshot = _DECODER.decode(content)
    except msgspec.ValidationError as error:
        raise SnapshotError(f"not a valid snapshot: {error}: {_AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"the snapshot is damaged or incomplete: {error}: {_AGAIN}") from error
    ahead = -snapshot.age(now)
    if ahead > _CLOCK_SKEW:
        seconds = int(ahead.total_seconds())
        reason = f"the snapshot is from the future, {seconds} s ahead of this clock: correct the clocks, then {_AGAIN}"
        raise SnapshotError(reason)
    return snapshot


def check_size(size: int) -> None:
    """Check the size of a snapshot in bytes, which is possible before it is read.

    Raises:
        SnapshotError: It is too large.
    """
    if size > LIMIT:
        raise SnapshotError(f"too large for a snapshot: {size} bytes, at most {LIMIT}: {_AGAIN}")


def _check_head(content: bytes) -> None:
    try:
        head = msgspec.json.decode(content, type=_Head)
    except msgspec.ValidationError:
        head = _Head()
    if head.kind != "Snapshot":
        raise SnapshotError("not a snapshot (its kind is not Snapshot): give a file that `cni-guard facts` wrote")
    if head.api_version != API_VERSION:
        found = head.api_version if isinstance(head.api_version, str) else "missing"
        reason = f"apiVersion is {found}, expected {API_VERSION}: {_AGAIN} of this version"
        raise SnapshotError(reason)


def schema() -> dict[str, Any]:
    """The JSON Schema of a snapshot (draft 2020-12)."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://cni-guard.dev/schemas/snapshot.v1alpha1.json",
        "title": "cni-guard snapshot",
    }
    return head | msgspec.json.schema(Snapshot)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
