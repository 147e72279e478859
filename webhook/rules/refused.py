"""POD-012 and ENIC-007: what the API server itself would refuse, told before anything is sent to it."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from webhook.cni.aws_node import POD_SPEC
from webhook.cni.container import Container, Unknown
from webhook.cni.dns import LONGEST_LABEL, LONGEST_SUBDOMAIN, is_label, is_subdomain
from webhook.cni.limits import POD_LISTS
from webhook.cni.shapes import METADATA, ROOT, Misshapen, misshapen
from webhook.model import Evidence, Json, Path, Problem, at, text
from webhook.printable import dotted
from webhook.rules import links
from webhook.rules.examples import DaemonSet, ENIConfig, Example
from webhook.rules.rule import AwsNodeCase, EniConfigCase, rule

_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
"""The value of a label, and the name in a key (k8s.io/apimachinery/pkg/util/validation)."""

_MANY, _LONGEST_VALUE = 20, 100
"""Faults of one kind that are told, and characters of a value."""

_LONGEST_GENERATED = 58
"""Characters of generateName that are kept before five random ones (k8s.io/apiserver/pkg/storage/names)."""

_EFFECT = "the API server refuses the object"
_SPEC = {"subnet": "subnet-0123456789abcdef0", "securityGroups": ["sg-0123456789abcdef0"]}


@rule(
    "POD-012",
    "A DaemonSet that the API server refuses",
    level="deny",
    link=links.NAMES,
    files_only=True,
    bad=(
        Example(DaemonSet(metadata="name:aws-node"), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"namespace": "kube-system"}), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"name": "AWS_Node"}), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"generateName": "AWS_"}), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"name": "aws-node", "namespace": "kube_system"}), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"name": "aws-node", "labels": "k8s-app:aws-node"}), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"name": "aws-node", "labels": {"k8s-app": "aws node"}}), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"name": "aws-node", "annotations": {"reviewed": True}}), file="aws-node.yaml"),
        Example(DaemonSet(fields={"volumeMounts": "name:log-dir"}), file="aws-node.yaml"),
        Example(DaemonSet(renamed={"aws-eks-nodeagent": ""}), file="aws-node.yaml"),
        Example(DaemonSet(renamed={"aws-eks-nodeagent": "Agent"}), file="aws-node.yaml"),
    ),
    good=(
        Example(DaemonSet(), file="aws-node.yaml"),
        Example(DaemonSet(metadata={"generateName": "aws-node-"}), file="aws-node.yaml"),
    ),
)
def refused_daemonset(case: AwsNodeCase) -> Iterator[Problem]:
    """A file can hold what no cluster takes: a blank is missing after a colon, a name is absent or misspelled.

    In a request the API server says so itself; in CI nothing would.
    """
    raw = case.new.raw
    told = {path for holder in case.new.roles for path in _of_env(holder)}
    yield from _shapes(one for one in misshapen(raw, ROOT) if one.path not in told)
    yield from _metadata(raw)
    yield from _namespace(raw)
    yield from _labels(raw, ())
    yield from _labels(raw, POD_SPEC[:2])
    for kind in ("initContainers", "containers"):
        yield from _containers(raw, (*POD_SPEC, kind))


def _of_env(holder: Container) -> Iterator[Path]:
    """The places in an environment of which ENV-002 and ENV-006 speak, in requests too."""
    for path, _ in holder.defects:
        yield from (path, (*path, "name"))
    yield from ((*holder.where(name), "value") for name in holder.index if isinstance(holder.written(name), Unknown))


@rule(
    "ENIC-007",
    "An ENIConfig that the API server refuses",
    level="deny",
    target="ENIConfig",
    link=links.NAMES,
    files_only=True,
    bad=(
        Example(ENIConfig(spec=_SPEC, root={"metadata": "name:us-west-2a"}), file="eniconfig.yaml"),
        Example(ENIConfig(spec=_SPEC, root={"metadata": {}}), file="eniconfig.yaml"),
        Example(ENIConfig(spec=_SPEC, name="us_west_2a"), file="eniconfig.yaml"),
    ),
    good=(
        Example(ENIConfig(spec=_SPEC), file="eniconfig.yaml"),
        Example(ENIConfig(spec=_SPEC, root={"metadata": {"generateName": "zone-"}}), file="eniconfig.yaml"),
    ),
)
def refused_eniconfig(case: EniConfigCase) -> Iterator[Problem]:
    """A file can hold what no cluster takes: a blank is missing after a colon, a name is absent or misspelled.

    The name of an ENIConfig is often that of a zone, which has no capital letters and no underscores.
    """
    raw = case.new.raw
    yield from _shapes(misshapen(raw.get("metadata"), METADATA, ("metadata",)))
    yield from _shapes(misshapen(raw.get("spec"), "{}any", ("spec",)))
    yield from _metadata(raw)
    yield from _labels(raw, ())


def _shapes(found: Iterable[Misshapen]) -> Iterator[Problem]:
    """Where the value of a field is of another kind than the field's."""
    for one in islice(found, _MANY):
        where = dotted(one.path)
        remedy = "Put the value in quotes" if one.wanted == "a string" else f"Write {one.wanted}"
        yield _refused(
            one.path,
            ((where, repr(one.value)[:_LONGEST_VALUE]),),
            f"{where} is {_shown(one.value)}, not {one.wanted}",
            _blank(one.value, remedy),
        )


