"""The result of a run of `cni-guard check`: one frozen value that each format renders."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from webhook.documents import Unread
from webhook.inputs import Build
from webhook.model import Finding, Level, Path, Skipped, Verdict, together
from webhook.report.diagnostic import Diagnostic, of_error, of_finding

Mode = Literal["enforce", "observe"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files and objects were read."""

    files: int = 0
    objects: int = 0
    """Objects of any kind."""
    guarded: int = 0
    """Objects that the guard has rules for."""


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run."""

    diagnostics: tuple[Diagnostic, ...] = ()
    """Findings and failed rules, by file (in reading order) and line; denials first within a line."""
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[Unread, ...] = ()
    counts: Counts = Counts()
    builds: tuple[Build, ...] = ()
    """Kustomizations with patches; these are evaluated only in the output of kustomize."""
    mode: Mode = "enforce"

    @classmethod
    def of(
        cls,
        verdicts: Iterable[Verdict],
        unread: tuple[Unread, ...],
        counts: Counts,
        builds: tuple[Build, ...] = (),
        mode: Mode = "enforce",
    ) -> "Report":
        """Create the report from the verdicts of a run."""
        verdicts = tuple(verdicts)
        findings = (of_finding(finding) for verdict in verdicts for finding in _by_place(verdict.findings))
        errors = (of_error(error) for verdict in verdicts for error in verdict.errors)
        return cls(
            diagnostics=ordered((*findings, *errors)),
            skipped=tuple(skipped for verdict in verdicts for skipped in verdict.skipped),
            unread=unread,
            counts=counts,
            builds=builds,
            mode=mode,
        )

    def count(self, level: Level) -> int:
        """The number of diagnostics with this level."""
        return sum(diagnostic.level == level for diagnostic in self.diagnostics)

    def failing(self, fail_on: Level | None) -> tuple[Diagnostic, ...]:
        """The diagnostics that make the run fail.

        Args:
            fail_on: ``warn`` for all of them, ``deny`` for those that ``mode: enforce`` would deny, None for denials.
        """
        if fail_on == "warn":
            return self.diagnostics
        return self.enforced if fail_on == "deny" else tuple(one for one in self.diagnostics if one.level == "deny")

    @property
    def enforced(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that ``mode: enforce`` would deny."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.enforced == "deny")

    @property
    def certain(self) -> tuple[Diagnostic, ...]:
        """Those of `enforced` that are certain to fail."""
        return tuple(diagnostic for diagnostic in self.enforced if diagnostic.certain)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The rules that failed on an object."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.failed)

    @property
    def fatal(self) -> tuple[Unread, ...]:
        """Unread files and documents that had to be evaluated."""
        return tuple(unread for unread in self.unread if unread.fatal)


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by file and line; files keep their order, and denials come first within a line."""
    listed = tuple(diagnostics)
    files = {diagnostic.file: index for index, diagnostic in reversed(list(enumerate(listed)))}
    return tuple(sorted(listed, key=lambda one: (files[one.file], one.position.line, one.level, one.position.column)))


def _by_place(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Merge the findings of one fault at one place, as the message of the webhook does."""
    places: dict[Path, list[Finding]] = {}
    for finding in findings:
        places.setdefault(finding.problem.path, []).append(finding)
    for listed in places.values():
        yield from together(listed)
