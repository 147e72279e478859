"""B and P: approved defaults that no other rule's fix brings. T1, T3 and I1 ride on IPT-001, PFX-001 and ENV-008.

Each only warns; what it would fill in is its fix, and the mutating door applies that where the same request brings the
cause.
"""

from collections.abc import Iterator
from typing import Any

from webhook.cni.container import Container
from webhook.cni.stock import stock
from webhook.cni.values import go_bool
from webhook.model import Edit, Json, Problem
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example, container, env
from webhook.rules.parts import fill
from webhook.rules.rule import AwsNodeCase, rule

_FAMILIES = ("ENABLE_IPv4", "ENABLE_IPv6")


@rule(
    "B1",
    "Neither address family is named",
    level="warn",
    link=links.TROUBLESHOOTING,
    bad=(env(ENABLE_IPv4=None, ENABLE_IPv6=None),),
)
def no_family(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.10 on ipamd starts only with one family switched on, and its own default is neither.

    The typical cause is a new image under an old manifest. IPv4 is filled in only where nothing speaks for IPv6.
    """
    main = case.new.required
    if case.new.known_version < (1, 10, 0) or not all(main.lacks(name) for name in _FAMILIES):
        return
    agreed = not (
        (case.old is not None and case.old.main is not None and case.old.ipv6)
        or (case.new.init is not None and case.new.init.flag("ENABLE_IPv6"))
        or go_bool(case.new.argument("enable-ipv6") or "false") is True
    )
    yield Problem(
        path=main.where("ENABLE_IPv4"),
        evidence=(*main.evidence(*_FAMILIES), ("CNI", "1.10 or newer")),
        level="warn",
        wrong="ENABLE_IPv4 and ENABLE_IPv6 are both absent",
        effect="ipamd refuses to start with neither family switched on",
        remedy='Set ENABLE_IPv4="true" and ENABLE_IPv6="false", or the reverse in an IPv6 cluster',
        fixes=(*fill(case, "ENABLE_IPv4", "true"), *fill(case, "ENABLE_IPv6", "false")) if agreed else (),
    )


_IDENTITY = (
    ("aws-node", "MY_NODE_NAME", "spec.nodeName"),
    ("aws-node", "MY_POD_NAME", "metadata.name"),
    ("aws-eks-nodeagent", "MY_NODE_NAME", "spec.nodeName"),
)


@rule(
    "B3",
    "aws-node is not told which node it is on",
    level="warn",
    link=links.MANAGE,
    bad=(env(MY_NODE_NAME=None), env(MY_POD_NAME=None)),
)
def no_identity(case: AwsNodeCase) -> Iterator[Problem]:
    """Without its node's name ipamd watches every node and pod of the cluster and can not initialise its own."""
    for name, variable, field in _IDENTITY:
        holder = _holder(case, name)
        if holder is None or holder.defects or not holder.lacks(variable):
            continue
        row = case.tables.variables[name].get(variable)
        if row is None or (row.since is not None and case.new.known_version < row.since):
            continue
        entry = {"name": variable, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}
        yield Problem(
            path=holder.where(variable),
            evidence=holder.evidence(variable),
            level="warn",
            wrong=f"{variable} is absent in container {name}",
            effect="it can not tell which node it is on" if field == "spec.nodeName" else "its events name no pod",
            remedy=f"Take it from fieldRef {field}, as the official manifest does",
            fixes=(Edit((*holder.path, "env"), None, entry, f"{name} env {variable} from {field}"),),
        )


def _holder(case: AwsNodeCase, name: str) -> Container | None:
    return next((holder for holder in case.new.roles if holder.role == name), None)


@rule(
    "B8",
    "A probe is missing",
    level="warn",
    reads=("probes", "rest"),
    link=links.BEST_PRACTICES,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(without=("livenessProbe",))),
        Example(DaemonSet(without=("livenessProbe", "readinessProbe"))),
    ),
)
def no_probe(case: AwsNodeCase) -> Iterator[Problem]:
    """Without a readiness probe a roll-out goes on over broken nodes; without a liveness probe a hung ipamd stays."""
    main = case.new.required
    for kind in ("livenessProbe", "readinessProbe"):
        if main.raw.get(kind) is None:
            probe = _official_probe(case, kind)
            says = f"aws-node {kind} of the official manifest"
            yield Problem(
                path=main.path,
                evidence=((f"aws-node {kind}", None),),
                level="warn",
                wrong=f"container aws-node has no {kind}",
                effect="a roll-out does not stop at broken nodes"
                if kind == "readinessProbe"
                else "an ipamd that hangs is never restarted",
                remedy="Take the probe of the official manifest",
                fixes=(Edit(main.path, kind, probe, says),) if probe else (),
            )


def _official_probe(case: AwsNodeCase, kind: str) -> Json:
    """The probe of the release's own manifest; None where the release is not in the tables."""
    version = case.new.known_version
    if version not in case.tables.pairs:
        return None
    found: dict[str, Any] = container(stock(version), "aws-node")
    return found[kind]


@rule(
    "P1",
    "A default of the policy is absent",
    level="warn",
    link=links.VARIABLES,
    bad=(),
)
def policy_default(case: AwsNodeCase) -> Iterator[Problem]:
    """The policy names values that every aws-node of this team carries (defaults.env), such as CLUSTER_NAME."""
    for name, wanted in case.policy.defaults.env.items():
        holder = _holder(case, name)
        if holder is None or holder.defects:
            continue
        known = case.tables.variables[name]
        for variable, value in wanted.items():
            if (variable in known and known[variable].default == value) or not holder.lacks(variable):
                continue
            entry = {"name": variable, "value": value}
            yield Problem(
                path=holder.where(variable),
                evidence=holder.evidence(variable),
                level="warn",
                wrong=f"{variable} is absent in container {name}",
                effect=f'the policy wants "{value}" there',
                remedy=f'Set {variable}="{value}"',
                fixes=(Edit((*holder.path, "env"), None, entry, f"{name} env {variable}={value}"),),
            )
