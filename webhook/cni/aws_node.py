"""One parsed view of an aws-node DaemonSet, built once and read by all rules.

It is total: an object of any shape has a view. Values that can not be known at admission (`valueFrom`, `envFrom`,
`$(VAR)`, a number where a string belongs) raise `CouldNotCheckError` when a rule reads them, so that no rule can
take them for absent.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from webhook.cni import images, values, variables
from webhook.cni.images import Image
from webhook.cni.version import Tag, Version, parse_tag
from webhook.model import CouldNotCheckError, Evidence, Json, Path, text

ContainerName = Literal["aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"]

POD_SPEC: Path = ("spec", "template", "spec")
VERSION_ANNOTATION = "cni-guard.dev/cni-version"
"""Says which release an image is, where its tag does not."""

_REFERENCE = re.compile(r"(\$+)\(")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that can not be known at admission, and why."""

    says: str
    """``comes from valueFrom (configMapKeyRef)``, ``is a number where a string belongs``."""
    malformed: bool = False
    """It is no string: the API server would refuse it."""


def at(value: Json, *path: str | int) -> Json:
    """What stands at a path; None where any step is missing or of another shape."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


class Container:
    """A container by name: its image and the environment that its process will see."""

    def __init__(self, name: str, raw: dict[str, Any], path: Path) -> None:
        self.name = name
        self.role = name
        """Which of the CNI's containers this is: that of its name, unless its image tells."""
        self.raw = raw
        self.path = path
        self.env: dict[str, str | Unknown] = {}
        self.index: dict[str, int] = {}
        """The position in `env` of each name; of the last entry where a name stands twice, as it wins."""
        self.repeated: list[str] = []
        self.defects: list[tuple[Path, str]] = []
        """What is no environment at all: paths, and what is wrong there."""
        self.bulk = raw.get("envFrom") not in (None, [])
        self._read(raw.get("env"))

    def _read(self, entries: Json) -> None:
        if entries is None:
            return
        if not isinstance(entries, list):
            self.defects.append(((*self.path, "env"), f"env of container {self.name} is not a list"))
            return
        for index, entry in enumerate(entries):
            name = entry.get("name") if isinstance(entry, dict) else None
            if not name or not isinstance(name, str):
                self.defects.append(
                    ((*self.path, "env", index), f"entry {index} of env in container {self.name} has no name")
                )
                continue
            if name in self.env:
                self.repeated.append(name)
            value = entry.get("value")
            self.env[name] = value if type(value) is str and value and "$(" not in value else _value(entry)
            self.index[name] = index

    @property
    def image_text(self) -> str:
        """The image as it is written; empty where there is none."""
        return text(self.raw.get("image"))

    @cached_property
    def image(self) -> Image | None:
        """The parsed image reference."""
        return images.parse_image(self.image_text)

    @cached_property
    def tag(self) -> Tag | None:
        """The image's tag as a release; None where it names none."""
        return parse_tag(self.image.tag) if self.image and self.image.tag else None

    def get(self, name: str) -> str | None:
        """The text of a variable, None where it is unset. Raises CouldNotCheckError where nobody can know."""
        value = self.env.get(name)
        if isinstance(value, Unknown):
            raise CouldNotCheckError(f"{self.name} env {name} {value.says}")
        if value is None and self.bulk:
            raise CouldNotCheckError(f"{self.name} env {name} may come from envFrom")
        return value

    def flag(self, name: str) -> bool:
        """A boolean variable as the CNI reads it: its own default where it is unset, empty or invalid."""
        value = self.get(name)
        read = values.go_bool(value) if value else None
        return read if read is not None else variables.by_name(self.role)[name].default == "true"

    @cached_property
    def known(self) -> tuple[tuple[str, str], ...]:
        """Name and text of each variable whose value is known."""
        return tuple((name, value) for name, value in self.env.items() if isinstance(value, str))

    def values_of(self, name: str) -> list[Json]:
        """What each entry of a name says, in their order."""
        entries = self.raw.get("env")
        return (
            [entry.get("value") for entry in entries if isinstance(entry, dict) and entry.get("name") == name]
            if isinstance(entries, list)
            else []
        )

    def where(self, name: str) -> Path:
        """The path of a variable's entry, or of the place where it would stand."""
        here = (*self.path, "env")
        return (*here, self.index[name]) if name in self.index else here

    def evidence(self, *names: str) -> Evidence:
        """The values of variables, as evidence."""
        found: list[tuple[str, str | None]] = []
        for name in names:
            value = self.env.get(name)
            found.append((f"{self.name} env {name}", value.says if isinstance(value, Unknown) else value))
        return tuple(found)


