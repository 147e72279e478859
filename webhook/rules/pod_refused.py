"""POD-012: DaemonSets that the API server itself would refuse."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.refused import (
    quoted,
    refused_by_api_server,
    wrong_labels,
    wrong_metadata,
    wrong_namespace,
    wrong_shapes,
)
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.container import Container, Unknown
from webhook.cni.dns import is_label
from webhook.cni.limits import POD_LISTS
from webhook.cni.shapes import ROOT, misshapen
from webhook.model import Json, Path, Problem, at

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
    yield from wrong_shapes(one for one in misshapen(raw, ROOT) if one.path not in told)
    yield from wrong_metadata(raw)
    yield from wrong_namespace(raw)
    yield from wrong_labels(raw, ())
    yield from wrong_labels(raw, POD_SPEC[:2])
    for kind in ("initContainers", "containers"):
        yield from _containers(raw, (*POD_SPEC, kind))


def _of_env(holder: Container) -> Iterator[Path]:
    """The places in an environment of which ENV-002 and ENV-006 speak, in requests too."""
    for path, _ in holder.defects:
        yield from (path, (*path, "name"))
    yield from ((*holder.where(name), "value") for name in holder.index if isinstance(holder.written(name), Unknown))


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
        wrong = f"{here} has no name" + (f" (image {quoted(image)})" if image else "")
    else:
        wrong = f"the name {quoted(name)} of {here} is not one that the API server takes"
    evidence = ((f"name of a container in {listed}", repr(name)), ("its image", repr(image)))
    return refused_by_api_server(
        path, evidence, wrong, "Write a name of lower-case letters, digits and hyphens, up to 63 characters"
    )
