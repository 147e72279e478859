"""Which nodes a pod may run on: its nodeSelector, required node affinity, and tolerations.

Source: k8s.io/component-helpers, scheduling/corev1/nodeaffinity; k8s.io/apimachinery, pkg/labels/selector.go.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from webhook.cni.values import go_int
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, Json, at, text

_OS = ("kubernetes.io/os", "beta.kubernetes.io/os")
_ARCH = ("kubernetes.io/arch", "beta.kubernetes.io/arch")
_ON_ARM64 = Version(1, 6, 3)
COMPUTE_TYPE = "eks.amazonaws.com/compute-type"

_OFFICIAL = frozenset((*_OS, *_ARCH, COMPUTE_TYPE))
"""The labels that the official manifests ask for."""

_MANY = 500
"""Requirements and values that are read; the official manifests have 4 to 16."""

Labels = Mapping[str, str]


def runs_on(version: Version | None) -> tuple[str, ...]:
    """The architectures for which there are images of a release (the affinity of its manifest)."""
    return ("amd64", "arm64") if version is None or version >= _ON_ARM64 else ("amd64",)


def labels_of(os: str, arch: str, further: Labels) -> Labels:
    """The labels of a node, with those that the kubelet gives to each."""
    return {**further, **dict.fromkeys(_OS, os), **dict.fromkeys(_ARCH, arch)}


@dataclass(frozen=True, slots=True)
class _Requirement:
    """One expression of a term."""

    key: str
    operator: str
    values: frozenset[str]

    def holds(self, labels: Labels) -> bool:
        value = labels.get(self.key)
        if self.operator in {"In", "NotIn"}:
            return (value in self.values) is (self.operator == "In")
        if self.operator in {"Exists", "DoesNotExist"}:
            return (value is not None) is (self.operator == "Exists")
        return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        """Gt and Lt compare integers, of which there is one."""
        numbers = [go_int(one) for one in (value or "", *self.values)]
        if len(numbers) != _PAIR or numbers[0] is None or numbers[1] is None:
            return False
        return numbers[0] > numbers[1] if self.operator == "Gt" else numbers[0] < numbers[1]


_PAIR = 2
_Term = tuple[_Requirement, ...]
_NAME = "metadata.name"


class Selection:
    """What a pod's spec says of its nodes."""

    def __init__(self, pod: Mapping[str, Json]) -> None:
        self._pod = pod

    @cached_property
    def labels(self) -> Labels:
        """The nodeSelector."""
        found = self._pod.get("nodeSelector")
        if not isinstance(found, dict):
            return {}
        if len(found) > _MANY:
            raise CouldNotCheckError("nodeSelector is too long to be read")
        return {key: text(value) for key, value in found.items()}

    @cached_property
    def terms(self) -> tuple[_Term, ...] | None:
        """The required node affinity: one of these terms has to hold; None where there is none."""
        required = at(self._pod, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        listed = at(required, "nodeSelectorTerms")
        if not isinstance(listed, list):
            return None
        found = tuple(tuple(_requirements(term)) for term in listed[: _MANY + 1])
        if len(found) + sum(1 + len(one.values) for term in found for one in term) > _MANY:
            raise CouldNotCheckError("the required node affinity is too long to be read")
        return found

    @property
    def extra_labels(self) -> frozenset[str]:
        """The labels of the nodeSelector that not every Linux node has."""
        return frozenset(key for key, value in self.labels.items() if key not in _OS or value != "linux")

    def narrowed(self, architectures: Iterable[str]) -> bool:
        """Whether the affinity asks for more than Linux on these architectures, and no compute of certain types."""
        pure = [term for term in self.terms or () if all(one.key in _OFFICIAL for one in term)]
        nodes = [labels_of("linux", architecture, {}) for architecture in architectures]
        return self.terms is not None and not all(any(_holds(term, node) for term in pure) for node in nodes)

    def by_labels(self, labels: Labels) -> bool:
        """Whether the nodeSelector lets the pod run on a node."""
        return all(labels.get(key) == value for key, value in self.labels.items())

    def by_affinity(self, labels: Labels, name: str = "") -> bool:
        """Whether the required affinity lets the pod run on a node."""
        seen = {**labels, _NAME: name}
        return self.terms is None or any(_holds(term, seen) for term in self.terms)

    def admits(self, labels: Labels, name: str = "") -> bool:
        """Whether the pod may run on a node."""
        return self.by_labels(labels) and self.by_affinity(labels, name)

    def said(self) -> tuple[str, str]:
        """NodeSelector and affinity in one spelling, whatever their order."""
        terms = [sorted((one.key, one.operator, sorted(one.values)) for one in term) for term in self.terms or ()]
        return json.dumps(self.labels, sort_keys=True), "" if self.terms is None else json.dumps(sorted(terms))

    @cached_property
    def tolerates_all(self) -> bool:
        """Whether it tolerates every taint that keeps a pod off a node or evicts it, with any key."""
        listed = self._pod.get("tolerations")
        effects = {_bare(one) for one in listed} if isinstance(listed, list) else set()
        return "" in effects or {"NoSchedule", "NoExecute"} <= effects


def _holds(term: _Term, labels: Labels) -> bool:
    """An empty term holds for no node."""
    return bool(term) and all(one.holds(labels) for one in term)


def _requirements(term: Json) -> Iterator[_Requirement]:
    for kind in ("matchExpressions", "matchFields"):
        listed = at(term, kind)
        for entry in listed[: _MANY + 1] if isinstance(listed, list) else ():
            values = at(entry, "values")
            known = values[: _MANY + 1] if isinstance(values, list) else ()
            yield _Requirement(text(at(entry, "key")), text(at(entry, "operator")), frozenset(map(text, known)))


def _bare(toleration: Json) -> str | None:
    """The effect that a toleration without a key is for, the empty one for all; None for any other."""
    if at(toleration, "operator") != "Exists" or at(toleration, "key"):
        return None
    return None if at(toleration, "tolerationSeconds") is not None else text(at(toleration, "effect"))
