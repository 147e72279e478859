"""The pipeline for a change: add approved defaults (/mutate), then evaluate the result (/validate)."""

from dataclasses import dataclass, replace
from datetime import datetime

from webhook.budget import OverBudgetError, Spend, cpu_seconds, unlimited
from webhook.catalogue import Catalogue
from webhook.engine.defaults import Completed, add_defaults
from webhook.engine.evaluation import Basis, Evaluation
from webhook.model import Change, Evidence, Finding, Verdict
from webhook.policy import Policy


@dataclass(frozen=True, slots=True)
class Guard:
    """What a decision depends on besides the change."""

    policy: Policy
    rules: Catalogue
    budget: float | None = None
    """Seconds of CPU time for one evaluation; None, for commands, means no limit."""
    notices: tuple[str, ...] = ()
    """Warnings for every answer, such as that the policy does not load."""

    def spend(self) -> Spend:
        """Start the CPU time budget of one request."""
        return unlimited if self.budget is None else cpu_seconds(self.budget)


def evaluate(change: Change, guard: Guard, now: datetime, spend: Spend = unlimited) -> Evaluation:
    """Evaluate the change."""
    return Evaluation(change, Basis(guard.policy, guard.rules, now, spend=spend))


def validate(change: Change, guard: Guard, now: datetime, spend: Spend = unlimited) -> Verdict:
    """Evaluate the change as it is, as /validate does."""
    evaluation = evaluate(change, guard, now, spend)
    return _observed(evaluation) if guard.policy.mode == "observe" else evaluation.verdict


def complete(change: Change, guard: Guard, now: datetime, spend: Spend = unlimited) -> Completed:
    """Add approved defaults to the change, as /mutate does; in mode observe none are added.

    Raises:
        PatchError: The patch does not produce the evaluated object.
    """
    if guard.policy.mode == "observe":
        return Completed(change)
    try:
        return add_defaults(evaluate(change, guard, now, spend))
    except OverBudgetError:
        return Completed(change, over_budget=True)


def decide(change: Change, guard: Guard, now: datetime) -> Verdict:
    """Evaluate the change after adding defaults, as the API server calls both endpoints."""
    return _decided(complete(change, guard, now), change, guard, now)


def foresee(change: Change, guard: Guard, now: datetime) -> Verdict:
    """Evaluate a manifest like `decide`, but also report each certain fault that an added default would fix.

    A cluster may run without the webhook, and while the webhook is down no defaults are added, because /mutate fails
    open.
    """
    if guard.policy.mode == "observe":
        return _observed(evaluate(change, guard, now), certain_too=False)
    filled = complete(change, guard, now)
    verdict = _decided(filled, change, guard, now)
    if not filled.edits:
        return verdict
    left = {_fault(finding) for finding in verdict.findings[len(filled.findings) :]}
    cured = tuple(
        finding
        for finding in evaluate(change, guard, now).verdict.findings
        if finding.problem.certain and finding.enforced == "deny" and _fault(finding) not in left
    )
    fixes = {(finding.rule, edit.says) for finding in cured for edit in finding.problem.fixes}
    # The finding for the fault names the default too, so the warning about the added default is redundant.
    kept = (one for one in verdict.findings if {(one.rule, edit.says) for edit in one.problem.fixes}.isdisjoint(fixes))
    return replace(verdict, findings=(*(_with_default(finding, filled) for finding in cured), *kept))


def _observed(evaluation: Evaluation, *, certain_too: bool = True) -> Verdict:
    """What mode enforce would deny: not what it would add a default for, although mode observe adds none.

    Args:
        evaluation: Of a change in mode observe.
        certain_too: Whether the default counts for faults that are certain as well.
    """
    verdict = evaluation.verdict
    if not any(finding.enforced == "deny" and finding.problem.fixes for finding in verdict.findings):
        return verdict
    try:
        filled = add_defaults(evaluation)
    except OverBudgetError:
        return verdict
    left = {_fault(finding) for finding in evaluation.again(filled.change, filled.edits).findings}

    def enforced(finding: Finding) -> Finding:
        cured = _fault(finding) not in left and (certain_too or not finding.problem.certain)
        return replace(finding, enforced="warn") if cured else finding

    return replace(verdict, findings=tuple(map(enforced, verdict.findings)))


def _decided(filled: Completed, change: Change, guard: Guard, now: datetime) -> Verdict:
    verdict = validate(filled.change, guard, now)
    return replace(verdict, change=change, findings=(*filled.findings, *verdict.findings))


def _fault(finding: Finding) -> tuple[str, Evidence, str]:
    return finding.rule, finding.problem.evidence, finding.problem.wrong


def _with_default(finding: Finding, filled: Completed) -> Finding:
    """The finding, with a remedy that also names the default that the webhook would add."""
    own = [edit.says for edit in finding.problem.fixes if edit in filled.edits]
    added = ", ".join(own or [edit.says for edit in filled.edits])
    remedy = (
        f"{finding.problem.remedy} in the manifest: the webhook would add {added}, "
        "but a cluster may run without the webhook, and defaults are not added while it is down"
    )
    return replace(finding, problem=replace(finding.problem, remedy=remedy))
