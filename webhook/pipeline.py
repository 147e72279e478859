"""What the server does with a change, from the first door to the last: fill in, then judge what came of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from webhook.judge import judge
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
    notices: tuple[str, ...] = ()
    """Warnings that every answer carries, such as that the policy file is broken."""


def validate(resource: Resource, guard: Guard, now: datetime) -> Verdict:
    """The verdict on the change as it stands."""
    return judge(resource, guard.policy, guard.facts, guard.rules, now)


def complete(resource: Resource, guard: Guard, now: datetime) -> Filled:
    """The change with approved defaults filled in; as it is in mode observe. Raises PatchError."""
    if guard.policy.mode == "observe":
        return Filled(resource)

    def again(changed: Resource) -> Verdict:
        return validate(changed, guard, now)

    return fill(resource, again(resource), again)


def decide(resource: Resource, guard: Guard, now: datetime) -> Verdict:
    """Both doors, one after the other, as the API server passes a change through them."""
    filled = complete(resource, guard, now)
    verdict = validate(filled.resource, guard, now)
    return replace(verdict, resource=resource, findings=(*filled.findings, *verdict.findings))