def _blank(value: Json, otherwise: str) -> str:
    return "Write a blank after the colon" if isinstance(value, str) and ":" in value else otherwise


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return f'the text "{value[:_LONGEST_VALUE]}"'
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else json.dumps(value)


def _metadata(raw: Json) -> Iterator[Problem]:
    """Names that are absent or that the API server does not take; with generateName the server makes one."""
    metadata = {} if raw.get("metadata") is None else raw["metadata"]
    if not isinstance(metadata, dict):
        return  # the shape says more
    name, prefix = (None if metadata.get(key) == "" else metadata.get(key) for key in ("name", "generateName"))
    if name is None and prefix is None:
        yield _refused(("metadata", "name"), (("metadata.name", None),), "metadata.name is missing", "Write a name")
    for key, value, fits in (("name", name, is_subdomain), ("generateName", prefix, _is_prefix)):
        if isinstance(value, str) and not fits(value):
            yield _refused(
                ("metadata", key),
                ((f"metadata.{key}", repr(value)),),
                f"metadata.{key} {_quoted(value)} is not a name that the API server takes",
                "Write lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part",
            )


def _is_prefix(prefix: str) -> bool:
    """Whether generateName is taken: what is made of it has to be a name, and it too, but for a hyphen at its end."""
    if len(prefix) > LONGEST_SUBDOMAIN:
        return False
    made = f"{prefix[:_LONGEST_GENERATED]}a"
    return is_subdomain(made) and (prefix.endswith("-") or is_subdomain(prefix))


def _quoted(value: Json) -> str:
    return f'"{value}"' if isinstance(value, str) else "that is not a text"


def _namespace(raw: Json) -> Iterator[Problem]:
    """A namespace that cannot exist; without one, that of the command line counts."""
    namespace = text(at(raw, "metadata", "namespace"))
    if namespace and not is_label(namespace):
        yield _refused(
            ("metadata", "namespace"),
            (("metadata.namespace", repr(namespace)),),
            f"metadata.namespace {_quoted(namespace)} is not a name that a namespace can have",
            _blank(namespace, "Write lower-case letters, digits and hyphens, up to 63 characters"),
        )


def _labels(raw: Json, holder: Path) -> Iterator[Problem]:
    """Keys and values of labels, and keys of annotations, that the API server does not take."""
    for kind in ("labels", "annotations"):
        path = (*holder, "metadata", kind)
        held = at(raw, *path)
        found = ((key, value) for key, value in held.items()) if isinstance(held, dict) else ()
        told = ((key, wrong) for key, value in found if (wrong := _wrong_label(kind, key, value)) is not None)
        for key, wrong in islice(told, _MANY):
            said = f"the key {_quoted(wrong)}" if wrong == key else f"the value {_quoted(wrong)} of {key}"
            yield _refused(
                (*path, key),
                ((f"{dotted(path)} {key[:_LONGEST_VALUE]}", repr(wrong)[:_LONGEST_VALUE]),),
                f"{said} in {dotted(path)} is not one that the API server takes",
                _blank(wrong, "Write letters, digits, and - _ . between them"),
            )


def _wrong_label(kind: str, key: str, value: Json) -> str | None:
    """The key or the value where the API server does not take it; it reads keys of annotations in any case."""
    if not _is_key(key if kind == "labels" else key.lower()):
        return key
    return text(value) if kind == "labels" and not _is_value(text(value)) else None


def _is_key(key: str) -> bool:
    """Whether it is a qualified name: a name of up to 63 characters, with the domain of its owner in front or not."""
    prefix, slash, name = key.rpartition("/")
    return bool(name) and _is_value(name) and (not slash or is_subdomain(prefix))


def _is_value(value: str) -> bool:
    """Whether it is the value of a label."""
    return len(value) <= LONGEST_LABEL and _VALUE.fullmatch(value) is not None


def _containers(raw: Json, path: Path) -> Iterator[Problem]:
    """Containers without a name that the API server takes."""
    listed = at(raw, *path)
    for index, entry in enumerate((listed if isinstance(listed, list) else ())[: POD_LISTS[str(path[-1])]]):
        name = at(entry, "name")
        # Of other shapes the table of shapes speaks.
        if isinstance(entry, dict | None) and isinstance(name, str | None) and not is_label(name or ""):
            yield _unnamed((*path, index), entry)


def _unnamed(path: Path, entry: Json) -> Problem:
    listed, position = path[-2:]
    here = f"{listed}[{position}]"
    name, image = at(entry, "name"), at(entry, "image")
    if name in (None, ""):
        wrong = f"{here} has no name" + (f" (image {_quoted(image)})" if image else "")
    else:
        wrong = f"the name {_quoted(name)} of {here} is not one that the API server takes"
    evidence = ((f"name of a container in {listed}", repr(name)), ("its image", repr(image)))
    return _refused(
        path, evidence, wrong, "Write a name of lower-case letters, digits and hyphens, up to 63 characters"
    )


def _refused(path: Path, evidence: Evidence, wrong: str, remedy: str) -> Problem:
    return Problem(path=path, evidence=evidence, level="deny", wrong=wrong, effect=_EFFECT, remedy=remedy)
