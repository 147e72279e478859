"""What the server does with a change, from the first endpoint to the last: add defaults, then evaluate the result."""

from dataclasses import dataclass, replace
from datetime import datetime

from webhook.budget import Spend, cpu_seconds, unlimited
from webhook.judge import Basis, Evaluation
from webhook.model import NOTHING_KNOWN, Facts, Resource, Verdict
from webhook.mutate import Filled, fill
from webhook.policy import Policy
from webhook.rules import Catalogue


@dataclass(frozen=True, slots=True)
class Guard:
    """What a decision rests on beside the change itself."""

    policy: Policy
    rules: Catalogue
    facts: Facts = NOTHING_KNOWN
    budget: float | None = None
    """Seconds of CPU time that one evaluation may take; None for a command, which a person waits for."""
    notices: tuple[str, ...] = ()
    """Warnings that every answer carries, such as that the policy file is broken."""

    def spend(self) -> Spend:
        """A new budget, for one request."""
        return unlimited if self.budget is None else cpu_seconds(self.budget)


def evaluate(resource: Resource, guard: Guard, now: datetime, spend: Spend = unlimited) -> Evaluation:
    """The change, evaluated with what the guard rests on."""
    return Evaluation(resource, Basis(guard.policy, guard.facts, guard.rules, now, spend=spend))


def validate(resource: Resource, guard: Guard, now: datetime, spend: Spend = unlimited) -> Verdict:
    """The verdict on the change as it stands."""
    return evaluate(resource, guard, now, spend).verdict


def complete(resource: Resource, guard: Guard, now: datetime, spend: Spend = unlimited) -> Filled:
    """The change with approved defaults added; as it is in mode observe. Raises PatchError."""
    if guard.policy.mode == "observe":
        return Filled(resource)
    return fill(evaluate(resource, guard, now, spend))


def decide(resource: Resource, guard: Guard, now: datetime) -> Verdict:
    """Both endpoints, one after the other, as the API server passes a change through them."""
    filled = complete(resource, guard, now)
    verdict = validate(filled.resource, guard, now)
    return replace(verdict, resource=resource, findings=(*filled.findings, *verdict.findings))
