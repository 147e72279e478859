"""Approved defaults that no container reads, and those that a rule then denies."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from webhook.catalogue import Catalogue
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.cni.tables import Tables
from webhook.engine.evaluation import Basis, Evaluation
from webhook.facts import NOTHING_KNOWN
from webhook.model import Finding, Path, at
from webhook.policy import Diagnostic, Loaded, Policy
from webhook.similar import nearest

Env = dict[Any, dict[str, str]]
"""Values by container and variable."""


def unread_defaults(loaded: Loaded, tables: Tables) -> Iterator[Diagnostic]:
    """Each default for a variable that its container does not read in any release."""
    for container, values in loaded.policy.defaults.env.items():
        known = tables.variables[container]
        for name in values:
            if _is_read(container, name, loaded.policy, tables):
                continue
            others = sorted(other for other, rows in tables.variables.items() if name in rows)
            near = nearest(name, known)
            yield loaded.written.warning(
                ("defaults", "env", container, name),
                f"container {container} does not read {name}",
                f"it is read by {', '.join(others)}" if others else "list it under environment if your build reads it",
                "" if others or not near else near[0],
            )


def denied_defaults(loaded: Loaded, rules: Catalogue, tables: Tables, now: datetime) -> Iterator[Diagnostic]:
    """Each default that a rule denies, beside the other ones, in the official manifest of the newest release."""
    env: Env = {
        container: {name: value for name, value in values.items() if _is_read(container, name, loaded.policy, tables)}
        for container, values in loaded.policy.defaults.env.items()
    }
    if not any(env.values()):
        return
    basis = Basis(msgspec.structs.replace(loaded.policy, mode="enforce"), NOTHING_KNOWN, rules, now, tables)
    usual = {(finding.rule, finding.problem.evidence) for finding in _denials(basis, {})}
    for finding in _denials(basis, env):
        if (finding.rule, finding.problem.evidence) not in usual:
            yield loaded.written.warning(
                _cause(finding, env),
                f"{finding.rule} denies this default in the official manifest of {tables.newest}: "
                f"{finding.problem.wrong}: {finding.problem.effect}",
                "correct it or remove it",
            )


def _is_read(container: str, name: str, policy: Policy, tables: Tables) -> bool:
    """Whether a container reads a variable in some release, or in the team's own build."""
    own = any((one.container, one.name) == (container, name) for one in policy.environment)
    return own or name in tables.variables[container]


def _denials(basis: Basis, env: Env) -> tuple[Finding, ...]:
    """What is denied of the official manifest with these values."""
    daemonset = stock(basis.tables.newest, releases=basis.tables.releases)
    for kind in ("initContainers", "containers"):
        for container in at(daemonset, *POD_SPEC, kind):
            values = env.get(container["name"], {})
            kept = [entry for entry in container["env"] if entry["name"] not in values]
            container["env"] = [*kept, *({"name": name, "value": value} for name, value in values.items())]
    found = Evaluation(change_of("DaemonSet", daemonset), basis).verdict.findings
    return tuple(finding for finding in found if finding.enforced == "deny")


def _cause(finding: Finding, env: Env) -> Path:
    """The default that a denial is about: the first one among its evidence."""
    evidence = {name for name, _ in finding.problem.evidence}
    for container, values in env.items():
        for name in values:
            if f"{container} env {name}" in evidence:
                return ("defaults", "env", container, name)
    return ("defaults", "env")
