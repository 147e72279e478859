"""Each fault can be mended by itself: what is left of several was there before, and only warns."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import pytest

from tests.rules.test_way_back import COMPARES, INEXCUSABLE, judged, states
from webhook.catalogue.examples import DaemonSet, ENIConfig, Example
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.model import Json, at

Object = dict[str, Any]
Repair = Callable[[Object], None]
"""Mends one thing in place; in the original's words, whatever was mended before it."""

REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
AGENT, MODE = "aws-eks-nodeagent", "NETWORK_POLICY_ENFORCING_MODE"
GROUP = "sg-0123456789abcdef0"
EXCLUDE = "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS"
PREFIXES = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "2"}
RESERVED = '{"a.k8s.amazonaws.com/x": "1", "b.k8s.amazonaws.com/y": "2", "team": "net"}'

SEVERAL: list[DaemonSet | ENIConfig] = [
    DaemonSet(env={EXCLUDE: "10.1.0.0,10.2.0.0,10.0.0.0/8,2001:db8::/32"}),
    DaemonSet(env={EXCLUDE: "0.0.0.0/1,128.0.0.0/1,10.2.0.0"}),
    DaemonSet(env={EXCLUDE: ",".join(f"10.0.{number // 250}.{number % 250}/32" for number in range(502))}),
    DaemonSet(env={"AWS_EXTERNAL_SERVICE_CIDRS": "a,b"}),
    DaemonSet(release="1.12.5", env={EXCLUDE: "10.0.0.0/8, 10.1.0.0/16,2001:db8::/32"}),
    DaemonSet(env={"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5", "MINIMUM_IP_TARGET": "16"}),
    DaemonSet(env={**PREFIXES, "WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5", "MINIMUM_IP_TARGET": "16"}),
    DaemonSet(env={"MAX_ENI": "1", "ENABLE_POD_ENI": "true", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"}),
    DaemonSet(env={"ADDITIONAL_ENI_TAGS": RESERVED}),
    DaemonSet(env={"WARM_IP_TARGET": "ten", "MAX_ENI": "0", "ENABLE_POD_ENI": "yes"}),
    DaemonSet(repeat=("WARM_ENI_TARGET", "ENABLE_POD_ENI")),
    DaemonSet(arguments=("--conntrack-cache-table-size=1", "--enable-network-policy=yes")),
    DaemonSet(arguments=("--conntrack-cache-table-size=1",), env={"NETWORK_POLICY_ENFORCING_MODE": "foo"}),
    DaemonSet(images=dict.fromkeys(("aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"), "docker.io/x/y:v1.23.1")),
    DaemonSet(fields={"command": ["env", "WARM_ENI_TARGET=5", "MAX_ENI=0"], "args": ["x"]}),
    DaemonSet(env={"WARM_IP_TARGETS": "1", "MAX_ENIS": "1"}, init_env={"WARM_IP_TARGET": "1", "MAX_ENI": "1"}),
    DaemonSet(probe_address="127.0.0.1:50051"),
    DaemonSet(env={"AWS_VPC_K8S_PLUGIN_LOG_FILE": "STDOUT", "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": '"DEBUG"'}),
    DaemonSet(env={"AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE": "stdout", "ENABLE_IPv6": "yes"}),
    DaemonSet(env={"MINIMUM_IP_TARGET": "5", "WARM_IP_TARGET": "ten"}),
    DaemonSet(env={"WARM_PREFIX_TARGET": "0", "ENABLE_PREFIX_DELEGATION": "true", "WARM_IP_TARGET": "-1"}),
    DaemonSet(env={"WARM_ENI_TARGET": "0", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true", "ENABLE_IPv6": "no"}),
    DaemonSet(
        images={"aws-eks-nodeagent": f"{REGISTRY}/amazon/aws-network-policy-agent:v1.2.5"},
        env={"NETWORK_POLICY_ENFORCING_MODE": "foo"},
    ),
    ENIConfig(spec={"subnet": "x", "securityGroups": ["web", "db", GROUP, GROUP, GROUP, None, 5]}),
    ENIConfig(spec={"subnet": "x", "securityGroups": [GROUP], "a": 1, "b": 2}, root={"c": 3, "d": 4}),
]
"""Objects with several faults of one rule."""


def drop(path: tuple[str | int, ...], item: Json) -> Repair:
    def mend(whole: Object) -> None:
        listed = at(whole, *path)
        listed.remove(item)

    return mend


def put(path: tuple[str | int, ...], value: Json) -> Repair:
    def mend(whole: Object) -> None:
        holder = at(whole, *path[:-1])
        if value is None:
            holder.pop(path[-1], None)
        else:
            holder[path[-1]] = value

    return mend


def of_eniconfig(whole: Object) -> Iterator[Repair]:
    spec = whole["spec"] if isinstance(whole["spec"], dict) else {}
    groups = spec.get("securityGroups")
    for group in groups if isinstance(groups, list) else ():
        yield drop(("spec", "securityGroups"), group)
    for key in spec.keys() - {"subnet", "securityGroups"}:
        yield put(("spec", key), None)
    for key in whole.keys() - {"apiVersion", "kind", "metadata", "spec", "status"}:
        yield put((key,), None)
    if spec:
        yield put(("spec", "subnet"), "subnet-0123456789abcdef0")


def of_daemonset(whole: Object, release: str) -> Iterator[Repair]:
    """Back to the official manifest of the release, one thing at a time."""
    official = stock(release)
    for kind in ("containers", "initContainers"):
        for index, (holder, right) in enumerate(
            zip(at(whole, *POD_SPEC, kind), at(official, *POD_SPEC, kind), strict=False)
        ):
            path = (*POD_SPEC, kind, index)
            for key in {**holder, **right}:
                if key == "name":
                    continue
                if key == "env":
                    yield from of_env(path, holder.get("env", []), right.get("env", []))
                elif key == "args" and isinstance(holder.get("args"), list):
                    yield from (
                        drop((*path, "args"), word) for word in holder["args"] if word not in right.get("args", [])
                    )
                elif holder.get(key) != right.get(key):
                    yield put((*path, key), right.get(key))


def of_env(path: tuple[str | int, ...], entries: list[Object], right: list[Object]) -> Iterator[Repair]:
    shipped = {entry["name"]: entry for entry in right}
    for name in {**{entry["name"]: 1 for entry in entries}, **shipped}:
        mine = [entry for entry in entries if entry["name"] == name]
        if mine != [shipped.get(name)]:
            yield official_entry(path, name, shipped.get(name))
        for entry in mine if len(mine) > 1 else ():
            yield drop((*path, "env"), entry)
        if len(mine) == 1 and isinstance(mine[0].get("value"), str):
            yield from (with_value(path, name, text) for text in shorter(mine[0]["value"]))


def official_entry(path: tuple[str | int, ...], name: str, entry: Object | None) -> Repair:
    def mend(whole: Object) -> None:
        holder = at(whole, *path)
        holder["env"] = [one for one in holder.get("env", []) if one["name"] != name] + ([entry] if entry else [])

    return mend


def with_value(path: tuple[str | int, ...], name: str, text: str) -> Repair:
    return official_entry(path, name, {"name": name, "value": text})


def shorter(text: str) -> Iterator[str]:
    """A list, or a JSON object, without one of its items; at most six of them."""
    items = text.split(",")
    if text.startswith("{"):
        try:
            tags = json.loads(text)
        except ValueError:
            return
        yield from (json.dumps({key: tags[key] for key in tags if key != left}) for left in tags)
    elif len(items) > 1:
        yield from (",".join((*items[:index], *items[index + 1 :])) for index in range(min(len(items), 6)))


def by_rule(whole: Object) -> Counter[Any]:
    """How many faults of each rule an object has: the same of fewer things is a repair."""
    found = judged(change_of(whole["kind"], whole)).findings
    return Counter((f.rule, f.level, f.problem.certain) for f in found)


def by_cause(whole: Object) -> Counter[Any]:
    """The faults of an object by what they rest on, whatever it says."""
    found = judged(change_of(whole["kind"], whole)).findings
    return Counter((f.rule, f.level, f.problem.certain, tuple(name for name, _ in f.problem.evidence)) for f in found)


_FEW, _MANY = 5, 12


def subsets(repairs: list[Repair]) -> Iterator[tuple[Repair, ...]]:
    """All of a few repairs; of many each alone, and some of the pairs."""
    if len(repairs) < _FEW:
        return chain.from_iterable(combinations(repairs, size) for size in range(1, len(repairs) + 1))
    return chain(((one,) for one in repairs[:_MANY]), combinations(repairs[:_FEW], 2))


def refused(example: DaemonSet | ENIConfig, faults: Callable[[Object], Counter[Any]]) -> list[tuple[Any, ...]]:
    whole = example.build()
    repairs = list(of_eniconfig(whole) if isinstance(example, ENIConfig) else of_daemonset(whole, example.release))
    had = faults(whole)
    found = []
    for chosen in subsets(repairs):
        mended = deepcopy(whole)
        try:
            for repair in chosen:
                repair(mended)
        except ValueError:  # two repairs of one item
            continue
        if faults(mended) <= had:
            verdict = judged(change_of(whole["kind"], mended, whole, "UPDATE"))
            denied = {f.rule for f in verdict.findings if f.level == "deny"} - COMPARES - INEXCUSABLE
            if denied:
                found.append((denied, verdict.denials))
    return found


def test_removing_one_of_three_entries_of_a_name_passes() -> None:
    """Any of them, but no other value comes, and no other one wins, without a denial."""
    thrice = stock()
    entries = at(thrice, *POD_SPEC, "containers", 0, "env")
    entries += [{"name": "WARM_IP_TARGET", "value": value} for value in ("1", "2", "3")]

    def left(*values: str) -> bool:
        changed = deepcopy(thrice)
        at(changed, *POD_SPEC, "containers", 0)["env"] = entries[:-3] + [
            {"name": "WARM_IP_TARGET", "value": value} for value in values
        ]
        return not judged(change_of("DaemonSet", changed, thrice, "UPDATE")).denials

    for fewer in (["1", "2"], ["1", "3"], ["2", "3"], ["1"], ["2"], ["3"], []):
        assert left(*fewer), fewer
    for other in (["1", "4"], ["2", "1"], ["1", "2", "3", "4"], ["3", "2", "1"], ["1", "2", "2"]):
        assert not left(*other), other


@pytest.mark.parametrize(
    "broken",
    [
        DaemonSet(arguments=("--log-levels=info",)),
        DaemonSet(arguments=("--conntrack-cache-table-size=1", "--enable-network-policy=true")),
        DaemonSet(
            arguments=("--enable-network-policy=true",),
            images={AGENT: f"{REGISTRY}/amazon/aws-network-policy-agent:v1.2.5"},
        ),
    ],
    ids=["flag", "flag-in-use", "image"],
)
def test_mending_the_enforcing_mode_beside_a_broken_agent_passes(broken: DaemonSet) -> None:
    """With an enforcing mode the agent's fault is graver, not another one: to take the mode away brings none."""
    before = replace(broken, env={MODE: "foo"})
    for mode in (None, "none", "standard", "strict"):
        verdict = judged(Example(replace(broken, env={MODE: mode}), before=before).change())
        assert not verdict.denials, mode
    idle, waits = (replace(broken, env={MODE: mode}) for mode in (None, "standard"))
    assert judged(Example(waits, before=idle).change()).denials


def test_removing_one_of_two_entries_without_a_name_passes() -> None:
    nameless = stock()
    at(nameless, *POD_SPEC, "containers", 0)["env"][2:2] = [{"value": "1"}, {"value": "2"}]
    for index in (0, 2, 3):
        changed = deepcopy(nameless)
        del at(changed, *POD_SPEC, "containers", 0)["env"][index]
        assert not judged(change_of("DaemonSet", changed, nameless, "UPDATE")).denials, index


@pytest.mark.parametrize("example", SEVERAL, ids=lambda one: repr({k: v for k, v in vars_of(one) if v})[:80])
def test_mending_any_of_several_faults_of_a_rule_passes(example: DaemonSet | ENIConfig) -> None:
    assert refused(example, by_rule) == []


def vars_of(one: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(one, name)) for name in type(one).__dataclass_fields__]


@pytest.mark.parametrize("kind", [DaemonSet, ENIConfig])
def test_mending_a_part_of_any_example_passes(kind: type[DaemonSet] | type[ENIConfig]) -> None:
    for example in states(kind):
        if kind is DaemonSet and example.metadata is not None:
            continue
        assert refused(example, by_cause) == [], example
