"""Determines the final level of a problem from the old object, the policy and the user."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache

import msgspec

from webhook.catalogue.rule import Rule
from webhook.cni.aws_node import POD_TEMPLATE, AwsNode
from webhook.cni.eniconfig import EniConfig
from webhook.cni.identity import NAMESPACE
from webhook.cni.neighbors import Neighbor
from webhook.cni.tables import Tables
from webhook.engine.outcome import Gravity, Outcome, gravity
from webhook.facts import Facts
from webhook.facts.templates import template_hash
from webhook.model import ADDON_MANAGER, Change, Evidence, Finding, Json, Level, Overrun, Problem, RuleError, at, text
from webhook.policy import Policy

ACKNOWLEDGE = "cni-guard.dev/acknowledge"
"""The annotation that acknowledges denials: one rule and reason per line, ``ROLL-003 back to the defaults``."""

_ACKNOWLEDGED = re.compile(r"([A-Z0-9]+-[0-9]{3}):?[ \t]+(?=.*\w)")

_WAY_BACK = "not denied: a rollback to a pod template that a ControllerRevision of aws-node holds"

View = AwsNode | EniConfig | Neighbor
Before = frozenset[tuple[Evidence, Gravity]]
"""The problems that the old object already has, by evidence, with their gravity there."""


@dataclass(frozen=True)
class Levels:
    """Assigns the levels for one change."""

    change: Change
    policy: Policy
    facts: Facts
    now: datetime
    tables: Tables

    @cached_property
    def is_way_back(self) -> bool:
        """Whether the change goes back to another pod template that a ControllerRevision of aws-node holds.

        Its pods ran before, and in an outage it may be the cure. `kubectl rollout undo` and `helm rollback` cannot
        carry an acknowledgment.
        """
        held, change = self.facts.templates, self.change
        if not held or not held.value or change.operation != "UPDATE" or change.old_target != "aws-node":
            return False
        now, before = (template_hash(at(side, *POD_TEMPLATE)) for side in (change.object, change.old))
        return now != before and now in held.value

    def before(self, rule: Rule, outcome: Outcome, old: View) -> Before:
        """What a rule's problems in the old object excuse, each up to its level there.

        A denial excuses a denial. A problem that only warns there, because the tables do not know the old release or an
        exception covers it, excuses a warning. After an unknown release, a problem that is not certain is excused
        anyway, since the change may be a rollback.
        """
        if not rule.excusable:
            return frozenset()
        unknown = rule.rests_on_releases and self._newer_than_tables(old)
        excepted = bool(self._exception(rule))
        return frozenset(
            (problem.evidence, gravity("warn" if lowered else problem.level, certain=problem.certain))
            for problem in outcome.problems
            for lowered in [unknown if problem.certain else excepted]
        )

    def finding(self, rule: Rule, problem: Problem, new: View, before: Before) -> Finding | None:
        """The problem with its final level; None if the policy turns the rule off."""
        unknown_release = rule.rests_on_releases and self._newer_than_tables(new)
        certain = problem.certain and not unknown_release
        level: Level = "warn" if unknown_release else problem.level
        introduced = not any((problem.evidence, grave) in before for grave in _at_least(level, certain=certain))
        excuse = ""
        if not certain:
            cap = self.policy.rules.get(rule.id)
            if cap == "off":
                return None
            if cap == "warn" or (cap == "deny" and not problem.lowered):
                level = cap
            if introduced and level == "deny":
                excuse = self._excuse(rule, problem)
        lowered = not introduced or bool(excuse) or self._spared(rule, certain=certain)
        enforced: Level = "warn" if lowered else level
        if enforced == "deny" and not certain and (uncounted := self._uncounted(rule)):
            problem = replace(problem, remedy=f"{problem.remedy}. {uncounted}")
        return Finding(
            rule=rule.id,
            level=self._shown(enforced),
            enforced=enforced,
            introduced=introduced,
            change=self.change,
            problem=problem,
            link=rule.link,
            excuse=excuse,
        )

    def rule_error(self, rule: Rule, error: str, *, excused: bool) -> RuleError:
        """A rule that failed; it denies if the rule could have denied, unless the change is not the cause."""
        enforced = self._of_failure((rule,), excused=excused)
        return RuleError(rule.id, self._shown(enforced), enforced, self.change, error)

    def overrun(self, unrun: tuple[Rule, ...], seconds: float) -> Overrun:
        """Rules that did not run; treated as failed, and excused if the object costs no more than before."""
        enforced = self._of_failure(unrun, excused=_costs_no_more(self.change))
        return Overrun(self._shown(enforced), enforced, seconds, tuple(rule.id for rule in unrun))

    def _of_failure(self, failed: tuple[Rule, ...], *, excused: bool) -> Level:
        """The level for rules that failed: the most serious level that one of them can have."""
        blameless = excused or self._by_addon_manager() or _is_metadata_alone(self.change)
        can_deny = any(rule.level == "deny" for rule in failed)
        return "deny" if can_deny and self.policy.on_crash == "deny" and not blameless else "warn"

    def _shown(self, enforced: Level) -> Level:
        return "warn" if self.policy.mode == "observe" else enforced

    def _newer_than_tables(self, view: View) -> bool:
        return isinstance(view, AwsNode) and view.version is not None and view.version > self.tables.newest

    def _spared(self, rule: Rule, *, certain: bool) -> bool:
        """Whether the add-on manager only gets a warning: not for certain problems or rules that bind it."""
        return self._by_addon_manager() and not certain and not rule.binds_addon_manager

    def _by_addon_manager(self) -> bool:
        return self.change.user is not None and self.change.user.name == ADDON_MANAGER

    def _excuse(self, rule: Rule, problem: Problem) -> str:
        """Why a denial by this rule becomes a warning; empty if it does not."""
        if exception := self._exception(rule):
            return exception
        if self._may_acknowledge(rule) and rule.id in _acknowledged(self.change):
            return f"acknowledged by annotation {ACKNOWLEDGE}"
        of_template = problem.path[: len(POD_TEMPLATE)] == POD_TEMPLATE and not rule.binds_rollbacks
        return _WAY_BACK if of_template and self.is_way_back else ""

    def _may_acknowledge(self, rule: Rule) -> bool:
        listed = self.policy.acknowledge
        return rule.acknowledgeable if listed is None else rule.id in listed

    def _uncounted(self, rule: Rule) -> str:
        """Why the acknowledgement of a rule that denies does not count; empty if the object has none."""
        if rule.id not in _reasons("", _annotation(self.change.object)):
            return ""
        if not self._may_acknowledge(rule):
            return f"The acknowledgement does not count: the policy does not list {rule.id} under acknowledge"
        return "The acknowledgement does not count: this request does not change it. Write a new reason"

    def _exception(self, rule: Rule) -> str:
        today = self.now.date()
        for exception in self.policy.exceptions:
            if exception.rule == rule.id and exception.resource in self._names() and today <= exception.until:
                return f"excepted until {exception.until} by {exception.owner}: {exception.reason}"
        return ""

    def _names(self) -> tuple[str, ...]:
        """The names that an exception may use for the object; a manifest may omit the namespace."""
        change = self.change
        if not change.name:
            return ()
        home = f"{change.kind} {NAMESPACE}/{change.name}"
        return (str(change), *([home] if change.target == "aws-node" and not change.namespace else []))


def _at_least(level: Level, *, certain: bool) -> tuple[Gravity, ...]:
    """This gravity and all higher ones."""
    gravities: tuple[Gravity, ...] = ((True, True), (True, False), (False, False))
    return gravities[: gravities.index(gravity(level, certain=certain)) + 1]


def _acknowledged(change: Change) -> frozenset[str]:
    """The rules that this change acknowledges, one per line with a reason; only new lines count."""
    return _reasons(_annotation(change.old), _annotation(change.object))


def _annotation(side: Json) -> str:
    return text(at(side, "metadata", "annotations", ACKNOWLEDGE))


@lru_cache(maxsize=8)
def _reasons(old: str, new: str) -> frozenset[str]:
    """The rules of the lines that the old text does not have; the same for each problem of a change."""
    kept = frozenset(old.splitlines())
    found = (_ACKNOWLEDGED.match(line) for line in new.splitlines() if line not in kept)
    return frozenset(match[1] for match in found if match)


def _is_metadata_alone(change: Change) -> bool:
    """Whether an update does not change the spec."""
    return change.operation == "UPDATE" and at(change.object, "spec") == at(change.old, "spec")


def _costs_no_more(change: Change) -> bool:
    """Whether an update keeps the images and does not grow what rules read.

    The pod template's metadata does not count, so that a restart passes. Images count because rules may read more for
    another release.
    """
    if change.operation != "UPDATE":
        return False
    now, before = _what_costs(change.object), _what_costs(change.old)
    return _images(now) == _images(before) and len(msgspec.json.encode(now)) <= len(msgspec.json.encode(before))


def _what_costs(raw: Json) -> Json:
    """The pod spec of a DaemonSet, or the spec of an ENIConfig."""
    return at(raw, "spec", "template", "spec") or at(raw, "spec")


def _images(pod: Json) -> list[str]:
    listed = (at(pod, kind) for kind in ("initContainers", "containers"))
    return [text(at(one, "image")) for entries in listed if isinstance(entries, list) for one in entries]