def _value(entry: Mapping[str, Any]) -> str | Unknown:
    value = entry.get("value")
    if isinstance(value, str) and value:
        return Unknown("comes from the expansion of $(…)") if _expands(value) else value
    if value is not None and not isinstance(value, str):
        return Unknown(f"is a {_type(value)} where a string belongs", malformed=True)
    origin = entry.get("valueFrom")
    if origin is None:
        return ""
    keys = ", ".join(key for key in origin if isinstance(key, str)) if isinstance(origin, dict) else ""
    return Unknown(f"comes from valueFrom ({keys})" if keys else "comes from valueFrom")


def _expands(value: str) -> bool:
    """Whether the kubelet replaces a part of it: ``$(NAME)``, where ``$$`` stands for a dollar. In linear time."""
    last = value.rfind(")")
    return any(len(found[1]) % 2 == 1 and found.end() <= last for found in _REFERENCE.finditer(value))


def _type(value: Json) -> str:
    names = {bool: "boolean", int: "number", float: "number", dict: "mapping", list: "list"}
    return names.get(type(value), "value")


class AwsNode:
    """The view of one DaemonSet. Features and targets are those of container aws-node."""

    def __init__(self, raw: Json, digests: Mapping[str, str] | None = None) -> None:
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self.digests = digests or {}
        self.containers = tuple(self._containers())
        self.main = self._in_role("aws-node", "containers")
        self.init = self._in_role("aws-vpc-cni-init", "initContainers")
        self.agent = self._in_role("aws-eks-nodeagent", "containers")

    def _containers(self) -> Iterator[Container]:
        for kind in ("initContainers", "containers"):
            entries = at(self.raw, *POD_SPEC, kind)
            for index, raw in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(raw, dict):
                    yield Container(text(raw.get("name")), raw, (*POD_SPEC, kind, index))

    @property
    def roles(self) -> tuple[Container, ...]:
        """The containers that the CNI's own rules are about, those of them that are there."""
        return tuple(container for container in (self.main, self.init, self.agent) if container is not None)

    @cached_property
    def others(self) -> tuple[Container, ...]:
        """Containers beside these that are called or run like one of them."""
        basenames = {repository.rpartition("/")[2] for repository in images.REPOSITORIES.values()}
        return tuple(
            container
            for container in self.containers
            if container not in self.roles
            and (container.name in images.REPOSITORIES or (container.image and container.image.basename in basenames))
        )

    def _in_role(self, role: str, kind: str) -> Container | None:
        """The container of a role, by its name in its own list, else by its image: a renamed one is still that one."""
        basename = images.REPOSITORIES[role].rpartition("/")[2]  # type: ignore[index] # a role is one of its keys
        named = [c for c in self.containers if c.path[-2] == kind and c.name == role]
        imaged = [
            c for c in self.containers if c.name not in images.REPOSITORIES and c.image and c.image.basename == basename
        ]
        chosen = next(iter(named or imaged), None)
        if chosen is not None:
            chosen.role = role
        return chosen

    @cached_property
    def version(self) -> Version | None:
        """The CNI's release: by digest, tag or annotation; None where nothing trustworthy tells."""
        if self.main is None or self.main.image is None:
            return None
        said = parse_tag(text(at(self.raw, "metadata", "annotations", VERSION_ANNOTATION)))
        return self.released or (said.version if said else None)

    @cached_property
    def released(self) -> Version | None:
        """The CNI's release by digest or tag alone: an annotation is its author's word."""
        return self.release_of(self.main) if self.main else None

    def release_of(self, container: Container) -> Version | None:
        """The release of a container's image, by the policy's digests, else by its tag; a candidate is none."""
        mapped = self.digests.get(container.image.digest or "") if container.image else None
        if mapped:
            return Version.of(mapped)
        return container.tag.version if container.tag and not container.tag.candidate else None

    @property
    def known_version(self) -> Version:
        """The CNI's release, or CouldNotCheckError: VER-001 reports what hides it."""
        if self.version is None:
            raise CouldNotCheckError("the CNI version can not be determined")
        return self.version

    @property
    def required(self) -> Container:
        """Container aws-node, or CouldNotCheckError where there is none."""
        if self.main is None:
            raise CouldNotCheckError("there is no container aws-node")
        return self.main

    def flag(self, name: str) -> bool:
        """A boolean of container aws-node."""
        return self.required.flag(name)

    def target(self, name: str) -> int:
        """A number of container aws-node that falls back to its default without a word."""
        return values.warm_target(self.required.get(name), int(variables.by_name("aws-node")[name].default or 0))

    @property
    def prefix_delegation(self) -> bool:
        """Whether ipamd attaches /28 prefixes instead of single addresses."""
        return self.flag("ENABLE_PREFIX_DELEGATION")

    @property
    def ipv6(self) -> bool:
        """Whether ipamd runs for IPv6: warm targets and SNAT settings then have no effect."""
        return self.flag("ENABLE_IPv6")

    @property
    def custom_networking(self) -> bool:
        """Whether pods take their interfaces from ENIConfigs."""
        return self.flag("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG")

    @property
    def pod_eni(self) -> bool:
        """Whether security groups for pods are on."""
        return self.flag("ENABLE_POD_ENI")

    @property
    def external_snat(self) -> bool:
        """Whether the CNI leaves source addresses to the VPC's NAT gateways."""
        return self.flag("AWS_VPC_K8S_CNI_EXTERNALSNAT")

    def argument(self, name: str) -> str | None:
        """The value of a flag of the network policy agent (`--name=value`, `--name` alone is true), None if unset."""
        return self._arguments.get(name)

    @cached_property
    def _arguments(self) -> dict[str, str]:
        """All flags of the agent; of one that is given twice the last, as Go's flag package has it."""
        found: dict[str, str] = {}
        for kind in ("command", "args"):
            listed = self.agent.raw.get(kind) if self.agent else None
            for argument in listed if isinstance(listed, list) else ():
                if isinstance(argument, str) and argument.startswith("-"):
                    flag, equals, value = argument.removeprefix("-").removeprefix("-").partition("=")
                    found[flag] = value if equals else "true"
        return found

    @property
    def network_policy(self) -> bool:
        """Whether the network policy agent enforces policies."""
        return values.go_bool(self.argument("enable-network-policy") or "false") is True

    def feature(self, name: str) -> bool:
        """Whether a feature by which the table of releases qualifies its verdicts is on (or done without)."""
        return _FEATURES[name](self)


_FEATURES: Mapping[str, Callable[[AwsNode], bool]] = {
    "custom-networking": lambda view: view.custom_networking,
    "security-groups-for-pods": lambda view: view.pod_eni,
    "prefix-delegation": lambda view: view.prefix_delegation,
    "ipv6": lambda view: view.ipv6,
    "network-policy": lambda view: view.network_policy,
    "subnet-discovery-off": lambda view: not view.flag("ENABLE_SUBNET_DISCOVERY"),
    "imds-only": lambda view: view.flag("ENABLE_IMDS_ONLY_MODE"),
    "no-network-policy-agent": lambda view: view.agent is None,
}
