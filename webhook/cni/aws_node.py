"""The parsed view of an aws-node DaemonSet, built once and shared by all rules.

An object of any shape has a view.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from webhook.budget import Spend, unlimited
from webhook.cni import images, values, variables
from webhook.cni.container import Assumed, Container
from webhook.cni.flags import Given, given
from webhook.cni.limits import CONTAINER_LISTS, POD_LISTS, TooLong, too_long
from webhook.cni.probes import KINDS, ProbeTarget, asked
from webhook.cni.selection import Selection
from webhook.cni.version import Version, parse_tag
from webhook.model import CouldNotCheckError, Evidence, Json, Path, at, text

POD_TEMPLATE: Path = ("spec", "template")
POD_SPEC: Path = (*POD_TEMPLATE, "spec")
VERSION_ANNOTATION = "cni-guard.dev/cni-version"
"""States the release of an image given by digest, if neither the policy nor a tag does."""


class AwsNode:
    """The view of one DaemonSet. Features and targets are those of container aws-node."""

    def __init__(
        self,
        raw: Json,
        digests: Mapping[str, str] | None = None,
        assumed: Assumed | None = None,
        spend: Spend = unlimited,
    ) -> None:
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self.digests = digests or {}
        self._assumed: Assumed = {} if assumed is None else assumed
        self.containers = tuple(self._containers(spend))
        self.main = self._in_role("aws-node", "containers")
        self.init = self._in_role("aws-vpc-cni-init", "initContainers")
        self.agent = self._in_role("aws-eks-nodeagent", "containers")
        self.roles = tuple(container for container in (self.main, self.init, self.agent) if container is not None)
        """The containers of the CNI that the object has."""

    def _containers(self, spend: Spend) -> Iterator[Container]:
        for kind in ("initContainers", "containers"):
            entries = at(self.raw, *POD_SPEC, kind)
            listed = entries[: POD_LISTS[kind]] if isinstance(entries, list) else ()
            for index, raw in enumerate(listed):
                spend()
                if isinstance(raw, dict):
                    yield Container(text(raw.get("name")), raw, (*POD_SPEC, kind, index), self._assumed)

    def too_long(self) -> Iterator[TooLong]:
        """Lists with more entries than are read."""
        spec = at(self.raw, *POD_SPEC)
        yield from too_long(spec, POD_SPEC, POD_LISTS) if isinstance(spec, dict) else ()
        for one in self.containers:
            yield from one.too_long

    @cached_property
    def others(self) -> tuple[Container, ...]:
        """Other containers with the name or the image of a container of the CNI."""
        basenames = {repository.rpartition("/")[2] for repository in images.REPOSITORIES.values()}
        return tuple(
            container
            for container in self.containers
            if container not in self.roles
            and (container.name in images.REPOSITORIES or (container.image and container.image.basename in basenames))
        )

    @property
    def pod(self) -> Mapping[str, Json]:
        """The pod's spec; empty where there is none."""
        spec = at(self.raw, *POD_SPEC)
        return spec if isinstance(spec, dict) else {}

    @property
    def service_account(self) -> str:
        """The service account of the pod, in the field of today or in the one before it."""
        return text(self.pod.get("serviceAccountName")) or text(self.pod.get("serviceAccount")) or "default"

    @cached_property
    def selection(self) -> Selection:
        """Which nodes the pod may run on."""
        return Selection(self.pod)

    def _in_role(self, role: str, kind: str) -> Container | None:
        """The container of a role, by its name in its own list, else by its image there."""
        basename = images.REPOSITORIES[role].rpartition("/")[2]
        listed = [c for c in self.containers if c.path[-2] == kind]
        named = [c for c in listed if c.name == role]
        imaged = [c for c in listed if c.name not in images.REPOSITORIES and c.image and c.image.basename == basename]
        chosen = next(iter(named or imaged), None)
        if chosen is not None:
            chosen.role = role
        return chosen

    @cached_property
    def version(self) -> Version | None:
        """The CNI's release, by digest, tag or annotation; None if none of them can be trusted.

        The annotation counts only for an image given by digest: what a moving tag refers to is unknown.
        """
        if self.main is None or self.main.image is None:
            return None
        released = self.release_of(self.main)
        if released is not None or self.main.image.digest is None:
            return released
        said = parse_tag(text(at(self.raw, "metadata", "annotations", VERSION_ANNOTATION)))
        return said.version if said and not said.unreleased else None

    def release_of(self, container: Container) -> Version | None:
        """The release of a container's image, by the digests in the policy, else by its tag."""
        mapped = self.digests.get(container.image.digest or "") if container.image else None
        if mapped:
            return Version.of(mapped)
        return container.tag.version if container.tag else None

    @property
    def known_version(self) -> Version:
        """The CNI's release. Raises CouldNotCheckError if it is unknown, which VER-001 reports."""
        if self.version is None:
            raise CouldNotCheckError("the CNI version cannot be determined")
        return self.version

    @property
    def required(self) -> Container:
        """Container aws-node. Raises CouldNotCheckError if there is none."""
        if self.main is None:
            raise CouldNotCheckError("there is no container aws-node")
        return self.main

    def flag(self, name: str) -> bool:
        """A boolean of container aws-node."""
        return self.required.flag(name)

    def target(self, name: str) -> int:
        """A number of container aws-node; invalid values silently give its default."""
        return values.warm_target(self.required.get(name), int(variables.by_name("aws-node")[name].default or 0))

    @cached_property
    def probes(self) -> Mapping[str, ProbeTarget]:
        """The target of each probe of container aws-node."""
        main = self.main
        return {kind: asked(main, kind) for kind in KINDS if kind in main.raw} if main else {}

    @property
    def prefix_delegation(self) -> bool:
        """Whether ipamd attaches /28 prefixes instead of single addresses."""
        return self.flag("ENABLE_PREFIX_DELEGATION")

    @property
    def ipv6(self) -> bool:
        """Whether ipamd runs in IPv6 mode, in which warm targets and SNAT settings have no effect."""
        return self.flag("ENABLE_IPv6")

    @property
    def custom_networking(self) -> bool:
        """Whether the interfaces for pods are configured by ENIConfigs."""
        return self.flag("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG")

    @property
    def pod_eni(self) -> bool:
        """Whether security groups for pods are on."""
        return self.flag("ENABLE_POD_ENI")

    @property
    def external_snat(self) -> bool:
        """Whether the CNI leaves source addresses to the VPC's NAT gateways."""
        return self.flag("AWS_VPC_K8S_CNI_EXTERNALSNAT")

    @property
    def connmark(self) -> int:
        """The bits by which connections through node ports are marked."""
        name = "AWS_VPC_K8S_CNI_CONNMARK"
        default = int(variables.by_name("aws-node")[name].default or "0", 0)
        return values.mark(self.required.get(name), default)

    def argument(self, name: str) -> str | None:
        """The value of a flag of the network policy agent (`--name=value`, `--name` alone is true), None if unset."""
        return self._arguments.get(name)

    @cached_property
    def agent_flags(self) -> tuple[tuple[Path, Given], ...]:
        """The flags on the agent's command line, each with the path of its word."""
        if self.agent is None:
            return ()
        listed = {kind: self.agent.raw.get(kind) for kind in ("command", "args")}
        words = [
            ((*self.agent.path, kind, index), word)
            for kind, entries in listed.items()
            for index, word in enumerate(entries[: CONTAINER_LISTS[kind]] if isinstance(entries, list) else ())
        ]
        return tuple((words[one.index][0], one) for one in given([word for _, word in words]))

    @cached_property
    def _arguments(self) -> dict[str, str]:
        """The flags of the agent that have a value; the last one wins, as in its parser."""
        return {one.name: one.value for _, one in self.agent_flags if one.value is not None and not one.broken}

    @property
    def network_policy(self) -> bool:
        """Whether the network policy agent enforces policies."""
        return self.switched_on("--enable-network-policy")

    def switched_on(self, switch: str) -> bool:
        """Whether a variable of container aws-node is true, or a flag of the agent (``--name``)."""
        if switch.startswith("--"):
            return values.go_bool(self.argument(switch.removeprefix("--")) or "false") is True
        return self.flag(switch)

    def feature(self, name: str) -> bool:
        """Whether the object has a feature of the table of unsafe releases."""
        if name in _FEATURES:
            variable, on = _FEATURES[name]
            return self.flag(variable) is on
        return self.network_policy if name == "network-policy" else self.agent is None

    def feature_evidence(self, name: str) -> Evidence:
        """The values that determine whether a feature is on."""
        if name in _FEATURES:
            return self.required.as_read(_FEATURES[name][0])
        return ((f"feature {name}", "on" if self.feature(name) else "off"),)


_FEATURES: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "custom-networking": ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", True),
        "security-groups-for-pods": ("ENABLE_POD_ENI", True),
        "prefix-delegation": ("ENABLE_PREFIX_DELEGATION", True),
        "ipv6": ("ENABLE_IPv6", True),
        "subnet-discovery-off": ("ENABLE_SUBNET_DISCOVERY", False),
        "imds-only": ("ENABLE_IMDS_ONLY_MODE", True),
        "provisioning-off": ("DISABLE_NETWORK_RESOURCE_PROVISIONING", True),
        "multi-nic": ("ENABLE_MULTI_NIC", True),
    }
)
"""Features that depend on one variable of container aws-node, with the value that the feature needs."""
