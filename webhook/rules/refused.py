"""POD-012 and ENIC-007: what the API server itself would refuse, told before anything is sent to it."""

import re
from collections.abc import Iterator

from webhook.cni.aws_node import POD_SPEC
from webhook.cni.limits import POD_LISTS
from webhook.model import Evidence, Json, Path, Problem, at
from webhook.rules import links
from webhook.rules.examples import DaemonSet, ENIConfig, Example
from webhook.rules.rule import AwsNodeCase, EniConfigCase, rule

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*")
_LONGEST_LABEL, _LONGEST_SUBDOMAIN = 63, 253
"""RFC 1123 as apimachinery has it (k8s.io/apimachinery/pkg/util/validation): the API server names objects so."""

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
    yield from _shapes(raw, (("metadata",), ("spec",), POD_SPEC[:2], (*POD_SPEC[:2], "metadata"), POD_SPEC))
    yield from _metadata(raw)
    for kind in ("initContainers", "containers"):
        yield from _containers(raw, (*POD_SPEC, kind))


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
    yield from _shapes(case.new.raw, (("metadata",), ("spec",)))
    yield from _metadata(case.new.raw)


def _shapes(raw: Json, paths: tuple[Path, ...]) -> Iterator[Problem]:
    """Where a mapping belongs and something else is."""
    for path in paths:
        value = at(raw, *path)
        if value is not None and not isinstance(value, dict):
            dotted = ".".join(map(str, path))
            yield _refused(
                path,
                ((dotted, repr(value)),),
                f"{dotted} is {_shown(value)}, not a mapping",
                _blank(value, "Write a mapping"),
            )


def _blank(value: Json, otherwise: str) -> str:
    return "Write a blank after the colon" if isinstance(value, str) and ":" in value else otherwise


def _shown(value: Json) -> str:
    return (
        f'the text "{value}"' if isinstance(value, str) else "a list" if isinstance(value, list) else "a single value"
    )


def _metadata(raw: Json) -> Iterator[Problem]:
    """Names that are absent or that the API server does not take; with generateName the server makes one."""
    metadata = {} if raw.get("metadata") is None else raw["metadata"]
    if not isinstance(metadata, dict):
        return  # the shape says more
    name, prefix = (None if metadata.get(key) == "" else metadata.get(key) for key in ("name", "generateName"))
    if name is None and prefix is None:
        yield _refused(("metadata", "name"), (("metadata.name", None),), "metadata.name is missing", "Write a name")
    for key, value, fits in (("name", name, _is_subdomain), ("generateName", prefix, _is_prefix)):
        if value is not None and not fits(value):
            yield _refused(
                ("metadata", key),
                ((f"metadata.{key}", repr(value)),),
                f"metadata.{key} {_quoted(value)} is not a name that the API server takes",
                "Write lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part",
            )


def _is_subdomain(name: Json) -> bool:
    return isinstance(name, str) and len(name) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(name) is not None


def _is_prefix(prefix: Json) -> bool:
    """Whether generateName is taken: what is made of it has to be a name, and it too, but for a hyphen at its end."""
    if not isinstance(prefix, str) or len(prefix) > _LONGEST_SUBDOMAIN:
        return False
    made = f"{prefix[:_LONGEST_GENERATED]}a"
    return _is_subdomain(made) and (prefix.endswith("-") or _is_subdomain(prefix))


def _quoted(value: Json) -> str:
    return f'"{value}"' if isinstance(value, str) else "that is not a text"


def _containers(raw: Json, path: Path) -> Iterator[Problem]:
    """Containers without a name that the API server takes."""
    listed = at(raw, *path)
    if listed is not None and not isinstance(listed, list):
        dotted = ".".join(map(str, path))
        yield _refused(path, ((dotted, repr(listed)),), f"{dotted} is not a list", "Write a list of containers")
        return
    for index, entry in enumerate((listed or ())[: POD_LISTS[str(path[-1])]]):
        if not _is_named(entry):
            yield _unnamed((*path, index), entry)


def _is_named(entry: Json) -> bool:
    name = at(entry, "name") if isinstance(entry, dict) else None
    return isinstance(name, str) and len(name) <= _LONGEST_LABEL and _LABEL.fullmatch(name) is not None


def _unnamed(path: Path, entry: Json) -> Problem:
    listed, position = path[-2:]
    here = f"{listed}[{position}]"
    name, image = at(entry, "name"), at(entry, "image")
    if not isinstance(entry, dict):
        wrong = f"{here} is {_shown(entry)} where a container belongs"
    elif name in (None, ""):
        wrong = f"{here} has no name" + (f" (image {_quoted(image)})" if image else "")
    else:
        wrong = f"the name {_quoted(name)} of {here} is not one that the API server takes"
    evidence = ((f"name of a container in {listed}", repr(name)), ("its image", repr(image)))
    remedy = "Write a name of lower-case letters, digits and hyphens, up to 63 characters"
    return _refused(path, evidence, wrong, _blank(entry, remedy))


def _refused(path: Path, evidence: Evidence, wrong: str, remedy: str) -> Problem:
    return Problem(path=path, evidence=evidence, level="deny", wrong=wrong, effect=_EFFECT, remedy=remedy)
