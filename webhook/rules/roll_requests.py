"""ROLL-006: what aws-node requests of a node."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.cni.quantity import quantity
from webhook.cni.releases import FIRST_WITH_MANIFEST
from webhook.cni.stock import stock
from webhook.cni.tables import Tables
from webhook.cni.template import on_delete, rolling
from webhook.cni.version import Version
from webhook.model import Problem, at

Resource = Literal["cpu", "memory"]


def _requests(**requests: str) -> DaemonSet:
    return DaemonSet(fields={"resources": {"requests": {"cpu": "25m", **requests}}})


@rule(
    "ROLL-006",
    "aws-node requests more of a node",
    level="warn",
    reads=("rest",),
    link=links.BEST_PRACTICES,
    bad=(
        Example(_requests(memory="128Mi"), before=_requests()),
        Example(_requests(cpu="100m"), before=_requests()),
    ),
    good=(
        Example(_requests(cpu="0.025"), before=_requests()),
        Example(_requests(memory="64Mi"), before=_requests(memory="128Mi")),
    ),
)
def requests_grow(case: AwsNodeCase) -> Iterator[Problem]:
    """A rolling update deletes the old pod first. On a full node the new one then waits until another pod is evicted.

    Until then the node has no ipamd, and no pod starts there.
    """
    if case.old is None or case.old.main is None or case.new.main is None or on_delete(case.new.raw):
        return
    surge = rolling(case.new.raw, "maxSurge")
    if surge is not None and surge.number > 0:
        return
    old, new = _of_pod(case.old), _of_pod(case.new)
    stuck = not case.tables.behaves(case.old.version, "deletes-without-ipamd")
    for resource, amount in new.items():
        if amount <= max(old[resource], _official(case.new.version, case.tables).get(resource, Decimal(0))):
            continue
        was, now = (_written(resource, value) for value in (old[resource], amount))
        yield Problem(
            path=(*_most(case.new, resource).path, "resources"),
            evidence=((f"{resource} requested before", was), (f"{resource} requested", now)),
            level="warn",
            wrong=f"aws-node requests {now} of {resource} instead of {was}",
            effect="on a full node the new pod waits until the scheduler evicts another one, and no pod starts there "
            "in the meantime" + ("; the evicted pod cannot be deleted while ipamd is down, either" if stuck else ""),
            remedy=f"Keep {resource} at {was}, or make room on every node first",
        )


@lru_cache(maxsize=64)
def _official(version: Version | None, tables: Tables) -> Mapping[Resource, Decimal]:
    """What the official manifest of a release requests, for which an upgrade has no alternative; empty if unknown."""
    if version is None or version not in tables.versions or version < FIRST_WITH_MANIFEST:
        return {}
    return _of_pod(AwsNode(stock(version, releases=tables.releases)))


def _of_pod(view: AwsNode) -> Mapping[Resource, Decimal]:
    """What the scheduler counts for the pod: its containers together, or an init container that asks for more."""
    found: dict[Resource, Decimal] = {}
    resources: tuple[Resource, ...] = ("cpu", "memory")
    for resource in resources:
        init, together = Decimal(0), Decimal(0)
        for holder in view.containers:
            if holder.path[-2] == "initContainers":
                init = max(init, _requested(holder, resource))
            else:
                together += _requested(holder, resource)
        found[resource] = max(init, together)
    return found


def _requested(holder: Container, resource: Resource) -> Decimal:
    """A request; the API server takes the limit for one that is absent."""
    kinds = (at(holder.raw, "resources", kind, resource) for kind in ("requests", "limits"))
    return next((read for value in kinds if (read := quantity(value)) is not None), Decimal(0))


def _most(view: AwsNode, resource: Resource) -> Container:
    """The container that requests most."""
    return max(view.containers, key=lambda holder: _requested(holder, resource), default=view.required)


def _written(resource: Resource, amount: Decimal) -> str:
    if amount == 0:
        return "nothing"
    if resource == "cpu":
        return f"{(amount * 1000).normalize():f}m"
    return f"{round(amount / 2**20, 3).normalize():f}Mi"
