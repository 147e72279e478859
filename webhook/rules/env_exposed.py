"""ENV-007: what aws-node shows to the network of its node, and what no longer watches it."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import EVALUATED_AT, DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.addresses import is_loopback
from webhook.facts import Fact, Facts, Workload
from webhook.model import Problem
from webhook.printable import named

_BIND, _INTROSPECTION, _METRICS = "INTROSPECTION_BIND_ADDRESS", "DISABLE_INTROSPECTION", "DISABLE_METRICS"
_HELPER = "cni-metrics-helper"
_RUNS = Facts(
    workloads=Fact((Workload(kind="Deployment", namespace="kube-system", name=_HELPER),), "file", EVALUATED_AT)
)


@rule(
    "ENV-007",
    "Introspection is exposed, or metrics are off",
    level="deny",
    needs=("workloads",),
    link=links.variable("introspection_bind_address"),
    bad=(
        env(INTROSPECTION_BIND_ADDRESS="0.0.0.0:61679"),
        env(INTROSPECTION_BIND_ADDRESS=":61679"),
        Example(DaemonSet(env={_METRICS: "true"}), facts=_RUNS, level="warn"),
    ),
    good=(
        env(INTROSPECTION_BIND_ADDRESS="127.0.0.1:61680"),
        env(INTROSPECTION_BIND_ADDRESS="unix:/var/run/aws-node/introspect.sock"),
        env(INTROSPECTION_BIND_ADDRESS="0.0.0.0:61679", DISABLE_INTROSPECTION="true"),
        env(DISABLE_METRICS="true"),
    ),
)
def exposed(case: AwsNodeCase) -> Iterator[Problem]:
    """The introspection endpoint has no authentication and lists every pod, address and interface of the node.

    Any program that can reach the node then reads it (introspect.go, setupIntrospectionServer).
    """
    main = case.new.required
    address = main.get(_BIND)
    if address and not _is_private(address) and not main.flag(_INTROSPECTION):
        yield Problem(
            path=main.where(_BIND),
            evidence=(*main.evidence(_BIND), *main.as_read(_INTROSPECTION)),
            level="deny",
            wrong=f"{_BIND}={named(address)} is not a loopback address",
            effect="everything that reaches the node can list its pods, addresses and interfaces",
            remedy=f'Set {_BIND}="127.0.0.1:61679"',
        )
    if case.facts.workloads is None or not main.flag(_METRICS):
        return
    for helper in case.facts.workloads.value:
        if _is_helper(helper):
            yield Problem(
                path=main.where(_METRICS),
                evidence=(*main.as_read(_METRICS), ("workload", f"{helper.namespace}/{helper.name}")),
                level="warn",
                wrong=f"{_METRICS}=true, and {helper.kind} {helper.namespace}/{helper.name} reads these metrics",
                effect="it finds none, and alarms about the address pool stay silent",
                remedy=f"Remove {_METRICS}, or {helper.kind} {helper.namespace}/{helper.name}",
            )


def _is_private(address: str) -> bool:
    """Whether only the node itself can connect: a loopback address or a socket. Without a port nothing listens."""
    if address.startswith("unix:") or ":" not in address:
        return True
    return is_loopback(address.rpartition(":")[0].removeprefix("[").removesuffix("]"))


def _is_helper(workload: Workload) -> bool:
    return _HELPER in workload.name or any(_HELPER in image for image in workload.images)
