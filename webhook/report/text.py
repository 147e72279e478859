"""The report for people: each finding with its position, effect and remedy, and a summary as the last line."""

import textwrap
from collections.abc import Iterator

from webhook.documents import Unread
from webhook.inputs import Build
from webhook.model import Skipped
from webhook.printable import clean
from webhook.report.diagnostic import Diagnostic, place
from webhook.report.layout import Layout
from webhook.report.report import Report

_INDENT = "    "
_COLORS = {"deny": "1;31", "warn": "33", "unread": "1;31", "skipped": "2", "ok": "32"}


def render(report: Report, layout: Layout) -> str:
    """Render the diagnostics by file and line, then what was not evaluated, then the summary."""
    paint = _Paint(colors=layout.colors)
    blocks = _failing if layout.detail == "quiet" else _blocks
    return "\n".join(blocks(report, layout, paint))


def _failing(report: Report, layout: Layout, paint: "_Paint") -> Iterator[str]:
    """Only what affects the exit code: failing diagnostics and fatal unread files; no summary."""
    yield from (_diagnostic(diagnostic, paint, layout.width) for diagnostic in report.failing(layout.fail_on))
    yield from (_unread(unread, paint) for unread in report.fatal)


def _blocks(report: Report, layout: Layout, paint: "_Paint") -> Iterator[str]:
    verbose = layout.detail == "verbose"
    yield from (_diagnostic(diagnostic, paint, layout.width) for diagnostic in report.diagnostics)
    yield from (_unread(unread, paint) for unread in report.unread if unread.fatal or verbose)
    yield from map(_build, report.builds)
    yield from _skipped(report.skipped, paint, layout.width) if verbose else _skipped_in_short(report.skipped)
    yield _summary(report, paint)


class _Paint:
    """Colors text, if colors are enabled."""

    def __init__(self, *, colors: bool) -> None:
        self._colors = colors

    def __call__(self, text: str, color: str) -> str:
        return f"\x1b[{_COLORS[color]}m{text}\x1b[0m" if self._colors else text


def _diagnostic(diagnostic: Diagnostic, paint: _Paint, width: int) -> str:
    where = f"{clean(diagnostic.file)}:{diagnostic.position.line}:{diagnostic.position.column}"
    head = f"{where}: {paint(diagnostic.level, diagnostic.level)} {diagnostic.rule} {clean(diagnostic.object)}"
    if diagnostic.is_spared:
        head += f" (enforced: {paint(diagnostic.enforced, diagnostic.enforced)})"
    return "\n".join((head, *(_wrapped(line, width) for line in _lines(diagnostic)), ""))


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    """The clauses of the message, one sentence per line; the rule is in the first line of the block."""
    if diagnostic.path:
        yield f"at {diagnostic.path}"
    yield f"{diagnostic.fault}."
    yield f"{diagnostic.remedy}."
    if diagnostic.excuse:
        yield f"({diagnostic.excuse})"
    if diagnostic.link:
        yield diagnostic.link


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(
        clean(line),
        width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _unread(unread: Unread, paint: _Paint) -> str:
    word = paint("unread", "unread") if unread.fatal else paint("unread, not an error", "skipped")
    return f"{clean(unread.file)}:{unread.line}: {word}: {clean(unread.reason)}"


def _build(build: Build) -> str:
    """One line for a kustomization with patches: the command that evaluates what they change."""
    counted = "1 patch" if build.patches == 1 else f"{build.patches} patches"
    return f"{clean(build.file)}:{build.line}: {counted}: `{clean(build.command)}`"


def _skipped_in_short(skipped: tuple[Skipped, ...]) -> Iterator[str]:
    if number := len({one.rule for one in skipped}):
        rules, need, them = ("rule", "it needs", "it") if number == 1 else ("rules", "they need", "them")
        yield f"{number} {rules} skipped: a cluster fact or a value that {need} is unknown (-v lists {them})"


def _skipped(skipped: tuple[Skipped, ...], paint: _Paint, width: int) -> Iterator[str]:
    """One entry per reason and object, because many rules need the same fact."""
    rules: dict[tuple[str, str, str], list[str]] = {}
    for one in skipped:
        file, position = place(one.change)
        rules.setdefault((f"{file}:{position.line}", str(one.change), one.reason), []).append(one.rule)
    for (where, change, reason), names in rules.items():
        said = f"{paint('skipped', 'skipped')}: {', '.join(names)} {clean(change)}"
        yield f"{clean(where)}: {said}\n{_wrapped(reason, width)}"


def _summary(report: Report, paint: _Paint) -> str:
    counts = report.counts
    denials, warnings, fatal = report.count("deny"), report.count("warn"), len(report.fatal)
    said = [
        paint(_many(denials, "denial"), "deny") if denials else "no denials",
        paint(_many(warnings, "warning"), "warn") if warnings else "no warnings",
        *_spared(report, paint),
    ]
    if fatal:
        said.append(paint(f"{fatal} unread", "unread"))
    if others := len(report.unread) - fatal:
        said.append(f"{others} unread, not an error (-v lists {'it' if others == 1 else 'them'})")
    seen = f"{counts.guarded} of {_many(counts.objects, 'object')} in {_many(counts.files, 'file')} guarded"
    is_clear = counts.guarded and not (denials or warnings or fatal or report.builds)
    clear = paint("ok: ", "ok") if is_clear else ""
    mode = "mode observe: " if report.mode == "observe" else ""
    return f"{mode}{clear}{seen}: {', '.join(said)}"


def _spared(report: Report, paint: _Paint) -> Iterator[str]:
    """How many findings only mode observe allows, and the names of those that are certain to fail."""
    if report.mode != "observe" or not report.enforced:
        return
    yield paint(f"{len(report.enforced)} would be denied in mode enforce", "deny")
    if report.certain:
        places = dict.fromkeys(f"{one.rule} ({clean(one.file)}:{one.position.line})" for one in report.certain)
        yield paint(f"certain to fail: {', '.join(places)}", "deny")


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
