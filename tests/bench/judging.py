"""CPU time of a decision without HTTP: of the evaluation alone, and of the whole answer around it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.bench.plan import Aim, Plan
from tests.bench.reviews import Reviews
from webhook import policy
from webhook.engine.evaluation import Basis, Evaluation
from webhook.engine.pipeline import Guard
from webhook.review import request
from webhook.review.answer import answer
from webhook.review.decision import Endpoint
from webhook.rules import CATALOGUE

ROUNDS = 15
"""Of which the best counts: what disturbs a processor makes things slower, never faster."""

LIMIT = 0.4
POLICY = "mode: enforce\n"


@dataclass(frozen=True)
class Row:
    """Milliseconds of CPU for an operation."""

    operation: str
    size: int
    read: float
    evaluation: float
    validate: float
    mutate: float

    def cells(self) -> Iterator[str]:
        """Show it as a row of the table."""
        yield from (self.operation, f"{self.size / 1000:.1f}")
        yield from (f"{figure:.3f}" for figure in (self.read, self.evaluation, self.validate, self.mutate))


HEAD = ("operation", "body kB", "read body", "evaluation", "whole validate", "whole mutate")


def measure(reviews: Reviews, plan: Plan) -> list[Row]:
    """Judge many times."""
    guard = Guard(policy.load(POLICY, "policy", CATALOGUE.ids), CATALOGUE)
    return [_row(operation, body, guard, plan) for (door, operation), body in reviews.items() if door == "validate"]


def _row(operation: str, body: bytes, guard: Guard, plan: Plan) -> Row:
    now = datetime.now(UTC)
    change = request.read(body).change

    def whole(endpoint: Endpoint) -> float:
        return _best(lambda: answer(endpoint, body, guard, now), plan.judgements)

    return Row(
        operation,
        len(body),
        _best(lambda: request.read(body), plan.judgements),
        _best(lambda: Evaluation(change, Basis(guard.policy, guard.rules, now)), plan.judgements),
        whole("validate"),
        whole("mutate"),
    )


def _best(action: Callable[[], object], times: int) -> float:
    """Milliseconds of CPU for one action, in the best of several rounds."""
    return min(_once(action, times) for _ in range(ROUNDS)) * 1e3


def _once(action: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - began) / times


def aims(rows: list[Row]) -> Iterator[Aim]:
    """Hold the figures against what they should be."""
    for row in rows:
        if row.operation == "UPDATE":
            yield Aim("CPU of the evaluation for an UPDATE", row.evaluation, LIMIT, "ms")
