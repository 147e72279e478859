"""Approved defaults: the fixes of a verdict as one JSON Patch, which adds absent values and replaces none."""

from collections.abc import Iterable, Iterator
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any

import jsonpatch

from webhook.budget import OverBudgetError
from webhook.engine.evaluation import Evaluation
from webhook.model import ADDON_MANAGER, Change, Edit, Finding, Json, Path, Problem, Verdict, at

EKS_MANAGER = "eks"
"""The field manager of the EKS add-on. It reverts changes to its fields within minutes, so none are changed."""


class PatchError(Exception):
    """The patch does not produce the evaluated object; the API server would reject the request."""


@dataclass(frozen=True, slots=True)
class Addition:
    """An operation ``add`` of a JSON Patch (RFC 6902)."""

    path: str
    """A JSON Pointer (RFC 6901)."""
    value: Json

    def operation(self) -> dict[str, Any]:
        """The operation as JSON."""
        return {"op": "add", "path": self.path, "value": self.value}


@dataclass(frozen=True, slots=True)
class Completed:
    """The change with approved defaults added."""

    change: Change
    patch: tuple[Addition, ...] = ()
    findings: tuple[Finding, ...] = ()
    """A warning for each fault that was fixed: what would have happened, and what to add to the manifest."""
    edits: tuple[Edit, ...] = ()
    over_budget: bool = False
    """Whether nothing was added because the evaluation exceeded its CPU time budget."""

    @property
    def json_patch(self) -> list[dict[str, Any]]:
        """The patch as JSON."""
        return [addition.operation() for addition in self.patch]


def add_defaults(evaluation: Evaluation) -> Completed:
    """Add approved defaults for problems that the change introduces.

    Nothing is added to a change by the manager of the EKS add-on, or to a rollback to a pod template that ran before,
    and no default that would cause a denial.

    Raises:
        PatchError: The patch does not produce the evaluated object.
        OverBudgetError: The evaluation exceeded its CPU time budget.
    """
    verdict = evaluation.verdict
    change = verdict.change
    nothing = Completed(change, over_budget=verdict.overrun is not None)
    if change.operation == "DELETE" or verdict.overrun:
        return nothing
    if change.user is not None and change.user.name == ADDON_MANAGER:
        return nothing
    wanted = [finding for finding in verdict.findings if finding.introduced and not finding.excuse]
    if any(finding.problem.fixes for finding in wanted) and evaluation.is_way_back:
        return nothing
    # All fixes at once; only if together they cause a denial, one finding at a time.
    filled = _attempt(nothing, wanted, evaluation)
    if filled is None:
        filled = nothing
        for finding in wanted:
            filled = _attempt(filled, [finding], evaluation) or filled
    _prove(change, filled)
    return filled


def _attempt(filled: Completed, wanted: Iterable[Finding], evaluation: Evaluation) -> Completed | None:
    """Apply the fixes of more findings; None if they cause a denial."""
    attempt = filled
    for finding in wanted:
        edits = tuple(edit for edit in finding.problem.fixes if not _owned(filled.change, edit))
        made = _apply(attempt, edits)
        attempt = replace(made, findings=(*attempt.findings, *_told(finding, made.edits[len(attempt.edits) :])))
    if attempt.patch == filled.patch:
        return filled
    after = evaluation.again(attempt.change, attempt.edits)
    if after.overrun:
        raise OverBudgetError(after.overrun.seconds)
    return None if _refusing(after) - _refusing(evaluation.verdict) else attempt


def _refusing(verdict: Verdict) -> frozenset[str]:
    return frozenset(said.rule for said in verdict.said if said.enforced == "deny")


def _told(finding: Finding, edits: tuple[Edit, ...]) -> tuple[Finding, ...]:
    """The warning about the added defaults; nothing if there are none."""
    if not edits:
        return ()
    added = ", ".join(edit.says for edit in edits)
    problem: Problem = replace(
        finding.problem,
        path=edits[0].parent,
        level="warn",
        certain=False,
        remedy=f"Added {added}: set it in your manifest too",
        fixes=edits,
    )
    return (replace(finding, level="warn", enforced="warn", problem=problem),)


def _apply(filled: Completed, edits: tuple[Edit, ...]) -> Completed:
    """Apply the edits to a copy; an edit that is already applied is left out."""
    target = filled.change.object
    patch, made = list(filled.patch), list(filled.edits)
    for edit in edits:
        if edit in made:
            continue
        target = _copied_along(target, edit.parent)
        operations = tuple(_operations(target, edit))
        patch += operations
        if operations:
            made.append(edit)
    return Completed(replace(filled.change, object=target), tuple(patch), filled.findings, tuple(made))


def _copied_along(value: Json, path: Path) -> Json:
    """A copy in which the values along the path may be changed; it shares all others with the original."""
    if not isinstance(value, dict | list):
        return value
    copied = copy(value)
    if path and at(value, path[0]) is not None:
        copied[path[0]] = _copied_along(copied[path[0]], path[1:])  # type: ignore[index]
    return copied


def _operations(target: Json, edit: Edit) -> Iterator[Addition]:
    """The patch operations of one edit, which also change `target`; a missing parent is created."""
    holder = at(target, *edit.parent)
    if edit.key is not None:
        if isinstance(holder, dict) and holder.get(edit.key) is None:
            holder[edit.key] = deepcopy(edit.value)
            yield Addition(pointer((*edit.parent, edit.key)), edit.value)
    elif holder is None:
        above = at(target, *edit.parent[:-1])
        if isinstance(above, dict):
            above[edit.parent[-1]] = [deepcopy(edit.value)]
            yield Addition(pointer(edit.parent), [edit.value])
    elif isinstance(holder, list):
        holder.append(deepcopy(edit.value))
        yield Addition(pointer((*edit.parent, "-")), edit.value)


def pointer(path: Path) -> str:
    """Convert a path to a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _prove(change: Change, filled: Completed) -> None:
    """Apply the patch as the API server will, which rejects a patch that fails whatever the failurePolicy."""
    if not filled.patch:
        return
    try:
        result = jsonpatch.apply_patch(change.object, filled.json_patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise PatchError(str(error)) from error
    if result != filled.change.object:
        raise PatchError("the patch does not produce the evaluated object")


def _owned(change: Change, edit: Edit) -> bool:
    """Whether the EKS add-on manages the field that an edit would set."""
    for side in (change.object, change.old):
        entries = at(side, "metadata", "managedFields")
        for entry in entries if isinstance(entries, list) else ():
            if at(entry, "manager") == EKS_MANAGER and _manages(at(entry, "fieldsV1"), side, edit):
                return True
    return False


def _manages(fields: Json, side: Json, edit: Edit) -> bool:
    """Look up the path of the edit in a fieldsV1 tree, in which list items are keyed by name."""
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
