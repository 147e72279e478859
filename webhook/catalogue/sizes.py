"""What may be too little for aws-node: the patience of its probes, its resources, and the ports of its nodes."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from webhook.catalogue.examples import container
from webhook.catalogue.parts import shape_of
from webhook.catalogue.rule import AwsNodeCase
from webhook.cni.ports import ports
from webhook.cni.quantity import quantity
from webhook.cni.stock import stock
from webhook.model import Json, Problem, at
from webhook.printable import named

_MEMORY = 200 * 1024**2
"""Bytes below which the kernel ends ipamd on busy nodes."""

_NAMED = 5

Texts = tuple[str, str, str]
"""What is wrong, what happens, what to do."""


def _warning(case: AwsNodeCase, field: str, fact: tuple[str, str | None], texts: Texts) -> Problem:
    wrong, effect, remedy = texts
    return Problem(
        path=(*case.new.required.path, field),
        evidence=((f"aws-node {fact[0]}", fact[1]),),
        level="warn",
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


def _official(case: AwsNodeCase) -> Mapping[str, Any] | None:
    """Container aws-node of the official manifest of the release; None where none is known."""
    shape = shape_of(case) if case.new.version is not None else None
    return None if shape is None else container(stock(shape, releases=case.tables.releases), "aws-node")


def impatient_probes(case: AwsNodeCase) -> Iterator[Problem]:
    """Probes that give ipamd less time than those of the official manifest do."""
    main, official = case.new.required.raw, _official(case)
    for kind in ("livenessProbe", "readinessProbe") if official is not None else ():
        if isinstance(main.get(kind), dict):
            yield from _impatient(case, kind, main[kind], at(official, kind))


def _impatient(case: AwsNodeCase, kind: str, probe: Json, official: Json) -> Iterator[Problem]:
    seconds, enough = (_seconds(one, "timeoutSeconds", 1) for one in (probe, official))
    if seconds < enough:
        effect = (
            "under load ipamd is restarted, and pods hang in ContainerCreating meanwhile"
            if kind == "livenessProbe"
            else "under load aws-node is not Ready, and a rollout stops"
        )
        texts = (f"the {kind} times out after {seconds} s", effect, f"Set timeoutSeconds: {enough} or more")
        yield _warning(case, kind, (f"{kind} timeoutSeconds", str(seconds)), texts)
    delay, patient = (_seconds(one, "initialDelaySeconds", 0) for one in (probe, official))
    if kind == "livenessProbe" and delay < patient and "startupProbe" not in case.new.required.raw:
        texts = (
            f"the {kind} begins after {delay} s",
            "ipamd is restarted before it is done with the interfaces of its node, again and again",
            f"Set initialDelaySeconds: {patient} or more",
        )
        yield _warning(case, kind, (f"{kind} initialDelaySeconds", str(delay)), texts)


def _seconds(probe: Json, name: str, default: int) -> int:
    value = at(probe, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def small_resources(case: AwsNodeCase) -> Iterator[Problem]:
    """Less CPU or memory for container aws-node than it needs."""
    resources = case.new.required.raw.get("resources")
    requested, limit = (at(resources, kind, "cpu") for kind in ("requests", "limits"))
    official = _official(case)
    enough = at(official, "resources", "requests", "cpu")
    has = quantity(limit if requested is None else requested)
    if official is not None and (has or Decimal(0)) < (quantity(enough) or Decimal(0)):
        wrong = f"container aws-node requests {named(str(requested))} of CPU" if requested is not None else ""
        texts = (
            wrong or "container aws-node requests no CPU",
            "on busy nodes ipamd gets too little of it, and pods wait for their addresses",
            f"Set resources.requests.cpu: {enough} or more",
        )
        yield _warning(case, "resources", ("cpu request", None if requested is None else str(requested)), texts)
    yield from _limits(case, limit, at(resources, "limits", "memory"))


def _limits(case: AwsNodeCase, cpu: Json, memory: Json) -> Iterator[Problem]:
    if cpu is not None:
        texts = (
            f"container aws-node has a CPU limit of {named(str(cpu))}",
            "ipamd is throttled just when many pods start",
            "Remove resources.limits.cpu",
        )
        yield _warning(case, "resources", ("cpu limit", str(cpu)), texts)
    found = quantity(memory) if memory is not None else None
    if found is not None and found < _MEMORY:
        texts = (
            f"container aws-node has a memory limit of {named(str(memory))}",
            "on nodes with many pods ipamd is killed for lack of memory",
            "Set resources.limits.memory: 200Mi or more, or remove it",
        )
        yield _warning(case, "resources", ("memory limit", str(memory)), texts)


def taken_ports(case: AwsNodeCase) -> Iterator[Problem]:
    """Ports that this change needs on every node, and that another workload on the host's network has."""
    if case.facts.workloads is None:
        return
    before = ports(case.old, case.tables) if case.old is not None else {}
    wanted = {port: user for port, user in ports(case.new, case.tables).items() if port not in before}
    users: dict[int, list[str]] = {}
    for one in case.facts.workloads.value:
        for port in dict.fromkeys(one.host_ports):
            if port in wanted:
                users.setdefault(port, []).append(f"{one.kind} {one.namespace}/{one.name}")
    for port, names in users.items():
        listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        texts = (
            f"port {port} of the node, at which {wanted[port]} listens, is also used by {listed}",
            "the one that starts later fails on every node that runs both",
            "Move the other workload to another port first",
        )
        yield _warning(case, "ports", (f"port {port} is used by", listed), texts)
