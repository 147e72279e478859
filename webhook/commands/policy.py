"""`cni-guard policy check` and `cni-guard policy show`."""

import argparse
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from webhook import inputs
from webhook.commands import output
from webhook.commands.guard import POLICY_VARIABLE
from webhook.model import Json, Position
from webhook.policy import BUILT_IN, Diagnostic, PolicyError, effective
from webhook.policycheck import Checked, read
from webhook.printable import clean, dotted
from webhook.rules import CATALOGUE

_CHECK: Final = """\
Check policy files: everything that keeps one from loading, and what it says without effect, such as an
exception that ended, a default that a rule denies, or a level of a rule that no level changes."""

_CHECK_EXIT: Final = """\
exit codes:
  0  no errors (with --strict: no warnings either)
  1  warnings, with --strict
  2  wrong usage, or a policy that does not load

-o json prints one object: diagnostics (file, line, column, path, severity, found, expected, nearest, message)
and summary (counts)."""

_SHOW: Final = """\
Show the policy in force, with every setting, and where each comes from: the file and line, or built-in.
The output is itself a policy file. IDs of the previous minor version are replaced by those they stand for."""

_SHOW_EXIT: Final = """\
exit codes:
  0  the policy is shown
  2  wrong usage, or a policy that does not load

-o json prints one object: policy, and origins by path."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands and their flags."""
    parser.description = "Check policy files, or show the policy in force."
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    shared: Any = {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
    check = actions.add_parser("check", help="check policy files", description=_CHECK, epilog=_CHECK_EXIT, **shared)
    check.add_argument("files", metavar="FILE", nargs="+", help="a policy file, YAML, or - for stdin")
    check.add_argument("--strict", action="store_true", help="exit with 1 on warnings")
    check.set_defaults(act=_check)
    show = actions.add_parser("show", help="show the policy in force", description=_SHOW, epilog=_SHOW_EXIT, **shared)
    show.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default=os.environ.get(POLICY_VARIABLE) or None,
        help=f"a policy file, YAML, or - for stdin (default: the built-in policy) [{POLICY_VARIABLE}]",
    )
    show.set_defaults(act=_show)
    for action in (check, show):
        action.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    code: int = arguments.act(arguments)
    return code


def _read(file: str) -> Checked:
    """Read a policy file.

    Raises:
        PolicyError: It cannot be read, or does not load.
    """
    name = inputs.name_of(file)
    try:
        text = inputs.decode(inputs.content(file, output.stdin()))
    except inputs.UnreadableError as error:
        place = Position(1, 1)
        unread = Diagnostic(file=name, path=(), place=place, severity="error", found=error.reason, expected="")
        raise PolicyError.of([unread]) from error
    return read(text, name, CATALOGUE, datetime.now(UTC))


# --- check -----------------------------------------------------------------------------------------------------------


def _check(arguments: argparse.Namespace) -> int:
    found: list[Diagnostic] = []
    left_out = 0
    for file in arguments.files:
        try:
            found += _read(file).warnings
        except PolicyError as error:
            found += error.errors
            left_out += error.left_out
    errors = left_out + sum(one.severity == "error" for one in found)
    warnings = sum(one.severity == "warning" for one in found)
    summary = {"files": len(arguments.files), "errors": errors, "warnings": warnings}
    if arguments.output == "json":
        output.say(json.dumps({"diagnostics": [_as_json(one) for one in found], "summary": summary}, indent=2))
    else:
        output.say("\n".join(_as_text(found, left_out, summary)))
    if errors:
        return 2
    return int(bool(warnings and arguments.strict))


def _as_json(one: Diagnostic) -> dict[str, Json]:
    return {
        "file": one.file,
        "line": one.place.line,
        "column": one.place.column,
        "path": dotted(one.path),
        "severity": one.severity,
        "found": one.found,
        "expected": one.expected,
        "nearest": one.nearest or None,
        "message": one.message,
    }


def _as_text(found: Iterable[Diagnostic], left_out: int, summary: dict[str, int]) -> Iterable[str]:
    for one in found:
        yield f"{clean(one.file)}:{one.place.line}:{one.place.column}: {one.severity}: {one.message}"
    if left_out:
        yield f"{left_out} more errors are not listed"
    yield ", ".join(f"{count} {name[:-1] if count == 1 else name}" for name, count in summary.items())


# --- show ------------------------------------------------------------------------------------------------------------


def _show(arguments: argparse.Namespace) -> int:
    policy, sources = BUILT_IN, {}
    if arguments.file:
        try:
            loaded = _read(arguments.file).loaded
        except PolicyError as error:
            raise output.UsageError(*error.lines) from error
        policy, sources = loaded.policy, dict(effective.sources(loaded, CATALOGUE.former))
    shown = effective.values(policy)
    if policy.acknowledge is None:
        shown["acknowledge"] = [rule.id for rule in CATALOGUE if rule.acknowledgeable]
    if arguments.output == "json":
        paths = effective.leaves(shown)
        origins = {dotted(path): sources.get(path, effective.BUILT_IN_ORIGIN) for path in paths}
        output.say(json.dumps({"policy": shown, "origins": origins}, indent=2))
    else:
        output.say("\n".join(effective.as_yaml(shown, sources)))
    return 0
