"""DEL-004 and DEL-005: ConfigMap amazon-vpc-cni and SecurityGroupPolicies."""

import re
from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, Whole
from webhook.catalogue.rule import NeighborCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.neighbors import NAMESPACE
from webhook.cni.values import go_bool
from webhook.facts import Fact, Facts, Node
from webhook.model import Json, Level, Path, Problem, at, text

_BOOLEANS = ("enable-windows-ipam", "enable-windows-prefix-delegation", "enable-network-policy-controller")
_TARGETS = ("warm-ip-target", "minimum-ip-target", "warm-prefix-target")
_NUMBERS = (*_TARGETS, *(f"windows-{name}" for name in _TARGETS), "branch-eni-cooldown")
_WINDOWS = "enable-windows-ipam"


def _config(**data: str) -> Whole:
    named = {key.replace("_", "-"): value for key, value in data.items()}
    metadata = {"name": "amazon-vpc-cni", "namespace": NAMESPACE}
    return Whole({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": named})


_ON_WINDOWS = Facts(nodes=Fact((Node(name="a", os="windows"),), "cluster"))
_ON_LINUX = Facts(nodes=Fact((Node(name="a"),), "cluster"))


@rule(
    "DEL-004",
    "ConfigMap amazon-vpc-cni is deleted, or holds a value without effect",
    level="deny",
    link=links.VARIABLES,
    target="ConfigMap",
    operations=("CREATE", "UPDATE", "DELETE"),
    needs=("nodes",),
    bad=(
        Example(None, before=_config(enable_windows_ipam="true"), facts=_ON_WINDOWS),
        Example(None, before=_config(enable_windows_ipam="true"), level="warn"),
        Example(_config(enable_windows_ipam="false"), before=_config(enable_windows_ipam="true"), level="warn"),
        Example(_config(enable_windows_ipam="yes"), level="warn"),
        Example(_config(branch_eni_cooldown="1m"), level="warn"),
        Example(_config(warm_ip_target="5"), before=_config(warm_ip_target="1"), facts=_ON_LINUX, level="warn"),
    ),
    good=(
        Example(_config(enable_windows_ipam="true"), before=_config(enable_windows_ipam="false")),
        Example(_config(warm_ip_target="5"), before=_config(warm_ip_target="1"), facts=_ON_WINDOWS),
    ),
)
def config_map(case: NeighborCase) -> Iterator[Problem]:
    """The VPC resource controller reads it for Windows nodes and branch interfaces; Linux nodes never do.

    A value that it cannot parse counts as 0 or false.
    """
    if case.change.operation == "DELETE":
        yield from _deleted(case)
        return
    data = at(case.new.raw, "data")
    held = {key: text(value) for key, value in data.items()} if isinstance(data, dict) else {}
    yield from _unparsed(held)
    if _was_on(case) and go_bool(held.get(_WINDOWS, "false")) is not True:
        off = f"{_WINDOWS} is switched off in ConfigMap amazon-vpc-cni"
        remedy = f'Set {_WINDOWS}: "true" while the cluster has Windows nodes'
        yield _of_key(_WINDOWS, held.get(_WINDOWS), (off, "new Windows pods get no address", remedy))
    yield from _for_linux(case, held)


def _was_on(case: NeighborCase) -> bool:
    return case.old is not None and go_bool(text(at(case.old.raw, "data", _WINDOWS)) or "false") is True


def _deleted(case: NeighborCase) -> Iterator[Problem]:
    on = go_bool(text(at(case.new.raw, "data", _WINDOWS)) or "false") is True
    nodes = case.facts.nodes
    windows = [node for node in nodes.value if node.os == "windows"] if nodes else []
    if nodes is not None and not windows:
        return
    level: Level = "deny" if windows and on else "warn"
    counted = f"{len(windows)} Windows node{'s' if len(windows) > 1 else ''}" if windows else "Windows nodes"
    yield Problem(
        path=("metadata", "name"),
        evidence=(("ConfigMap deleted", "amazon-vpc-cni"),),
        level=level,
        wrong="ConfigMap kube-system/amazon-vpc-cni is deleted",
        effect=f"pods on {counted} get no address, and the settings of branch interfaces are lost",
        remedy="Keep it, or change its values by applying it",
    )


def _unparsed(held: dict[str, str]) -> Iterator[Problem]:
    for key, value in held.items():
        if key in _BOOLEANS and go_bool(value) is None:
            clauses = (f'{key}="{value}" is not true or false', "it counts as false", f'Set {key} to "true" or "false"')
            yield _of_key(key, value, clauses)
        elif key in _NUMBERS and not _NUMBER.fullmatch(value):
            clauses = (f'{key}="{value}" is not an integer of at least 0', "it counts as 0", f"Set {key} to an integer")
            yield _of_key(key, value, clauses)


_NUMBER = re.compile(r"[0-9]{1,9}")


def _for_linux(case: NeighborCase, held: dict[str, str]) -> Iterator[Problem]:
    """Targets that were changed in a cluster without Windows nodes: their author most likely means Linux nodes."""
    if case.facts.nodes is None or any(node.os == "windows" for node in case.facts.nodes.value):
        return
    for key in _TARGETS:
        if case.old is not None and key in held and held[key] != at(case.old.raw, "data", key):
            wrong = f"{key} is changed in ConfigMap amazon-vpc-cni, and the cluster has no Windows nodes"
            remedy = f"Set {key.upper().replace('-', '_')} in container aws-node instead"
            yield _of_key(key, held[key], (wrong, "Linux nodes do not read it", remedy))


_Clauses = tuple[str, str, str]
"""What is wrong, its effect, and the remedy."""


def _of_key(key: str, value: str | None, clauses: _Clauses) -> Problem:
    wrong, effect, remedy = clauses
    evidence = ((f"ConfigMap amazon-vpc-cni {key}", value),)
    return Problem(path=("data", key), evidence=evidence, level="warn", wrong=wrong, effect=effect, remedy=remedy)


_GROUP = re.compile(r"sg-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_MOST_GROUPS = 5
_OFF = Facts(aws_node=Fact((DaemonSet().build(),), "cluster"))


def _policy(groups: Json, **selectors: Json) -> Whole:
    return Whole(
        {
            "apiVersion": "vpcresources.k8s.aws/v1beta1",
            "kind": "SecurityGroupPolicy",
            "metadata": {"name": "db", "namespace": "apps"},
            "spec": {"securityGroups": {"groupIds": groups}, **selectors},
        }
    )


_SELECTOR: Json = {"matchLabels": {"app": "db"}}
_GOOD_GROUPS = ["sg-0123456789abcdef0"]


@rule(
    "DEL-005",
    "A SecurityGroupPolicy that selects everything, or has no valid groups",
    level="warn",
    link=links.SECURITY_GROUPS,
    target="SecurityGroupPolicy",
    needs=("aws_node",),
    bad=(
        Example(_policy(_GOOD_GROUPS)),
        Example(_policy(_GOOD_GROUPS, podSelector={})),
        Example(_policy([], podSelector=_SELECTOR)),
        Example(_policy(["web"], podSelector=_SELECTOR)),
        Example(_policy([f"sg-0123456789abcdef{digit}" for digit in range(6)], podSelector=_SELECTOR)),
        Example(_policy(_GOOD_GROUPS, podSelector=_SELECTOR), facts=_OFF),
    ),
    good=(
        Example(_policy(_GOOD_GROUPS, podSelector=_SELECTOR)),
        Example(_policy(_GOOD_GROUPS, serviceAccountSelector=_SELECTOR)),
    ),
)
def security_group_policy(case: NeighborCase) -> Iterator[Problem]:
    """The VPC resource controller gives pods that a policy selects a branch interface with its security groups.

    A policy without selectors selects every pod of its namespace.
    """
    spec = at(case.new.raw, "spec")
    if not any(at(spec, kind, part) for kind in _SELECTORS for part in ("matchLabels", "matchExpressions")):
        yield _of_policy(("selectors", None), _ALL, ("spec",))
    groups = at(spec, "securityGroups", "groupIds")
    listed = groups if isinstance(groups, list) else []
    if not 1 <= len(listed) <= _MOST_GROUPS:
        wrong = f"the SecurityGroupPolicy has {len(listed)} security groups"
        yield _of_policy(("groups", str(len(listed))), (wrong, _NO_INTERFACE, "List 1 to 5 security groups"))
    for group in dict.fromkeys(str(one) for one in listed[:_READ] if not _GROUP.fullmatch(text(one))):
        wrong = f'"{group}" is not the ID of a security group'
        yield _of_policy(("group", group), (wrong, _NO_INTERFACE, "Use an ID such as sg-0123456789abcdef0"))
    if case.facts.aws_node is not None and not any(AwsNode(raw).pod_eni for raw in case.facts.aws_node.value):
        yield _of_policy(("ENABLE_POD_ENI", "off"), _SWITCHED_OFF, ("spec",))


_READ = 20
"""Security groups that are read."""

_SELECTORS = ("podSelector", "serviceAccountSelector")
_NO_INTERFACE = "pods that the policy selects get no interface"
_ALL: _Clauses = (
    "the SecurityGroupPolicy has no selector",
    "every new pod of the namespace gets its security groups",
    "Add a podSelector or a serviceAccountSelector",
)
_SWITCHED_OFF: _Clauses = (
    "security groups for pods are off in aws-node",
    "pods that the policy selects stay Pending",
    "Set ENABLE_POD_ENI=true in aws-node first",
)


def _of_policy(
    fault: tuple[str, str | None], clauses: _Clauses, path: Path = ("spec", "securityGroups", "groupIds")
) -> Problem:
    wrong, effect, remedy = clauses
    evidence = ((f"SecurityGroupPolicy {fault[0]}", fault[1]),)
    return Problem(path=path, evidence=evidence, level="warn", wrong=wrong, effect=effect, remedy=remedy)
