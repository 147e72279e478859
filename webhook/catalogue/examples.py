"""Examples of changes, each described as a difference from a valid object, so that it shows only what matters."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from webhook.cni.aws_node import POD_SPEC
from webhook.cni.eniconfig import API_VERSION
from webhook.cni.identity import change_of
from webhook.cni.resolution import CUSTOM_NETWORKING, LABEL_KEY, ZONE
from webhook.cni.stock import stock
from webhook.facts import NOTHING_KNOWN, EniConfig, Fact, Facts, Node
from webhook.model import Change, Json, Level, Operation, Source, User, at, text
from webhook.policy import BUILT_IN, Policy

RELEASE = "1.23.1"
"""The release of an example that names no other one."""

EVALUATED_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""The time at which examples are evaluated: some depend on a date."""

REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
CNI = f"{REGISTRY}/amazon-k8s-cni"
DIGEST = "sha256:" + "0123456789abcdef" * 4
"""A digest that is not in any policy."""

_ZONE = "us-west-2a"
ONE_ZONE = Facts(
    nodes=Fact((Node(name="node-1", zone=_ZONE, labels={ZONE: _ZONE}),), "cluster"),
    eni_configs=Fact((EniConfig(name=_ZONE, subnet="subnet-0123456789abcdef0"),), "cluster"),
)
"""A cluster with a node in one zone, and the ENIConfig of this zone."""
BY_ZONE = {CUSTOM_NETWORKING: "true", LABEL_KEY: ZONE}
"""The variables of custom networking with an ENIConfig for each zone."""

Variables = Mapping[str, str | dict[str, Any] | None]
"""Variables to set; None removes a variable, a mapping is the whole entry (for `valueFrom`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSet:
    """The official manifest of a release with some differences."""

    release: str = RELEASE
    env: Variables = field(default_factory=dict)
    init_env: Variables = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    """Images by container."""
    arguments: tuple[str, ...] = ()
    """Flags of the network policy agent; each replaces the flag of the same name."""
    without: tuple[str, ...] = ()
    """Fields to remove from container aws-node."""
    probe_address: str = ""
    """The address that both probes ask, instead of the one of the release."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    repeat: tuple[str, ...] = ()
    """Variables of container aws-node to list a second time."""
    sidecar: str = ""
    """The image of an additional container."""
    sidecar_fields: Mapping[str, Json] = field(default_factory=dict)
    """Other fields of that container."""
    fields: Mapping[str, Json] = field(default_factory=dict)
    """Fields to set in container aws-node."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New names of containers; an empty one removes the name."""
    metadata: Json = None
    """Replaces the whole metadata."""
    spec: Mapping[str, Json] = field(default_factory=dict)
    """Fields to set in the DaemonSet's spec; None removes one."""
    pod: Mapping[str, Json] = field(default_factory=dict)
    """Fields to set in the pod's spec; None removes one."""
    status: Mapping[str, Json] = field(default_factory=dict)
    """The status, as the controller writes it."""
    init_fields: Mapping[str, Json] = field(default_factory=dict)
    """Fields to set in the init container."""
    agent_fields: Mapping[str, Json] = field(default_factory=dict)
    """Fields to set in the network policy agent."""
    without_containers: tuple[str, ...] = ()
    """Containers to remove."""

    def build(self) -> dict[str, Any]:
        """The object."""
        daemonset = stock(self.release)
        for name, image in self.images.items():
            container(daemonset, name)["image"] = image
        main = container(daemonset, "aws-node")
        set_env(main, self.env)
        set_env(container(daemonset, "aws-vpc-cni-init"), self.init_env)
        main["env"] += [deepcopy(entry) for entry in main["env"] if entry["name"] in self.repeat]
        for name in self.without:
            main.pop(name, None)
        main |= deepcopy(dict(self.fields))
        if self.probe_address:
            for probe in ("livenessProbe", "readinessProbe"):
                main[probe]["exec"]["command"][1] = f"-addr={self.probe_address}"
        if self.arguments:
            flags = {argument.partition("=")[0] for argument in self.arguments}
            agent = container(daemonset, "aws-eks-nodeagent")
            kept = [argument for argument in agent["args"] if argument.partition("=")[0] not in flags]
            agent["args"] = [*kept, *self.arguments]
        if self.sidecar:
            further = deepcopy(dict(self.sidecar_fields))
            at(daemonset, *POD_SPEC, "containers").append({"name": "sidecar", "image": self.sidecar} | further)
        if self.annotations:
            daemonset["metadata"]["annotations"] = dict(self.annotations)
        self._shape(daemonset)
        self._rename(daemonset)
        daemonset |= {"status": dict(self.status)} if self.status else {}
        return daemonset if self.metadata is None else daemonset | {"metadata": deepcopy(self.metadata)}

    def _shape(self, daemonset: dict[str, Any]) -> None:
        """Set the fields around containers, and remove containers."""
        for name, fields in (("aws-vpc-cni-init", self.init_fields), ("aws-eks-nodeagent", self.agent_fields)):
            if fields:
                container(daemonset, name).update(deepcopy(dict(fields)))
        pod = at(daemonset, *POD_SPEC)
        for holder, fields in ((daemonset["spec"], self.spec), (pod, self.pod)):
            for name, value in fields.items():
                holder.pop(name, None)
                if value is not None:
                    holder[name] = deepcopy(value)
        for kind in ("initContainers", "containers") if self.without_containers else ():
            pod[kind] = [one for one in pod[kind] if one["name"] not in self.without_containers]

    def _rename(self, daemonset: dict[str, Any]) -> None:
        for old, new in self.renamed.items():
            holder = container(daemonset, old)
            holder.pop("name")
            if new:
                holder["name"] = new


