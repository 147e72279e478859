"""Approved defaults: the fixes of a verdict, as one JSON Patch that fills what is absent and replaces nothing."""

from collections.abc import Iterable, Iterator
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any

import jsonpatch

from webhook.budget import OverBudgetError
from webhook.judge import Evaluation
from webhook.model import ADDON_MANAGER, Edit, Finding, Json, Path, Problem, Resource, Verdict, at

EKS_MANAGER = "eks"
"""The field manager of the EKS add-on: it writes its fields again every few minutes, so none is added."""

Operation = dict[str, Any]


class PatchError(Exception):
    """The patch does not give the object that it was made for; sent, it would fail the request."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The change with approved defaults added."""

    resource: Resource
    patch: tuple[Operation, ...] = ()
    findings: tuple[Finding, ...] = ()
    """One warning for each fault that was mended: what would have happened, and what to write down."""
    edits: tuple[Edit, ...] = ()
    over_budget: bool = False
    """Nothing was added, since the evaluation took more CPU time than it may."""


def fill(evaluation: Evaluation) -> Filled:
    """Add approved defaults where the request itself brought the cause.

    Never for the add-on's manager, nor what a rule would then refuse. Raises PatchError and OverBudgetError.
    """
    verdict = evaluation.verdict
    resource = verdict.resource
    nothing = Filled(resource, over_budget=verdict.overrun is not None)
    if resource.operation == "DELETE" or verdict.overrun:
        return nothing
    if resource.user is not None and resource.user.name == ADDON_MANAGER:
        return nothing
    wanted = [finding for finding in verdict.findings if finding.introduced and not finding.excuse]
    # All at once, and one after the other only where together they bring a denial.
    filled = _attempt(nothing, wanted, evaluation)
    if filled is None:
        filled = nothing
        for finding in wanted:
            filled = _attempt(filled, [finding], evaluation) or filled
    _prove(resource, filled)
    return filled


def _attempt(filled: Filled, wanted: Iterable[Finding], evaluation: Evaluation) -> Filled | None:
    """Make the fixes of these findings too; None where they bring a denial."""
    attempt = filled
    for finding in wanted:
        edits = tuple(edit for edit in finding.problem.fixes if not _owned(filled.resource, edit))
        made = _apply(attempt, edits)
        attempt = replace(made, findings=(*attempt.findings, *_told(finding, made.edits[len(attempt.edits) :])))
    if attempt.patch == filled.patch:
        return filled
    after = evaluation.again(attempt.resource, attempt.edits)
    if after.overrun:
        raise OverBudgetError(after.overrun.seconds)
    return None if _refusing(after) - _refusing(evaluation.verdict) else attempt


def _refusing(verdict: Verdict) -> frozenset[str]:
    return frozenset(said.rule for said in verdict.said if said.enforced == "deny")


def _told(finding: Finding, edits: tuple[Edit, ...]) -> tuple[Finding, ...]:
    """What the author should know: what would have happened, and what to write down."""
    if not edits:
        return ()
    added = ", ".join(edit.says for edit in edits)
    problem: Problem = replace(
        finding.problem,
        path=edits[0].parent,
        level="warn",
        certain=False,
        remedy=f"Added {added}: write it into your manifest too",
        fixes=edits,
    )
    return (replace(finding, level="warn", enforced="warn", problem=problem),)


def _apply(filled: Filled, edits: tuple[Edit, ...]) -> Filled:
    """Make the edits in a copy. An edit that another one already made is left out."""
    target = filled.resource.object
    patch, made = list(filled.patch), list(filled.edits)
    for edit in edits:
        if edit in made:
            continue
        target = _copied_along(target, edit.parent)
        operations = tuple(_operations(target, edit))
        patch += operations
        if operations:
            made.append(edit)
    return Filled(replace(filled.resource, object=target), tuple(patch), filled.findings, tuple(made))


def _copied_along(value: Json, path: Path) -> Json:
    """A copy that shares all but what lies on the path, which may then be changed."""
    if not isinstance(value, dict | list):
        return value
    copied = copy(value)
    if path and at(value, path[0]) is not None:
        copied[path[0]] = _copied_along(copied[path[0]], path[1:])  # type: ignore[index]
    return copied


def _operations(target: Json, edit: Edit) -> Iterator[Operation]:
    """The patch operations of one edit, made on `target` at the same time; a missing parent is created."""
    holder = at(target, *edit.parent)
    if edit.key is not None:
        if isinstance(holder, dict) and holder.get(edit.key) is None:
            holder[edit.key] = deepcopy(edit.value)
            yield {"op": "add", "path": pointer((*edit.parent, edit.key)), "value": edit.value}
    elif holder is None:
        above = at(target, *edit.parent[:-1])
        if isinstance(above, dict):
            above[edit.parent[-1]] = [deepcopy(edit.value)]
            yield {"op": "add", "path": pointer(edit.parent), "value": [edit.value]}
    elif isinstance(holder, list):
        holder.append(deepcopy(edit.value))
        yield {"op": "add", "path": pointer((*edit.parent, "-")), "value": edit.value}


def pointer(path: Path) -> str:
    """A path as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _prove(resource: Resource, filled: Filled) -> None:
    """Apply the patch as the API server will: one that does not apply fails the request even where the door is open."""
    if not filled.patch:
        return
    try:
        result = jsonpatch.apply_patch(resource.object, list(filled.patch))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise PatchError(str(error)) from error
    if result != filled.resource.object:
        raise PatchError("the patch gives another object than the one that was judged")


def _owned(resource: Resource, edit: Edit) -> bool:
    """Whether the EKS add-on manages the field that an edit would fill."""
    for side in (resource.object, resource.old):
        entries = at(side, "metadata", "managedFields")
        for entry in entries if isinstance(entries, list) else ():
            if at(entry, "manager") == EKS_MANAGER and _manages(at(entry, "fieldsV1"), side, edit):
                return True
    return False


def _manages(fields: Json, side: Json, edit: Edit) -> bool:
    """Follow the edit's path through a fieldsV1 tree, where members of lists are keyed by their name."""
    value = side
    for step in edit.parent:
        value = at(value, step)
        fields = _member(fields, value) if isinstance(step, int) else at(fields, f"f:{step}")
    if edit.key is not None:
        return at(fields, f"f:{edit.key}") is not None
    return _member(fields, edit.value) is not None


def _member(fields: Json, value: Json) -> Json:
    name = at(value, "name")
    return at(fields, f'k:{{"name":"{name}"}}') if isinstance(name, str) else None
