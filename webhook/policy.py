"""The policy file: YAML in, a frozen `Policy` out.

Unknown keys, rules and values are errors, so that a typo cannot turn a rule off. The JSON Schema beside this module
(policy.schema.json) is generated from these types.
"""

import difflib
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from webhook import documents
from webhook.model import Json, Level, Path

ContainerName = Literal["aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"]
RuleId = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]+(-[0-9]{3})?$", description="The ID of a rule, as listed by `cni-guard rules`.")
]
ReleaseNumber = Annotated[
    str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$", description="A CNI release, such as 1.23.1.")
]
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """A section of the policy; unknown keys are errors."""


class Cluster(_Section, frozen=True):
    """Facts about the cluster that the evaluated objects do not contain."""

    name: Annotated[str, Meta(description="The name of the EKS cluster.")] | None = None
    region: (
        Annotated[str, Meta(description="The AWS region of the cluster; images from other regions cause a warning.")]
        | None
    ) = None
    kubernetes: (
        Annotated[str, Meta(pattern=r"^1\.[0-9]{1,3}$", description='The Kubernetes version of the cluster, "1.33".')]
        | None
    ) = None
    nodes: (
        Annotated[int, Meta(ge=0, description="The number of EC2 nodes, where no snapshot of the cluster tells it.")]
        | None
    ) = None
    scoped_by_name: Annotated[
        bool, Meta(description="Subnet tags or the IAM policy of aws-node are scoped by cluster name.")
    ] = False


class Blocked(_Section, frozen=True):
    """A CNI release that must not be installed."""

    release: ReleaseNumber
    reason: str
    use: Annotated[ReleaseNumber, Meta(description="The release to use instead.")] | None = None


class Versions(_Section, frozen=True):
    """Which CNI releases may run, and how many minor versions one upgrade may span."""

    blocked: tuple[Blocked, ...] = ()
    max_minor_skip: Annotated[int, Meta(ge=1, description="How many minor versions one upgrade may span.")] = 1
    allow_skip: Annotated[bool, Meta(description="Only warn about an upgrade that spans more minor versions.")] = False
    digests: Annotated[dict[Digest, ReleaseNumber], Meta(description="The release of each image digest.")] = {}


class Images(_Section, frozen=True):
    """Where CNI images may be pulled from."""

    registries: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.:_-]*(/[a-zA-Z0-9._-]+)*/?$")], ...],
        Meta(description="Registries besides Amazon's own, with an optional path: registry.example.com/mirror."),
    ] = ()


class Targets(_Section, frozen=True):
    """How many addresses nodes keep warm."""

    profile: (
        Annotated[
            Literal["default", "small-subnet", "large-cluster", "prefix", "prefix-conserve"],
            Meta(description="What the targets are chosen for; large-cluster advises against WARM_IP_TARGET."),
        ]
        | None
    ) = None
    large_cluster: Annotated[
        int, Meta(ge=1, description="The number of nodes beyond which WARM_IP_TARGET strains the EC2 API.")
    ] = 100
    pods_per_node: (
        Annotated[
            int,
            Meta(ge=1, description="Pods that a node usually runs: MINIMUM_IP_TARGET is added as two more than this."),
        ]
        | None
    ) = None


class SecurityGroups(_Section, frozen=True):
    """Security groups for pods."""

    enforcing_mode: (
        Annotated[
            Literal["strict", "standard"],
            Meta(description="The mode to add where strict mode, the CNI's default, does not fit."),
        ]
        | None
    ) = None


class ExtraVariable(_Section, frozen=True):
    """An environment variable that is missing from the built-in tables."""

    name: Annotated[str, Meta(min_length=1)]
    container: ContainerName = "aws-node"


class Defaults(_Section, frozen=True):
    """Approved defaults: values to add when a new or changed aws-node does not set them."""

    env: dict[ContainerName, dict[str, str]] = {}


class PolicyException(_Section, frozen=True):
    """Until a given day, a rule only warns about one object."""

    rule: RuleId
    resource: Annotated[str, Meta(description="The object as messages name it: DaemonSet kube-system/aws-node.")]
    owner: Annotated[str, Meta(min_length=1)]
    reason: Annotated[str, Meta(min_length=1)]
    until: Annotated[date, Meta(description="The last day of the exception (UTC).")]


class Policy(_Section, frozen=True):
    """What a team allows. Only `mode` is required: an empty file is more likely an accident than a choice."""

    mode: Annotated[
        Literal["observe", "enforce"],
        Meta(description="observe: every finding is a warning, no default is added; enforce: denials reject changes."),
    ]
    api_version: Literal["cni-guard.dev/v1alpha1"] = "cni-guard.dev/v1alpha1"
    cluster: Cluster = Cluster()
    versions: Versions = Versions()
    images: Images = Images()
    targets: Targets = Targets()
    security_groups: SecurityGroups = SecurityGroups()
    environment: Annotated[
        tuple[ExtraVariable, ...], Meta(description="Environment variables of a private build or of a newer release.")
    ] = ()
    rules: Annotated[
        dict[RuleId, Literal["deny", "warn", "off"]],
        Meta(
            description="The level of a rule: warn turns its denials into warnings, deny its warnings into denials "
            "(except those that leave a way back open), off disables it."
        ),
    ] = {}
    defaults: Defaults = Defaults()
    exceptions: tuple[PolicyException, ...] = ()
    acknowledge: Annotated[
        tuple[RuleId, ...] | None,
        Meta(description="Rules that the author of a change may acknowledge in the change; ROLL-003 by default."),
    ] = None
    on_crash: Annotated[
        Level, Meta(description="The outcome when a rule that can deny fails with an error: deny or warn.")
    ] = "deny"