@dataclass(frozen=True, slots=True, kw_only=True)
class ENIConfig:
    """An ENIConfig."""

    spec: Any
    name: str = "us-west-2a"
    api_version: str = API_VERSION
    namespace: str = ""
    applied: str = ""
    """The last-applied-configuration annotation of kubectl apply."""
    root: Mapping[str, Json] = field(default_factory=dict)
    """Fields to set at the root, next to or instead of `spec` and `metadata`."""

    def build(self) -> dict[str, Any]:
        """The object."""
        metadata: dict[str, Any] = {"name": self.name}
        if self.namespace:
            metadata["namespace"] = self.namespace
        if self.applied:
            metadata["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": self.applied}
        official = {"apiVersion": self.api_version, "kind": "ENIConfig", "metadata": metadata}
        return {**official, "spec": deepcopy(self.spec), **deepcopy(dict(self.root))}


@dataclass(frozen=True, slots=True)
class Whole:
    """Another object, given whole."""

    raw: Mapping[str, Json]

    def build(self) -> dict[str, Any]:
        """The object."""
        return deepcopy(dict(self.raw))


Described = DaemonSet | ENIConfig | Whole


@dataclass(frozen=True, slots=True)
class Example:
    """A change, and what the rule that it belongs to is expected to say of it.

    With `before` it is an update; with `before` alone a deletion.
    """

    now: Described | None
    before: Described | None = None
    user: User | None = None
    file: str = ""
    """The file in which `check` finds the object; without one it is a request to the API server."""
    facts: Facts = NOTHING_KNOWN
    """What is known of the cluster."""
    policy: Policy = BUILT_IN
    level: Level | None = None
    """The level of the most serious problem; None for the highest level of the rule."""
    certain: bool = False
    """Whether one of the problems is certain to fail."""
    fixed: DaemonSet | None = None
    """The object after the approved defaults are added; None if the rule adds none."""

    @property
    def operation(self) -> Operation:
        """The operation of the request."""
        if self.now is None:
            return "DELETE"
        return "UPDATE" if self.before else "CREATE"

    def change(self) -> Change:
        """The change as rules receive it."""
        shown = self.now or self.before
        return change_of(
            kind=text(at(shown.build(), "kind")) if shown else "",
            new=self.now.build() if self.now else None,
            old=self.before.build() if self.before else None,
            operation=self.operation,
            user=self.user,
            source=Source(self.file) if self.file else None,
        )


def env(
    *, level: Level | None = None, certain: bool = False, adds: Mapping[str, str] | None = None, **variables: str | None
) -> Example:
    """A new aws-node of the newest release with these variables.

    Args:
        level: The expected level; None for the highest level of the rule.
        certain: Whether a problem is expected to be certain.
        adds: The variables that the rule is expected to add.
        variables: The variables to set; None removes one.
    """
    kept = {name: value for name, value in variables.items() if name not in (adds or {})}
    fixed = DaemonSet(env={**kept, **adds}) if adds else None
    return Example(DaemonSet(env=variables), level=level, certain=certain, fixed=fixed)


def probe(*words: str) -> dict[str, Json]:
    """Fields of container aws-node: a liveness probe that runs this command."""
    return {"livenessProbe": {"exec": {"command": list(words)}}}


def container(daemonset: dict[str, Any], name: str) -> dict[str, Any]:
    """Look up a container or init container by name."""
    for kind in ("containers", "initContainers"):
        for entry in at(daemonset, *POD_SPEC, kind) or ():
            if entry.get("name") == name:
                found: dict[str, Any] = entry
                return found
    raise KeyError(name)


def set_env(holder: dict[str, Any], change: Variables) -> None:
    """Set, replace or remove variables of a container, in place."""
    kept = [entry for entry in holder.get("env", ()) if entry["name"] not in change]
    added = [
        {"name": name, **value} if isinstance(value, dict) else {"name": name, "value": value}
        for name, value in change.items()
        if value is not None
    ]
    holder["env"] = kept + added
