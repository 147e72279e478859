"""Merging of findings that differ in one clause, so that one fault is one message."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from webhook.model.finding import CLAUSE, NAMED, Finding

_REST = 20
"""Characters reserved for the number of items that are not listed."""


def together(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge findings of the same fault, and several effects of one fault; up to 20 are listed, the rest is counted."""
    joined = _joined(findings, "wrong", "effect")
    return _joined(joined, "effect", "wrong")


_Clause = Literal["wrong", "effect"]


def _joined(findings: Iterable[Finding], shared: _Clause, listed: _Clause) -> tuple[Finding, ...]:
    """Merge findings that differ only in the clause `listed`."""
    equal: dict[tuple[Any, ...], list[Finding]] = {}
    for finding in findings:
        problem = finding.problem
        # Without the level, so that a denial also lists what would only be a warning.
        key = (
            finding.rule,
            finding.introduced,
            finding.excuse,
            getattr(problem, shared),
            problem.remedy,
        )
        equal.setdefault(key, []).append(finding)
    return tuple(found[0] if len(found) == 1 else _as_one(found, listed) for found in equal.values())


def _as_one(findings: list[Finding], listed: _Clause) -> Finding:
    # The most serious one comes first.
    findings = sorted(findings, key=lambda finding: (finding.level, finding.enforced))
    problem = findings[0].problem
    if listed == "wrong":
        return replace(findings[0], problem=replace(problem, wrong=_list(findings, listed)))
    return replace(findings[0], problem=replace(problem, effect=_list(findings, listed)))


def _list(findings: list[Finding], listed: _Clause) -> str:
    clauses = list(dict.fromkeys(getattr(finding.problem, listed) for finding in findings))
    named: list[str] = []
    room = CLAUSE - _REST
    for clause in clauses[:NAMED]:
        room -= len(clause) + 2
        if room < 0 and named:
            break
        named.append(clause)
    more = len(clauses) - len(named)
    return "; ".join((*named, *((f"and {more} more",) if more else ())))
