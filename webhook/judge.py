"""The one place where rules run: a resource in, a verdict out. Pure: clock, facts and policy are arguments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from webhook.cni.aws_node import AwsNode
from webhook.cni.eniconfig import EniConfig
from webhook.cni.identity import NAMESPACE, is_guarded
from webhook.cni.tables import KNOWN, Tables
from webhook.model import (
    ADDON_MANAGER,
    CouldNotCheckError,
    Crash,
    Evidence,
    Facts,
    Finding,
    Json,
    Level,
    Problem,
    Resource,
    Skipped,
    Verdict,
    at,
    text,
)
from webhook.policy import Policy
from webhook.rules.rule import Case, Rule

ACKNOWLEDGE = "cni-guard.dev/acknowledge"
"""The annotation by which the author of a change says "I mean it" of a rule: ``ROLL-003 back to the defaults``."""

_BLOCKED_RELEASE = "VER-002"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one rule said of one state of the object."""

    problems: tuple[Problem, ...] = ()
    unchecked: str = ""
    error: str = ""


_NOTHING = _Outcome()


def judge(  # noqa: PLR0913, PLR0917 - what a judgement rests on, each by name
    resource: Resource,
    policy: Policy,
    facts: Facts,
    rules: Iterable[Rule],
    now: datetime,
    tables: Tables = KNOWN,
) -> Verdict:
    """Judge a change by all rules that concern it.

    The change is judged, not the past: a problem that the old object had with the same evidence is only warned of.
    """
    if not is_guarded(resource):
        return Verdict(resource)
    run = _Run(resource, policy, facts, now, tables)
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    crashes: list[Crash] = []
    for rule in rules:
        if not run.concerns(rule):
            continue
        outcome = run.on_new(rule)
        findings += run.findings(rule, outcome)
        if outcome.unchecked:
            skipped.append(Skipped(rule.id, resource, outcome.unchecked))
        if outcome.error:
            crashes.append(run.crash(rule, outcome.error))
    return Verdict(resource, tuple(findings), tuple(skipped), tuple(crashes))