_STEP = re.compile(r"\.([^.\[`]+)|\[(\d+|\.\.\.)\]")
"""A step of a path as msgspec writes it: a key, an index, or ``...`` for a key that it does not name."""

BUILT_IN = Policy(mode="enforce")
"""The policy in force when no file is given or the given file cannot be loaded."""


class PolicyError(Exception):
    """A policy that does not load; the message names the file, the line and the reason."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a policy file (draft 2020-12), for editors and CI."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://cni-guard.dev/schemas/policy.v1alpha1.json",
        "title": "cni-guard policy",
    }
    return head | msgspec.json.schema(Policy)


class Loaded(NamedTuple):
    """A policy, and what its owner should change in it before the next minor version."""

    policy: Policy
    warnings: tuple[str, ...]


Former = Mapping[str, tuple[str, ...]]
"""IDs of the minor version before, each with the IDs that it became."""


def load(text: str, file: str, rules: Collection[str], former: Former = MappingProxyType({})) -> Policy:
    """Parse a policy, as `read` does, without its warnings."""
    return read(text, file, rules, former).policy


def read(text: str, file: str, rules: Collection[str], former: Former = MappingProxyType({})) -> Loaded:
    """Parse a policy. A former ID counts as every ID that it became, unless the policy names that one too.

    Args:
        text: The content of the policy file.
        file: The name of the file, for error messages.
        rules: The IDs of all existing rules.
        former: The IDs that are split or gone.

    Raises:
        PolicyError: The policy does not load.
    """
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
    outdated: list[str] = []
    for path, rule in _named_rules(policy):
        if rule not in rules and rule not in former:
            raise fail(path, f"there is no rule {rule}{_nearest(rule, rules)}")
        if new := former.get(rule):
            counts = f"{rule} counts as {', '.join(new)}, and no longer does from the next minor version on"
            outdated.append(str(fail(path, f"{counts}: name the rules that you mean")))
    return Loaded(_with_current_ids(policy, former), tuple(outdated))


def _with_current_ids(policy: Policy, former: Former) -> Policy:
    levels = {new: level for rule, level in policy.rules.items() for new in former.get(rule, ())}
    kept = {rule: level for rule, level in policy.rules.items() if rule not in former}
    named = policy.acknowledge
    return msgspec.structs.replace(
        policy,
        rules=levels | kept,
        acknowledge=None if named is None else tuple(new for rule in named for new in former.get(rule, (rule,))),
        exceptions=tuple(
            msgspec.structs.replace(one, rule=new)
            for one in policy.exceptions
            for new in former.get(one.rule, (one.rule,))
        ),
    )


def _only_document(text: str, file: str) -> documents.Document:
    try:
        found = documents.load(text)
    except documents.DocumentError as error:
        raise PolicyError(f"{file}:{error.line}:{error.column}: {error.reason}") from error
    if not found or not found[0].value:
        raise PolicyError(f"{file}:1:1: the policy is empty; set at least `mode: observe` or `mode: enforce`")
    if len(found) > 1:
        place = found[1].positions[()]
        raise PolicyError(f"{file}:{place.line}:{place.column}: a second YAML document; a policy is one document")
    return found[0]


def _unknown_keys(
    value: Json, node: Mapping[str, Any], path: Path = (), root: Mapping[str, Any] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Each key that the schema does not define, with the keys that it allows there."""
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
    for index, exception in enumerate(policy.exceptions):
        yield ("exceptions", index, "rule"), exception.rule


def _with_off(value: Json) -> Json:
    """Accept `off` without quotes as a level, although YAML 1.1 reads it as false."""
    rules = value.get("rules") if isinstance(value, dict) else None
    if not isinstance(rules, dict):
        return value
    return value | {"rules": {rule: "off" if level is False else level for rule, level in rules.items()}}


def _way_out(reason: str, where: str) -> str:
    """How to correct a value that the schema does not accept."""
    node = _node(where)
    if allowed := node.get("enum"):
        return f"; use one of {', '.join(map(str, allowed))}"
    if node.get("format") == "date":
        return "; write the date as YYYY-MM-DD, such as 2026-12-31"
    if reason.startswith("Expected `str") and "regex" not in reason:
        return "; quote the value"
    return f": {node['description']}" if "description" in node else ""


def _node(where: str) -> Mapping[str, Any]:
    """The part of the schema for a path as msgspec writes it; empty if there is none."""
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
    """Resolve references, and take the non-null branch of an optional value."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        else:
            node = next(branch for branch in node["anyOf"] if branch.get("type") != "null")
    return node


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; allowed here: {', '.join(sorted(known))}"


def _path(where: str) -> Path:
    """Parse a path as msgspec writes it (`$.exceptions[0].until`), up to the first step that it does not name."""
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
