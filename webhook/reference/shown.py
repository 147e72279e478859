"""An example of a rule as people see it: the change to paste, what cni-guard says of it, and what mends it."""

import shlex
from dataclasses import dataclass, replace
from typing import Any

from webhook.catalogue import Catalogue
from webhook.catalogue.examples import EVALUATED_AT, DaemonSet, Described, Example, Variables
from webhook.catalogue.rule import Rule
from webhook.cni.stock import stock
from webhook.engine.pipeline import Guard, complete, evaluate
from webhook.model import Finding, Json, Level, at, text
from webhook.reference.fragments import fragment

_COMMAND = 300
"""Characters of a command that is still easier to read than YAML."""

_RESOURCE = "daemonset/aws-node --namespace=kube-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An example, ready to print."""

    start: str
    """The object that is changed, in words."""
    before: Json
    """What differs in that object from the official manifest; None if nothing does."""
    change: Json
    """The change to that object as a YAML value, or the whole object; None for a deletion and for no difference."""
    is_patch: bool
    """Whether `change` is a strategic-merge patch."""
    command: str
    """The kubectl command that makes the change; empty if no short one does."""
    level: Level | None = None
    certain: bool = False
    message: str = ""
    """What cni-guard says; empty for an example in which no rule finds anything."""
    defaults: tuple[str, ...] = ()
    """The defaults that would be added."""
    remedy: Json = None
    """These defaults as a change to the rejected object; None without any."""


def bad(rule: Rule, example: Example, rules: Catalogue) -> Shown:
    """Evaluate an example in which the rule finds something."""
    guard = Guard(example.policy, rules, example.facts)
    found = [one for one in evaluate(example.change(), guard, EVALUATED_AT).verdict.findings if one.rule == rule.id]
    first = min(found, key=lambda finding: (finding.level, not finding.problem.certain))
    # Alone, since several rules may add one default.
    alone = Guard(example.policy, Catalogue((rule,)), example.facts)
    added = complete(example.change(), alone, EVALUATED_AT).findings
    return _shown(
        example,
        finding=first,
        defaults=tuple(edit.says for one in added for edit in one.problem.fixes),
        remedy=fragment(example.now.build(), example.fixed.build()).value if example.now and example.fixed else None,
    )


def good(example: Example) -> Shown:
    """Show an example in which no rule finds anything."""
    return _shown(example)


def _shown(
    example: Example, finding: Finding | None = None, defaults: tuple[str, ...] = (), remedy: Json = None
) -> Shown:
    now = example.now
    change = None if now is None else fragment(_base(example), now.build())
    whole = not isinstance(now, DaemonSet) and example.before is None
    return Shown(
        start=_start(example),
        before=_before(example.before),
        change=(now.build() if whole and now else change.value or None) if change else None,
        is_patch=not whole and change is not None and change.is_patch,
        command=_command(example),
        level=finding.level if finding else None,
        certain=bool(finding and finding.problem.certain),
        message=finding.message if finding else "",
        defaults=defaults,
        remedy=remedy,
    )


def _base(example: Example) -> dict[str, Any]:
    """The object that the change is shown against.

    An upgrade replaces the whole manifest, so it is shown against the official one of its own release.
    """
    now, before = example.now, example.before
    if isinstance(now, DaemonSet) and (not isinstance(before, DaemonSet) or before.release != now.release):
        return stock(now.release)
    return before.build() if before else {}


def _start(example: Example) -> str:
    now, before = example.now, example.before
    by = f" by {example.user.name}" if example.user else ""
    if now is None or before is None:
        return f"{'deletion of ' if now is None else ''}{_object(now or before)}{by}"
    if isinstance(now, DaemonSet) and isinstance(before, DaemonSet) and now.release != before.release:
        return f"update from {_object(before)} to that of CNI {now.release}{by}"
    return f"update of {_object(before)}{by}"


def _object(described: Described | None) -> str:
    if isinstance(described, DaemonSet):
        return f"the official manifest of CNI {described.release}"
    raw = described.build() if described else {}
    return f"{raw.get('kind')} {text(at(raw, 'metadata', 'name'))}"


def _before(before: Described | None) -> Json:
    if isinstance(before, DaemonSet):
        return fragment(stock(before.release), before.build()).value or None
    return before.build() if before else None


def _command(example: Example) -> str:
    """The command, if the change is a deletion or only sets variables of one container."""
    now, before = example.now, example.before
    if now is None:
        return f"kubectl delete {_resource(before)}"
    if not isinstance(now, DaemonSet) or before is not None:
        return ""
    plain = DaemonSet(release=now.release)
    if replace(now, env={}) == plain:
        return _set_env("aws-node", now.env)
    return _set_env("aws-vpc-cni-init", now.init_env) if replace(now, init_env={}) == plain else ""


def _resource(described: Described | None) -> str:
    """The object as an argument of kubectl."""
    if isinstance(described, DaemonSet) or described is None:
        return _RESOURCE
    raw = described.build()
    name, namespace = (text(at(raw, "metadata", key)) for key in ("name", "namespace"))
    return f"{text(raw.get('kind')).lower()} {name}{f' --namespace={namespace}' if namespace else ''}"


def _set_env(container: str, variables: Variables) -> str:
    words = []
    for name, value in variables.items():
        if isinstance(value, dict):
            return ""
        words.append(f"{name}-" if value is None else f"{name}={value}")
    command = f"kubectl set env {_RESOURCE} --containers={container} {shlex.join(words)}"
    return command if words and len(command) <= _COMMAND else ""
