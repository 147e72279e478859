"""The data model: rules check a change and yield problems, which the engine turns into the findings of a verdict.

Everything here is a frozen value, independent of HTTP, files, the cluster and the clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from webhook.printable import clean, shorten

Json = Any
"""JSON as the API server sent it; of any shape, since a webhook sees objects before they are validated."""

Path = tuple[str | int, ...]
"""A place in an object, ``("spec", "template", "spec", "containers", 0)``; lines are looked up only for output."""

Level = Literal["deny", "warn"]
Operation = Literal["CREATE", "UPDATE", "DELETE"]

Part = Literal["env", "probes", "rest"]
"""A part of an object: where approved defaults may be added (variables, probes), and the rest."""

Evidence = tuple[tuple[str, str | None], ...]
"""The values that cause a problem, by name and never by list index; None for an absent value.

``(("aws-node env WARM_IP_TARGET", "5"),)``. A problem that the old object has with the same evidence is not new.
"""

_CLAUSE = 1000
"""Characters of a clause in a message, since it may quote long values."""

_NAMED = 20
"""Items listed in one message."""

_REST = 20
"""Characters reserved for the number of items that are not listed."""

ADDON_MANAGER = "eks:addon-manager"
"""The user that applies EKS managed add-ons (EKS user guide, "Amazon EKS add-ons")."""

BREAK_GLASS = "cni-guard:break-glass"
"""The group whose requests are allowed without evaluation."""


@dataclass(frozen=True, slots=True)
class User:
    """The user who sent a request, as authenticated by the API server."""

    name: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column start at 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """The file of an object, with the position of each field."""

    file: str
    positions: Mapping[Path, Position] = field(default_factory=dict)

    def position(self, path: Path) -> Position:
        """The position of a field, or of its nearest parent in the file."""
        for length in range(len(path), -1, -1):
            if place := self.positions.get(path[:length]):
                return place
        return Position(1, 1)


@dataclass(frozen=True, slots=True)
class Change:
    """A change: the new object, the old one, the operation and the user.

    `object` is None on DELETE; `old` is None on CREATE and for files.
    """

    kind: str
    object: Json
    old: Json = None
    operation: Operation = "CREATE"
    user: User | None = None
    source: Source | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the object, else of the old object; empty if there is none."""
        for holder in (self.object, self.old):
            if isinstance(holder, dict) and isinstance(metadata := holder.get("metadata"), dict):
                return metadata
        return {}

    @property
    def name(self) -> str:
        """The object's name; empty if it has none (yet), as with ``generateName``."""
        return text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        """The object's namespace; empty for a cluster-scoped object."""
        return text(self.metadata.get("namespace"))

    def __str__(self) -> str:
        """The display name: ``DaemonSet kube-system/aws-node``."""
        name = self.name or text(self.metadata.get("generateName")) or "(no name)"
        return f"{self.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind} {name}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A fix that adds an absent value; it never replaces an existing one.

    With `key`, the value is set in the mapping at `parent`; without it, the value is appended to the list at `parent`.
    A missing or null `parent` is created.
    """

    parent: Path
    key: str | None
    value: Json
    says: str
    """What is added, for messages: ``aws-node env WARM_IP_TARGET=2``."""

    @property
    def part(self) -> Part:
        """The part of the object that it changes."""
        if self.parent[-1:] == ("env",):
            return "env"
        return "probes" if self.key and self.key.endswith("Probe") else "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule yields, independent of the rule's ID and of files."""

    path: Path
    evidence: Evidence
    level: Level
    wrong: str
    """What is wrong, a clause without a period."""
    effect: str
    """What happens because of it, a clause without a period."""
    remedy: str
    """What to do, an imperative sentence without a period."""
    certain: bool = False
    """The CNI's code proves that aws-node, or every new pod, fails: only break-glass gets past it."""
    lowered: bool = False
    """It warns instead of denying, since a denial would block a way back; no policy can raise it."""
    fixes: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts from outside the object; None if unknown. A rule that needs an unknown fact is skipped."""

    server_version: tuple[int, int] | None = None
    """Major and minor version of the API server."""


NOTHING_KNOWN = Facts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem with its rule, its final level, and whether this change introduced it."""

    rule: str
    level: Level
    enforced: Level
    """The level in ``mode: enforce``."""
    introduced: bool
    change: Change
    problem: Problem
    link: str
    excuse: str = ""
    """Why a denial became a warning: an exception or an acknowledgment; for the response and the log."""

    @property
    def message(self) -> str:
        """The full message: rule, what is wrong, what happens because of it, what to do, link."""
        problem = self.problem
        wrong, effect, remedy = (shorten(clause, _CLAUSE) for clause in (problem.wrong, problem.effect, problem.remedy))
        whole = f"{self.rule}: {wrong}: {effect}. {remedy}. {self.link}"
        return clean(f"{whole} ({self.excuse})" if self.excuse else whole)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that was not evaluated for lack of facts; it is reported, since it did not pass."""

    rule: str
    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that raised an exception on this object, so it neither passed nor found anything."""

    rule: str
    level: Level
    enforced: Level
    change: Change
    error: str

    @property
    def wrong(self) -> str:
        """What failed."""
        return f"the rule failed on this object ({self.error}), so it was not evaluated"

    @property
    def remedy(self) -> str:
        """What to do."""
        return (
            "Report this as a bug in cni-guard, with the object. To get warnings instead of denials, set onCrash: warn "
            "in the policy"
        )

    @property
    def message(self) -> str:
        """The message: what failed and what to do."""
        return clean(f"{self.rule}: {self.wrong}. {self.remedy}")


