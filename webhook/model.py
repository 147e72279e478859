"""The nouns: rules judge a resource and yield problems; the runner stamps these into a verdict.

Everything here is a frozen value and knows nothing of HTTP, files, the cluster or the clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from webhook.printable import clean, shorten

Json = Any
"""JSON as the API server sent it; any shape, since a webhook sees objects before they are validated."""

Path = tuple[str | int, ...]
"""Where in an object, ``("spec", "template", "spec", "containers", 0)``; lines are looked up only at the printing."""

Level = Literal["deny", "warn"]
Operation = Literal["CREATE", "UPDATE", "DELETE"]

Part = Literal["env", "probes", "rest"]
"""A part of an object by what approved defaults may add: variables, probes; and all that they never touch."""

Evidence = tuple[tuple[str, str | None], ...]
"""The values that a problem rests on, by name and never by list index; None stands for an absent value.

``(("aws-node env WARM_IP_TARGET", "5"),)``. A problem with the same evidence before a request is not new.
"""

_CLAUSE = 1000
"""Characters of a clause in a message: it repeats values that authors wrote."""

_NAMED = 20
"""Equal faults that one message names."""

_REST = 20
"""Characters kept for how many more there are."""

ADDON_MANAGER = "eks:addon-manager"
"""The user by which EKS applies its managed add-ons (EKS user guide, "Amazon EKS add-ons")."""

BREAK_GLASS = "cni-guard:break-glass"
"""The group whose requests the guard lets pass unjudged."""


@dataclass(frozen=True, slots=True)
class User:
    """Who sends a request, as the API server authenticated them."""

    name: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """The file a resource was read from, with the place of each of its fields."""

    file: str
    positions: Mapping[Path, Position] = field(default_factory=dict)

    def position(self, path: Path) -> Position:
        """The place of a field, or of its nearest parent that stands in the file."""
        for length in range(len(path), -1, -1):
            if place := self.positions.get(path[:length]):
                return place
        return Position(1, 1)


@dataclass(frozen=True, slots=True)
class Resource:
    """A change: what is, what was, who did it. `object` is None on DELETE, `old` on CREATE and in files."""

    kind: str
    object: Json
    old: Json = None
    operation: Operation = "CREATE"
    user: User | None = None
    source: Source | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the object, else of the old one; empty where there is none."""
        for holder in (self.object, self.old):
            if isinstance(holder, dict) and isinstance(metadata := holder.get("metadata"), dict):
                return metadata
        return {}

    @property
    def name(self) -> str:
        """The object's name; empty where it has none (yet), as with ``generateName``."""
        return text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        """The object's namespace; empty for a cluster-scoped object."""
        return text(self.metadata.get("namespace"))

    def __str__(self) -> str:
        """``DaemonSet kube-system/aws-node``, the way a person names it."""
        name = self.name or text(self.metadata.get("generateName")) or "(no name)"
        return f"{self.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind} {name}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A fix: a value that fills what is absent, and never replaces what somebody wrote.

    With `key` the value is set in the mapping at `parent`, without it appended to the list there; a missing
    or null `parent` is created.
    """

    parent: Path
    key: str | None
    value: Json
    says: str
    """What is added, for a person: ``aws-node env WARM_IP_TARGET=2``."""

    @property
    def part(self) -> Part:
        """The part of the object that it touches."""
        if self.parent[-1:] == ("env",):
            return "env"
        return "probes" if self.key and self.key.endswith("Probe") else "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule yields. It knows neither its rule's id nor a file."""

    path: Path
    evidence: Evidence
    level: Level
    wrong: str
    """What is wrong, a clause without a full stop."""
    effect: str
    """What would happen, a clause."""
    remedy: str
    """How to mend it, an imperative sentence without a full stop."""
    certain: bool = False
    """The CNI's code proves that aws-node, or every new pod, fails: only the break-glass passes it."""
    lowered: bool = False
    """It only warns where it would deny, since a denial would close a way back: no policy raises it."""
    fixes: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beyond the object itself; None is not known. A rule that needs such a fact is skipped."""

    server_version: tuple[int, int] | None = None
    """Major and minor version of the API server."""


NOTHING_KNOWN = Facts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem as judged: by which rule, at the level that counts, and whether this change introduced it."""

    rule: str
    level: Level
    enforced: Level
    """The level it would have in ``mode: enforce``."""
    introduced: bool
    resource: Resource
    problem: Problem
    link: str
    excuse: str = ""
    """Why a denial was lowered: an exception, an acknowledgement; for the answer and the log."""

    @property
    def message(self) -> str:
        """The whole text for a person: rule, what is wrong, what would happen, how to mend it, link."""
        problem = self.problem
        wrong, effect, remedy = (shorten(clause, _CLAUSE) for clause in (problem.wrong, problem.effect, problem.remedy))
        whole = f"{self.rule}: {wrong}: {effect}. {remedy}. {self.link}"
        return clean(f"{whole} ({self.excuse})" if self.excuse else whole)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that could not be checked: never silently a pass."""

    rule: str
    resource: Resource
    reason: str


@dataclass(frozen=True, slots=True)
class Crash:
    """A rule that failed on this object: neither pass nor finding."""

    rule: str
    level: Level
    enforced: Level
    resource: Resource
    error: str

    @property
    def message(self) -> str:
        """The text for a person."""
        return clean(
            f"{self.rule}: the rule failed on this object ({self.error}): it could not be judged. "
            "Report the object to the authors of cni-guard, or set onCrash: warn in the policy"
        )


@dataclass(frozen=True, slots=True)
class Overrun:
    """An evaluation that took more CPU time than it may: the rules after that moment did not run."""

    level: Level
    enforced: Level
    seconds: float
    """The CPU time that it may take."""
    unrun: tuple[str, ...]
    """The rules that did not run."""

    @property
    def message(self) -> str:
        """The text for a person."""
        listed = ", ".join(self.unrun[:_NAMED]) + (f" and {len(self.unrun) - _NAMED} more" * (len(self.unrun) > _NAMED))
        return clean(
            f"evaluating this object takes more than {self.seconds} s of CPU time, so these rules were not evaluated: "
            f"{listed}. Remove what the CNI does not need from it: variables, containers, volumes, annotations"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all rules say of one resource."""

    resource: Resource
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    crashes: tuple[Crash, ...] = ()
    overrun: Overrun | None = None
    """Set where the evaluation ended before its last rule."""

    @property
    def said(self) -> tuple[Finding | Crash, ...]:
        """What rules said with a level."""
        return (*self.findings, *self.crashes)

    @property
    def denials(self) -> tuple[str, ...]:
        """The messages that refuse the change."""
        return self._messages("deny")

    @property
    def warnings(self) -> tuple[str, ...]:
        """The messages that do not."""
        return self._messages("warn")

    def _messages(self, level: Level) -> tuple[str, ...]:
        said: tuple[Finding | Crash, ...] = (*together(self.findings), *self.crashes)
        return (*(one.message for one in said if one.level == level), *self._unfinished(level))

    def _unfinished(self, level: Level) -> tuple[str, ...]:
        return (self.overrun.message,) if self.overrun and self.overrun.level == level else ()

    @property
    def failures(self) -> tuple[str, ...]:
        """The warnings that are about the evaluation itself: rules that failed, and time that ran out."""
        return (*(crash.message for crash in self.crashes if crash.level == "warn"), *self._unfinished("warn"))


def together(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Equal faults as one finding each, and several effects of one fault: up to 20 are named, the rest is counted."""
    joined = _joined(findings, "wrong", "effect")
    return _joined(joined, "effect", "wrong")


_Clause = Literal["wrong", "effect"]


def _joined(findings: Iterable[Finding], shared: _Clause, listed: _Clause) -> tuple[Finding, ...]:
    """Findings that differ in one clause alone, as one."""
    equal: dict[tuple[Any, ...], list[Finding]] = {}
    for finding in findings:
        problem = finding.problem
        # Not the level: of what one change brings, a denial names what only warns beside it.
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
    # The gravest is told first.
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
    """Raised by a reader where a fact is missing, with the reason; the runner makes it a `Skipped`."""


UnknownKey = tuple[str, ...]
"""Tells one unknown value from another; equal on both sides of a change where the value is the same."""


class UnknownValueError(Exception):
    """Raised by a reader for a value that is not known at admission: the runner tries each that it may have."""

    def __init__(self, key: UnknownKey, possible: tuple[str | None, ...], reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.possible = possible


def text(value: Json) -> str:
    """The value where it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def at(value: Json, *path: str | int) -> Json:
    """What stands at a path; None where any step is missing or of another shape."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
