"""Runs the rules on a change and returns a verdict. Pure: clock and policy are arguments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from webhook.budget import OverBudgetError, Spend, unlimited
from webhook.catalogue import Catalogue
from webhook.catalogue.rule import Case, Rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Assumed
from webhook.cni.eniconfig import EniConfig
from webhook.cni.neighbors import Neighbor
from webhook.cni.tables import KNOWN, Tables
from webhook.engine.levels import Before, Levels, View
from webhook.engine.outcome import NOTHING, Outcome, ask
from webhook.facts import NOTHING_KNOWN, FactName, Facts
from webhook.model import Change, Edit, Evidence, Finding, Json, Problem, RuleError, Skipped, Verdict
from webhook.policy import Policy


@dataclass(frozen=True, slots=True)
class Basis:
    """The inputs of an evaluation, except the change itself."""

    policy: Policy
    facts: Facts
    rules: Catalogue
    now: datetime
    tables: Tables = KNOWN
    spend: Spend = unlimited


class Evaluation:
    """The evaluation of one change, which can be repeated after approved defaults are added."""

    def __init__(self, change: Change, basis: Basis) -> None:
        self.verdict = Verdict(change)
        self._basis = basis
        self._rules = _rules(basis.rules, change)
        self._assumed: Assumed = {}
        self._before: dict[str, tuple[Outcome, Before]] = {}
        self._outcomes: dict[str, Outcome] = {}
        if not self._rules:
            return
        try:
            self._old = self._view(change.old) if _excuses(change) else None
            new = self._view(change.old if change.operation == "DELETE" else change.object)
        except OverBudgetError as error:
            self.verdict = Verdict(change, overrun=self._levels(change).overrun(self._rules, error.seconds))
            return
        self.verdict = self._evaluate(change, new, {})

    def again(self, changed: Change, edits: Iterable[Edit]) -> Verdict:
        """The verdict after `edits` to the change, the same as a full evaluation would give.

        Only rules that read the edited parts run again.
        """
        touched = {edit.part for edit in edits}
        unread = {rule.id for rule in self._rules if not touched & rule.reads}
        kept = {name: outcome for name, outcome in self._outcomes.items() if name in unread}
        return self._evaluate(changed, self._view(changed.object), kept)

    @property
    def is_way_back(self) -> bool:
        """Whether the change goes back to a pod template that a ControllerRevision of aws-node holds."""
        return self._levels(self.verdict.change).is_way_back

    def _levels(self, change: Change) -> Levels:
        basis = self._basis
        return Levels(change, basis.policy, basis.facts, basis.now, basis.tables)

    def _view(self, raw: Json) -> View:
        target = self.verdict.change.target
        if target == "ENIConfig":
            return EniConfig(raw)
        if target != "aws-node":
            return Neighbor(raw)
        return AwsNode(raw, self._basis.policy.versions.digests, self._assumed, self._basis.spend)

    def _evaluate(self, change: Change, new: View, known: dict[str, Outcome]) -> Verdict:
        basis = self._basis
        case: Case[Any] = Case(change, new, self._old, basis.policy, NOTHING_KNOWN, basis.now, basis.tables)
        before_alone = _Informed(replace(case, new=self._old, old=None), basis.facts)
        found_before = partial(self._found_before, before_alone)
        both = _Informed(replace(case, found_before=found_before), basis.facts)
        levels = self._levels(change)
        findings: list[Finding] = []
        skipped: list[Skipped] = []
        errors: list[RuleError] = []
        for rule in self._rules:
            try:
                basis.spend()
                outcome = known.get(rule.id) or self._ask(rule, both)
                was, before = self._on_old(rule, before_alone) if outcome.problems or outcome.error else _NOTHING
            except OverBudgetError as error:
                overrun = levels.overrun(self._rules[self._rules.index(rule) :], error.seconds)
                return Verdict(change, tuple(findings), tuple(skipped), tuple(errors), overrun)
            self._outcomes.setdefault(rule.id, outcome)
            if outcome is NOTHING:
                continue
            findings += _findings(rule, outcome, new, before, levels)
            if outcome.unchecked:
                skipped.append(Skipped(rule.id, change, outcome.unchecked))
            if outcome.error:
                errors.append(levels.rule_error(rule, outcome.error, excused=bool(was.error)))
        return Verdict(change, tuple(findings), tuple(skipped), tuple(errors))

    def _on_old(self, rule: Rule, case: "_Informed") -> tuple[Outcome, Before]:
        """The rule's outcome on the old object alone, and what it excuses; nothing without an old object."""
        if self._old is None:
            return _NOTHING
        if rule.id not in self._before:
            outcome = self._ask(rule, case)
            levels = self._levels(case.plain.change)
            self._before[rule.id] = outcome, levels.before(rule, outcome, self._old)
        return self._before[rule.id]

    def _ask(self, rule: Rule, case: "_Informed") -> Outcome:
        """Run a rule, with the facts that it needs."""
        if (rule.on_version_change and not _changes_version(case.plain)) or (
            rule.since and _is_older(case.plain, rule)
        ):
            return NOTHING
        return ask(rule, case.of(rule), self._assumed, self._basis.spend)

    def _found_before(self, case: "_Informed") -> tuple[Problem, ...]:
        """The problems of the old object alone, from all rules. Called while a rule runs."""
        assumed = dict(self._assumed)
        try:
            found = [self._on_old(rule, case)[0] for rule in self._rules]
        finally:
            self._assumed.clear()
            self._assumed.update(assumed)
        return tuple(problem for one in found for problem in one.problems)


class _Informed:
    """A case with the facts that a rule needs, made once for all rules that need the same."""

    def __init__(self, plain: Case[Any], facts: Facts) -> None:
        self.plain = plain
        """The case without facts."""
        self._facts = facts
        self._made: dict[frozenset[FactName], Case[Any]] = {}

    def of(self, rule: Rule) -> Case[Any]:
        """The case for a rule."""
        if not rule.needs or self._facts is NOTHING_KNOWN:
            return self.plain
        made = self._made.get(rule.needs)
        if made is None:
            made = self._made[rule.needs] = replace(self.plain, facts=self._facts.only(rule.needs))
        return made


_NOTHING: tuple[Outcome, Before] = (NOTHING, frozenset())


def _findings(rule: Rule, outcome: Outcome, new: View, before: Before, levels: Levels) -> Iterator[Finding]:
    """The problems of a rule with their final levels, without duplicates."""
    seen: set[tuple[Evidence, str, str]] = set()
    for problem in outcome.problems:
        said = (problem.evidence, problem.wrong, problem.effect)
        if said not in seen:
            seen.add(said)
            if finding := levels.finding(rule, problem, new, before):
                yield finding


def _rules(catalogue: Catalogue, change: Change) -> tuple[Rule, ...]:
    """The rules for this target, this operation, and this origin (file or API server); none without a target."""
    if change.target is None:
        return ()
    return catalogue.about(change.target, change.operation, in_file=change.source is not None)


def _is_older(case: Case[Any], rule: Rule) -> bool:
    """Whether the release of the object does not have what the rule is about."""
    if not isinstance(case.new, AwsNode) or case.new.version is None:
        return False
    first = case.tables.first_with(rule.since)
    return first is not None and case.new.version < first


def _changes_version(case: Case[Any]) -> bool:
    if not isinstance(case.new, AwsNode):
        return False
    return case.old is not None and case.old.version != case.new.version


def _excuses(change: Change) -> bool:
    """Whether the old object's problems are excused; not if cni-guard did not evaluate the old object."""
    return change.operation == "UPDATE" and change.old_target is not None
