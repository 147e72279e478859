"""A policy file: what a team allows, YAML in, a frozen `Policy` out.

Whatever the file says that is not known here is refused, so that a typo can not switch a rule off.
The JSON Schema beside this file (policy.schema.json) is made from these types.
"""

import difflib
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from webhook import documents
from webhook.model import Json, Level, Path

ContainerName = Literal["aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"]
RuleId = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]+(-[0-9]{3})?$", description="A rule's id, as `cni-guard rules` lists it.")
]
Release = Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$", description="A CNI release, 1.23.1.")]
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """A part of the policy; unknown keys are refused."""


class Cluster(_Section, frozen=True):
    """What the guard can not see in an object."""

    name: Annotated[str, Meta(description="The EKS cluster's name.")] | None = None
    region: (
        Annotated[str, Meta(description="The cluster's AWS region; images from others are warned about.")] | None
    ) = None
    kubernetes: (
        Annotated[str, Meta(pattern=r"^1\.[0-9]{1,3}$", description='Its Kubernetes version, "1.33".')] | None
    ) = None
    scoped_by_name: Annotated[
        bool, Meta(description="Subnet tags or the IAM policy of aws-node are scoped by the cluster's name.")
    ] = False


class Blocked(_Section, frozen=True):
    """A CNI release that this team does not want."""

    release: Release
    reason: str
    use: Annotated[Release, Meta(description="The release to take instead.")] | None = None


class Versions(_Section, frozen=True):
    """Which CNI releases may run, and how far one step may go."""

    blocked: tuple[Blocked, ...] = ()
    max_minor_skip: Annotated[int, Meta(ge=1, description="Minor versions that one upgrade may climb.")] = 1
    allow_skip: Annotated[bool, Meta(description="Only warn where an upgrade climbs more.")] = False
    digests: Annotated[dict[Digest, Release], Meta(description="The release behind an image's digest.")] = {}


class Images(_Section, frozen=True):
    """Where the CNI's images may come from."""

    registries: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.:_-]*(/[a-zA-Z0-9._-]+)*/?$")], ...],
        Meta(description="Registries beside Amazon's own, with an optional path: registry.example.com/mirror."),
    ] = ()


class Variable(_Section, frozen=True):
    """An environment variable that the guard's own tables do not know."""

    name: Annotated[str, Meta(min_length=1)]
    container: ContainerName = "aws-node"


class Defaults(_Section, frozen=True):
    """Values to fill in where a new aws-node, or a change of it, leaves them out."""

    env: dict[ContainerName, dict[str, str]] = {}


class Exemption(_Section, frozen=True):
    """An exception: this rule only warns on this object, until a day."""

    rule: RuleId
    resource: Annotated[str, Meta(description="As messages name it: DaemonSet kube-system/aws-node.")]
    owner: Annotated[str, Meta(min_length=1)]
    reason: Annotated[str, Meta(min_length=1)]
    until: Annotated[date, Meta(description="The last day on which it counts (UTC).")]


class Policy(_Section, frozen=True):
    """What a team allows. Only `mode` must be written: an empty file is more often an accident than a wish."""

    mode: Annotated[
        Literal["observe", "enforce"],
        Meta(description="observe: every finding is a warning and nothing is filled in; enforce: denials refuse."),
    ]
    api_version: Literal["cni-guard.dev/v1alpha1"] = "cni-guard.dev/v1alpha1"
    cluster: Cluster = Cluster()
    versions: Versions = Versions()
    images: Images = Images()
    environment: Annotated[
        tuple[Variable, ...], Meta(description="Variables of a private build or a newer release.")
    ] = ()
    rules: Annotated[
        dict[RuleId, Literal["deny", "warn", "off"]],
        Meta(
            description="The level of a rule: warn lowers its denials, deny raises its warnings (save those that leave "
            "a way back open), off silences it."
        ),
    ] = {}
    defaults: Defaults = Defaults()
    exceptions: tuple[Exemption, ...] = ()
    acknowledge: Annotated[
        tuple[RuleId, ...] | None,
        Meta(description="Rules that the author of a change may acknowledge in the change itself; ROLL-003 if unset."),
    ] = None
    on_crash: Annotated[
        Level, Meta(description="What a rule that fails on an object means, where it could have denied.")
    ] = "deny"


_STEP = re.compile(r"\.([^.\[`]+)|\[(\d+|\.\.\.)\]")
"""A step of a path in msgspec's words: a key, an index, or ``...`` for a key that it does not name."""

BUILT_IN = Policy(mode="enforce")
"""The policy that holds where no file is given, or the one that was given can not be read."""