@dataclass(frozen=True, slots=True)
class Overrun:
    """An evaluation that exceeded its CPU time, so the remaining rules did not run."""

    level: Level
    enforced: Level
    seconds: float
    """The limit on CPU time, in seconds."""
    unrun: tuple[str, ...]
    """The rules that did not run."""

    @property
    def message(self) -> str:
        """The message: which rules did not run and what to do."""
        listed = ", ".join(self.unrun[:_NAMED]) + (f" and {len(self.unrun) - _NAMED} more" * (len(self.unrun) > _NAMED))
        return clean(
            f"evaluating this object takes more than {self.seconds} s of CPU time, so these rules were not evaluated: "
            f"{listed}. Remove whatever the CNI does not need: variables, containers, volumes, annotations"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The results of all rules for one change."""

    change: Change
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    errors: tuple[RuleError, ...] = ()
    overrun: Overrun | None = None
    """Set if the evaluation ended before its last rule."""

    @property
    def said(self) -> tuple[Finding | RuleError, ...]:
        """Everything with a level: findings and rule errors."""
        return (*self.findings, *self.errors)

    @property
    def denials(self) -> tuple[str, ...]:
        """The messages that deny the change."""
        return self._messages("deny")

    @property
    def warnings(self) -> tuple[str, ...]:
        """The messages that only warn."""
        return self._messages("warn")

    def _messages(self, level: Level) -> tuple[str, ...]:
        said: tuple[Finding | RuleError, ...] = (*together(self.findings), *self.errors)
        return (*(one.message for one in said if one.level == level), *self._unfinished(level))

    def _unfinished(self, level: Level) -> tuple[str, ...]:
        return (self.overrun.message,) if self.overrun and self.overrun.level == level else ()

    @property
    def failures(self) -> tuple[str, ...]:
        """The warnings about the evaluation itself: rules that failed, and exceeded CPU time."""
        return (*(error.message for error in self.errors if error.level == "warn"), *self._unfinished("warn"))


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
    room = _CLAUSE - _REST
    for clause in clauses[:_NAMED]:
        room -= len(clause) + 2
        if room < 0 and named:
            break
        named.append(clause)
    more = len(clauses) - len(named)
    return "; ".join((*named, *((f"and {more} more",) if more else ())))


class CouldNotCheckError(Exception):
    """Raised with the reason when a fact is missing; the engine turns it into a `Skipped`."""


UnknownKey = tuple[str, ...]
"""Identifies an unknown value; equal in the old and the new object if the value is the same."""


class UnknownValueError(Exception):
    """Raised for a value that is unknown at admission; the rule is then run for each possible value."""

    def __init__(self, key: UnknownKey, possible: tuple[str | None, ...], reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.possible = possible


def text(value: Json) -> str:
    """The value if it is a string, else an empty string."""
    return value if isinstance(value, str) else ""


def at(value: Json, *path: str | int) -> Json:
    """The value at a path; None if a step is missing or has another type."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
