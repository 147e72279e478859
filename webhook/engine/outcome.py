"""The outcome of one rule on one state of an object, which may have unknown values.

Rules read values as if all were known. When a rule reads an unknown one, it is run for each possible value: problems
that it finds every time count, and it is skipped only where the results differ.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from webhook.budget import OverBudgetError, Spend
from webhook.catalogue.rule import Case, Rule
from webhook.cni.container import Assumed
from webhook.model import CouldNotCheckError, Evidence, Level, Path, Problem, UnknownKey, UnknownValueError

_MANY = 256
"""Maximum number of combinations of possible values; with more, the rule is skipped."""

Gravity = tuple[bool, bool]
"""How serious a problem is: (denies, certain), so that a greater tuple is more serious."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The problems, and why the rule was skipped or failed, in part or as a whole; empty if it was not."""

    problems: tuple[Problem, ...] = ()
    unchecked: str = ""
    error: str = ""


NOTHING = Outcome()


def gravity(level: Level, *, certain: bool) -> Gravity:
    """The gravity of a problem of this level; a warning is never certain."""
    return level == "deny", level == "deny" and certain


def ask(rule: Rule, case: Case[Any], assumed: Assumed, spend: Spend) -> Outcome:
    """Run a rule.

    Args:
        rule: The rule.
        case: What it checks.
        assumed: Where the case's views look up unknown values; overwritten.
        spend: Called between runs to check the budget.

    Raises:
        OverBudgetError: The CPU time is used up.
    """
    assumed.clear()
    try:
        problems = tuple(rule.check(case))
    except UnknownValueError as unknown:
        return _in_all_worlds(rule, case, assumed, spend, unknown)
    except Exception:  # noqa: BLE001 - rare; a second run finds the reason, so that the usual case stays fast
        return _run(rule, case)
    return Outcome(problems) if problems else NOTHING


def _in_all_worlds(rule: Rule, case: Case[Any], assumed: Assumed, spend: Spend, first: UnknownValueError) -> Outcome:
    """Run a rule for every combination of the unknown values that it reads; a world is one such combination."""
    outcomes: list[Outcome] = []
    reasons: dict[str, None] = {str(first): None}
    worlds: list[Mapping[UnknownKey, str | None]] = [{first.key: value} for value in reversed(first.possible)]
    while worlds:
        world = worlds.pop()
        assumed.clear()
        assumed.update(world)
        try:
            outcomes.append(_run(rule, case))
        except UnknownValueError as unknown:
            reasons[str(unknown)] = None
            worlds += [{**world, unknown.key: value} for value in reversed(unknown.possible)]
        spend()
        if len(outcomes) > 1 and _is_settled(outcomes):
            break
        if len(outcomes) + len(worlds) > _MANY:
            return Outcome(unchecked="; ".join(reasons))
    return _common(outcomes, tuple(reasons))


def _run(rule: Rule, case: Case[Any]) -> Outcome:
    problems: list[Problem] = []
    try:
        problems.extend(rule.check(case))
    except CouldNotCheckError as reason:
        return Outcome(tuple(problems), unchecked=str(reason))
    except (UnknownValueError, OverBudgetError):
        raise
    except Exception as error:  # noqa: BLE001 - a rule that fails on an object is an outcome, not an HTTP 500
        return Outcome(tuple(problems), error=f"{type(error).__name__}: {error}"[:200])
    return Outcome(tuple(problems)) if problems else NOTHING


def _is_settled(outcomes: list[Outcome]) -> bool:
    """Whether one has no problems and another has some, so that more runs would not change the result."""
    return any(not one.problems for one in outcomes) and any(one.problems for one in outcomes)


def _common(outcomes: list[Outcome], reasons: tuple[str, ...]) -> Outcome:
    """The problems that occur in every outcome, by path, each at its lowest gravity."""
    worlds = [_by_place(outcome.problems) for outcome in outcomes]
    kept: list[Problem] = []
    differs = False
    for place in dict.fromkeys(place for world in worlds for place in world):
        found, agreed = _at_place([world.get(place, {}) for world in worlds])
        kept += found
        differs = differs or not agreed
    unchecked = dict.fromkeys(outcome.unchecked for outcome in outcomes if outcome.unchecked)
    error = next((outcome.error for outcome in outcomes if outcome.error), "")
    return Outcome(tuple(kept), "; ".join((*unchecked, *(reasons if differs else ()))), error)


_Key = tuple[Evidence, int]
"""The evidence of a problem, and its number among those with the same evidence."""


def _by_place(problems: Iterable[Problem]) -> dict[Path, dict[_Key, Problem]]:
    found: dict[Path, dict[_Key, Problem]] = {}
    numbers: Counter[tuple[Path, Evidence]] = Counter()
    for problem in problems:
        same = problem.path, problem.evidence
        found.setdefault(problem.path, {})[problem.evidence, numbers[same]] = problem
        numbers[same] += 1
    return found


def _at_place(worlds: list[dict[_Key, Problem]]) -> tuple[list[Problem], bool]:
    """The problems at one path that hold in every world, and whether all worlds agree on it.

    If each world has a different problem there, the least serious one represents them all.
    """
    everywhere = dict.fromkeys(key for key in worlds[0] if all(key in world for world in worlds))
    alike = [[world[key] for world in worlds] for key in everywhere]
    rest = [[problem for key, problem in world.items() if key not in everywhere] for world in worlds]
    kept = [_least(problems) for problems in alike]
    if all(rest):
        kept.append(_least([max(world, key=_gravity) for world in rest]))
    same = all(len(set(map(_gravity, problems))) == 1 for problems in alike)
    return kept, same and (all(rest) or not any(rest))


def _gravity(problem: Problem) -> Gravity:
    return gravity(problem.level, certain=problem.certain)


def _least(problems: list[Problem]) -> Problem:
    """The least serious problem, at the level that all of them reach; with fixes only if all have the same."""
    chosen = min(problems, key=lambda problem: (_gravity(problem), len(problem.evidence)))
    denies, certain = min(map(_gravity, problems))
    level: Level = "deny" if denies else "warn"
    fixes = chosen.fixes if all(problem.fixes == chosen.fixes for problem in problems) else ()
    return replace(chosen, level=level, certain=certain, fixes=fixes)