class _Run:
    """One judgement: the views, parsed once, and how the levels are put on."""

    def __init__(self, resource: Resource, policy: Policy, facts: Facts, now: datetime, tables: Tables) -> None:
        self.resource = resource
        self.policy = policy
        self.now = now
        self.tables = tables
        self.target = "ENIConfig" if resource.kind == "ENIConfig" else "aws-node"
        going = resource.operation == "DELETE"
        self.new = self._view(resource.old if going else resource.object)
        self.old = self._view(resource.old) if resource.operation == "UPDATE" else None
        self.case: Case[Any] = Case(resource, self.new, self.old, policy, facts, now, tables)
        self.addon_manager = resource.user is not None and resource.user.name == ADDON_MANAGER
        self.acknowledged = _acknowledged(resource) & frozenset(policy.acknowledge)

    def _view(self, raw: Json) -> AwsNode | EniConfig:
        return EniConfig(raw) if self.target == "ENIConfig" else AwsNode(raw, self.policy.versions.digests)

    def concerns(self, rule: Rule) -> bool:
        """Whether a rule is about this object, this operation, and a change from where this one comes."""
        resource = self.resource
        return (
            rule.target == self.target
            and resource.operation in rule.operations
            and (resource.source is not None or not rule.files_only)
        )

    def on_new(self, rule: Rule) -> _Outcome:
        """What the rule says of the change."""
        return _run(rule, self.case)

    def on_old(self, rule: Rule) -> _Outcome:
        """What the rule says of the old object alone; nothing where there was none."""
        return _run(rule, replace(self.case, new=self.old, old=None)) if self.old is not None else _NOTHING

    def findings(self, rule: Rule, outcome: _Outcome) -> Iterator[Finding]:
        """Stamp the problems of a rule with the level that counts."""
        if not outcome.problems:
            return
        before = {_gravity(problem) for problem in self.on_old(rule).problems} if rule.excusable else set()
        seen: set[tuple[Evidence, str, str]] = set()
        for problem in outcome.problems:
            said = (problem.evidence, problem.wrong, problem.effect)
            if said not in seen:
                seen.add(said)
                finding = self._finding(rule, problem, introduced=_is_new(problem, before))
                if finding is not None:
                    yield finding

    def _finding(self, rule: Rule, problem: Problem, *, introduced: bool) -> Finding | None:
        unknown_release = rule.rests_on_releases and self._newer_than_tables()
        certain = problem.certain and not unknown_release
        level: Level = "warn" if unknown_release else problem.level
        excuse = ""
        if not certain:
            cap = self.policy.rules.get(rule.id, level)
            if cap == "off":
                return None
            level = cap
            if introduced and level == "deny":
                excuse = self._excuse(rule)
        lowered = not introduced or bool(excuse) or self._spared(rule, certain=certain)
        enforced: Level = "warn" if lowered else level
        return Finding(
            rule=rule.id,
            level="warn" if self.policy.mode == "observe" else enforced,
            enforced=enforced,
            introduced=introduced,
            resource=self.resource,
            problem=problem,
            link=rule.link,
            excuse=excuse,
        )

    def _spared(self, rule: Rule, *, certain: bool) -> bool:
        """The add-on's manager is refused only what is certain to fail, and blocked releases."""
        return self.addon_manager and not certain and rule.id != _BLOCKED_RELEASE

    def _newer_than_tables(self) -> bool:
        return (
            isinstance(self.new, AwsNode) and self.new.released is not None and self.new.released > self.tables.newest
        )

    def _excuse(self, rule: Rule) -> str:
        """Why a denial of this rule only warns here, empty where it does not."""
        today = self.now.date()
        for exemption in self.policy.exceptions:
            if exemption.rule == rule.id and exemption.resource in self._names() and today <= exemption.until:
                return f"excepted until {exemption.until} by {exemption.owner}: {exemption.reason}"
        return f"acknowledged by annotation {ACKNOWLEDGE}" if rule.id in self.acknowledged else ""

    def _names(self) -> tuple[str, ...]:
        """How an exception may name the object; a manifest may leave the namespace to the command line."""
        resource = self.resource
        if not resource.name:
            return ()
        home = f"{resource.kind} {NAMESPACE}/{resource.name}"
        return (str(resource), *([home] if self.target == "aws-node" and not resource.namespace else []))

    def crash(self, rule: Rule, error: str) -> Crash:
        """A rule that failed refuses what it could have refused, unless the change is not to blame for it."""
        blameless = bool(self.on_old(rule).error) or self.addon_manager or _is_metadata_alone(self.resource)
        refuses = rule.level == "deny" and self.policy.on_crash == "deny" and not blameless
        enforced: Level = "deny" if refuses else "warn"
        return Crash(rule.id, "warn" if self.policy.mode == "observe" else enforced, enforced, self.resource, error)


def _gravity(problem: Problem) -> tuple[Evidence, Level, bool]:
    return problem.evidence, problem.level, problem.certain


def _is_new(problem: Problem, before: set[tuple[Evidence, Level, bool]]) -> bool:
    """Whether a change brings the problem; one that was there, but less grave, is brought too."""
    at_least: tuple[tuple[Level, bool], ...] = (("deny", True), ("deny", False), ("warn", False))
    graver = at_least[: at_least.index((problem.level, problem.certain and problem.level == "deny")) + 1]
    return not any((problem.evidence, level, certain) in before for level, certain in graver)


def _run(rule: Rule, case: Case[Any]) -> _Outcome:
    problems: list[Problem] = []
    try:
        problems.extend(rule.check(case))
    except CouldNotCheckError as reason:
        return _Outcome(tuple(problems), unchecked=str(reason))
    except Exception as error:  # noqa: BLE001 - whatever an object makes go wrong in a rule is an outcome, not a 500
        return _Outcome(tuple(problems), error=f"{type(error).__name__}: {error}"[:200])
    return _Outcome(tuple(problems)) if problems else _NOTHING


def _acknowledged(resource: Resource) -> frozenset[str]:
    """The rules that this very change acknowledges: an annotation that was there before does not count."""
    said = text(at(resource.object, "metadata", "annotations", ACKNOWLEDGE))
    if not said or said == at(resource.old, "metadata", "annotations", ACKNOWLEDGE):
        return frozenset()
    return frozenset(word.strip(",;:") for word in said.split())


def _is_metadata_alone(resource: Resource) -> bool:
    """Whether an update leaves the spec as it was."""
    return resource.operation == "UPDATE" and at(resource.object, "spec") == at(resource.old, "spec")
