"""The report for people: where, what, why, the way out, and a closing line that says how it stands."""

import textwrap
from collections.abc import Iterator

from webhook.documents import Unread
from webhook.model import Skipped
from webhook.printable import clean
from webhook.report.report import Remark, Report, place

_INDENT = "    "
_COLOURS = {"deny": "1;31", "warn": "33", "unread": "1;31", "skipped": "2", "ok": "32"}


def render(report: Report, *, colours: bool = False, width: int = 100) -> str:
    """Findings by file and line, then what was not checked, then the summary."""
    paint = _Paint(colours=colours)
    blocks = [_remark(remark, paint, width) for remark in report.remarks]
    blocks += [_unread(unread, paint) for unread in report.unread]
    blocks += _skipped(report.skipped, paint, width)
    blocks.append(_summary(report, paint))
    return "\n".join(blocks)


class _Paint:
    """Colours, or none."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colours else text


def _remark(remark: Remark, paint: _Paint, width: int) -> str:
    where = f"{clean(remark.file)}:{remark.position.line}:{remark.position.column}"
    head = f"{where}: {paint(remark.level, remark.level)} {remark.rule} {clean(remark.resource)}"
    return "\n".join((head, *(_wrapped(line, width) for line in _lines(remark)), ""))


def _lines(remark: Remark) -> Iterator[str]:
    """What is said of a finding, a sentence a line; the rule's id stands in the head already."""
    finding = remark.finding
    if finding is None:
        yield remark.message.removeprefix(f"{remark.rule}: ")
        return
    if remark.path:
        yield f"at {remark.path}"
    yield f"{finding.problem.wrong}: {finding.problem.effect}."
    yield f"{finding.problem.remedy}."
    if finding.excuse:
        yield f"({finding.excuse})"
    yield finding.link


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
    word = paint("not checked", "unread") if unread.fatal else paint("left out", "skipped")
    return f"{clean(unread.file)}:{unread.line}: {word}: {clean(unread.reason)}"


def _skipped(skipped: tuple[Skipped, ...], paint: _Paint, width: int) -> Iterator[str]:
    """One line for each reason and object: many rules miss the same fact."""
    rules: dict[tuple[str, str, str], list[str]] = {}
    for one in skipped:
        file, position = place(one.resource)
        rules.setdefault((f"{file}:{position.line}", str(one.resource), one.reason), []).append(one.rule)
    for (where, resource, reason), names in rules.items():
        said = f"{paint('could not be checked', 'skipped')}: {', '.join(names)} {clean(resource)}"
        yield f"{clean(where)}: {said}\n{_wrapped(reason, width)}"


def _summary(report: Report, paint: _Paint) -> str:
    counts = report.counts
    denials, warnings, unchecked = report.count("deny"), report.count("warn"), len(report.unchecked)
    said = [
        paint(_many(denials, "denial"), "deny") if denials else "no denial",
        paint(_many(warnings, "warning"), "warn") if warnings else "no warning",
    ]
    if unchecked:
        said.append(paint(f"{unchecked} not checked", "unread"))
    if others := len(report.unread) - unchecked:
        said.append(f"{others} left out")
    if report.skipped:
        said.append(f"{_many(len(report.skipped), 'check')} skipped")
    seen = f"{counts.guarded} of {_many(counts.objects, 'object')} in {_many(counts.files, 'file')} guarded"
    clear = "" if denials or warnings or unchecked or not counts.guarded else paint("ok: ", "ok")
    return f"{clear}{seen}: {', '.join(said)}"


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