class PolicyError(Exception):
    """A policy that can not be used; its text names file, line and reason."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a policy file (draft 2020-12), for editors and CI."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://cni-guard.dev/schemas/policy.v1alpha1.json",
        "title": "cni-guard policy",
    }
    return head | msgspec.json.schema(Policy)


def load(text: str, file: str, rules: Collection[str]) -> Policy:
    """Read a policy; `rules` are the ids that exist. Raises PolicyError."""
    document = _only_document(text, file)

    def fail(path: Path, reason: str) -> PolicyError:
        place = document.positions.get(path) or next(
            document.positions[path[:cut]] for cut in range(len(path), -1, -1) if path[:cut] in document.positions
        )
        return PolicyError(f"{file}:{place.line}:{place.column}: {reason}")

    for path, known in _unknown_keys(document.value, schema()):
        raise fail(path, f"unknown key {_dotted(path)}{_nearest(str(path[-1]), known)}")
    try:
        policy = msgspec.convert(_with_off(document.value), Policy)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        place = f" at {where.strip('`').removeprefix('$.')}" if where else ""
        raise fail(_path(where), f"{reason}{place}{_way_out(reason, where)}") from error
    for path, rule in _named_rules(policy):
        if rule not in rules:
            raise fail(path, f"there is no rule {rule}{_nearest(rule, rules)}")
    return policy


def _only_document(text: str, file: str) -> documents.Document:
    try:
        found = documents.load(text)
    except documents.DocumentError as error:
        raise PolicyError(f"{file}:{error.line}:{error.column}: {error.reason}") from error
    if not found or not found[0].value:
        raise PolicyError(f"{file}:1:1: the policy is empty; write at least `mode: observe` or `mode: enforce`")
    if len(found) > 1:
        place = found[1].positions[()]
        raise PolicyError(f"{file}:{place.line}:{place.column}: a second document; a policy is one YAML document")
    return found[0]


def _unknown_keys(
    value: Json, node: Mapping[str, Any], path: Path = (), root: Mapping[str, Any] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Each key that the schema does not know, with the ones it knows in that place."""
    root = root or node
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    for branch in node.get("anyOf", ()):
        yield from _unknown_keys(value, branch, path, root)
    if isinstance(value, dict) and "object" in node.get("type", ""):
        known, other = node.get("properties", {}), node.get("additionalProperties")
        for key, item in value.items():
            if key in known:
                yield from _unknown_keys(item, known[key], (*path, key), root)
            elif isinstance(other, dict):
                yield from _unknown_keys(item, other, (*path, key), root)
            elif other is False:
                yield (*path, key), sorted(known)
    elif isinstance(value, list) and isinstance(items := node.get("items"), dict):
        for index, item in enumerate(value):
            yield from _unknown_keys(item, items, (*path, index), root)


def _named_rules(policy: Policy) -> Iterator[tuple[Path, str]]:
    for rule in policy.rules:
        yield ("rules", rule), rule
    for index, rule in enumerate(policy.acknowledge or ()):
        yield ("acknowledge", index), rule
    for index, exemption in enumerate(policy.exceptions):
        yield ("exceptions", index, "rule"), exemption.rule


def _with_off(value: Json) -> Json:
    """The level `off` needs no quotes here, although YAML reads it as false."""
    rules = value.get("rules") if isinstance(value, dict) else None
    if not isinstance(rules, dict):
        return value
    return value | {"rules": {rule: "off" if level is False else level for rule, level in rules.items()}}


def _way_out(reason: str, where: str) -> str:
    """How to mend a value of the wrong form."""
    node = _node(where)
    if allowed := node.get("enum"):
        return f"; write one of {', '.join(map(str, allowed))}"
    if node.get("format") == "date":
        return "; write a day as 2026-12-31"
    if reason.startswith("Expected `str") and "regex" not in reason:
        return "; put the value in quotes"
    return f": {node['description']}" if "description" in node else ""


def _node(where: str) -> Mapping[str, Any]:
    """The part of the schema that speaks of a place in msgspec's words; empty where none does."""
    root = schema()
    node: Mapping[str, Any] = root
    for key, _ in _STEP.findall(where):
        node = _resolved(root, node)
        inner = node.get("properties", {}).get(key) if key else node.get("items") or node.get("additionalProperties")
        if not isinstance(inner, dict):
            return {}
        node = inner
    return _resolved(root, node)


def _resolved(root: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, and take the branch of an optional value that is not null."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        else:
            node = next(branch for branch in node["anyOf"] if branch.get("type") != "null")
    return node


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(sorted(known))}"


def _path(where: str) -> Path:
    """The path in msgspec's words: `$.exceptions[0].until`; what it does not name ends the path."""
    steps: list[str | int] = []
    for key, index in _STEP.findall(where):
        if index == "...":
            break
        steps.append(int(index) if index else key)
    return tuple(steps)


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
