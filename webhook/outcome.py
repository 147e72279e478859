"""What one rule says of one state of an object, whatever the values are that are not known.

A rule reads values as if they were known. Where it meets one that is not, it is run again for each value that this
one may have: what it says each time counts, and it is skipped only where the answers differ.
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
"""Combinations of possible values that are tried; beyond them the rule is skipped."""

Gravity = tuple[bool, bool]
"""How grave a problem is: denies, certain. They compare as one expects."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Problems, and why the rule could not be checked in part or as a whole."""

    problems: tuple[Problem, ...] = ()
    unchecked: str = ""
    error: str = ""


NOTHING = Outcome()


def gravity(level: Level, *, certain: bool) -> Gravity:
    """How grave a problem of this level is; what only warns is never certain."""
    return level == "deny", level == "deny" and certain


def ask(rule: Rule, case: Case[Any], assumed: Assumed, spend: Spend) -> Outcome:
    """Run a rule; `assumed` is what the case's views read unknown values from. Raises OverBudgetError."""
    assumed.clear()
    try:
        problems = tuple(rule.check(case))
    except UnknownValueError as unknown:
        return _in_all_worlds(rule, case, assumed, spend, unknown)
    except Exception:  # noqa: BLE001 - rare, and told by a second run, so that all others cost no more than they must
        return _run(rule, case)
    return Outcome(problems) if problems else NOTHING


def _in_all_worlds(rule: Rule, case: Case[Any], assumed: Assumed, spend: Spend, first: UnknownValueError) -> Outcome:
    """Run a rule for every combination of values that it asks for; a world is what is assumed of them."""
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
    except Exception as error:  # noqa: BLE001 - whatever an object makes go wrong in a rule is an outcome, not a 500
        return Outcome(tuple(problems), error=f"{type(error).__name__}: {error}"[:200])
    return Outcome(tuple(problems)) if problems else NOTHING


def _is_settled(outcomes: list[Outcome]) -> bool:
    """Whether nothing holds in all of them, and something in one: no further one changes that."""
    return any(not one.problems for one in outcomes) and any(one.problems for one in outcomes)


def _common(outcomes: list[Outcome], reasons: tuple[str, ...]) -> Outcome:
    """What all of them say, place by place: each place as grave as where it is least so."""
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
"""The evidence of a problem, and which one it is of several with this evidence."""


def _by_place(problems: Iterable[Problem]) -> dict[Path, dict[_Key, Problem]]:
    found: dict[Path, dict[_Key, Problem]] = {}
    numbers: Counter[tuple[Path, Evidence]] = Counter()
    for problem in problems:
        same = problem.path, problem.evidence
        found.setdefault(problem.path, {})[problem.evidence, numbers[same]] = problem
        numbers[same] += 1
    return found


def _at_place(worlds: list[dict[_Key, Problem]]) -> tuple[list[Problem], bool]:
    """The problems of one place that hold in every world, and whether all worlds say the same of it.

    Where each world has a problem of its own there, the one that claims least stands for all of them.
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
    """The problem that claims least, at the level that all of them reach; a fix only where it mends all of them."""
    chosen = min(problems, key=lambda problem: (_gravity(problem), len(problem.evidence)))
    denies, certain = min(map(_gravity, problems))
    level: Level = "deny" if denies else "warn"
    fixes = chosen.fixes if all(problem.fixes == chosen.fixes for problem in problems) else ()
    return replace(chosen, level=level, certain=certain, fixes=fixes)
