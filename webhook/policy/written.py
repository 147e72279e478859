"""A policy as its file has it: the value, and where each key is."""

from dataclasses import dataclass

from webhook import documents
from webhook.model import Json, Path, Position, Source
from webhook.policy.diagnostic import Diagnostic, PolicyError, Severity


@dataclass(frozen=True, slots=True)
class Written:
    """The one document of a policy file."""

    value: Json
    source: Source
    """The file, with the position of each key."""

    def error(self, path: Path, found: str, expected: str, nearest: str = "") -> Diagnostic:
        """An error about a key, or about the nearest one above it that the file has."""
        return self._about("error", path, (found, expected, nearest))

    def warning(self, path: Path, found: str, expected: str, nearest: str = "") -> Diagnostic:
        """A warning about a key, or about the nearest one above it that the file has."""
        return self._about("warning", path, (found, expected, nearest))

    def _about(self, severity: Severity, path: Path, clauses: tuple[str, str, str]) -> Diagnostic:
        found, expected, nearest = clauses
        return Diagnostic(
            file=self.source.file,
            path=path,
            place=self.source.position(path),
            severity=severity,
            found=found,
            expected=expected,
            nearest=nearest,
        )


def parse(text: str, file: str) -> Written:
    """Parse the file of a policy.

    Raises:
        PolicyError: It is not one YAML document with content.
    """
    try:
        found = documents.load(text, by_key=True)
    except documents.DocumentError as error:
        raise _refused(file, Position(error.line, error.column), error.reason, "") from error
    if not found or not found[0].value:
        way_out = "set at least `mode: observe` or `mode: enforce`"
        raise _refused(file, Position(1, 1), "the policy is empty", way_out)
    if len(found) > 1:
        raise _refused(file, found[1].positions[()], "a second YAML document", "a policy is one document")
    return Written(found[0].value, Source(file, found[0].positions))


def _refused(file: str, place: Position, found: str, expected: str) -> PolicyError:
    written = Written(None, Source(file, {(): place}))
    return PolicyError.of([written.error((), found, expected)])
