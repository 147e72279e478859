"""`cni-guard check`: evaluates manifests with the pipeline of the webhook."""

import argparse
from datetime import UTC, datetime

from webhook import inputs
from webhook.commands import output
from webhook.commands.guard import add_guard, guard_of
from webhook.documents import Unread
from webhook.engine.pipeline import Guard, foresee
from webhook.model import Change, Level, Source, Verdict
from webhook.report.formats import DEFAULT, FORMATS
from webhook.report.layout import Layout
from webhook.report.report import Counts, Report

_HELP = """\
Evaluate manifests as the admission webhook would, with the same rules and the same policy.
Reads YAML (several documents, lists of any kind) and JSON. In a directory it reads all *.yaml, *.yml and
*.json files and files named Kustomization, except in hidden directories."""

_EXIT = """\
exit codes:
  0  no denials (with --fail-on warn: no warnings either)
  1  denials (with --fail-on warn: or warnings). A fault that is certain to break aws-node counts as a denial
     even if the webhook would add the default that fixes it: a cluster may run without the webhook
  2  wrong usage, a broken policy, or an input that had to be evaluated is unread; takes precedence over 1
A policy in mode observe denies nothing, so the exit code is 0 or 2; the summary says what would be denied.
--fail-on deny then exits with 1 if mode enforce would deny, and --fail-on warn if there is any finding.

unread, exit code 2:
  - a manifest (*.yaml, *.yml, *.json) named on the command line that is missing or broken; stdin without a manifest
  - a file, named or in a directory, that mentions aws-node, its images, ENIConfig or a CNI setting, and is
    broken, a template, a kustomization that sets more than patches, or not a Kubernetes object
  - a kustomize patch that no kustomization.yaml of the run lists
The message says how to render it: Helm, kOps, Terraform, envsubst, kustomize.

These do not affect the exit code: files of other programs, files that are empty or only have comments,
patches that a kustomization.yaml of the run lists (reported in one line), and rules that are skipped because
a cluster fact or a value that they need is unknown (-v lists them).

-o json prints one object: findings (rule, level, enforced, certain, introduced, message, file, line, column,
path, object), skipped (rule, object, reason), unread (file, reason, line, fatal), kustomizations (file,
line, patches, command) and summary (mode and counts). enforced is the level of the finding in mode enforce.

examples:
  cni-guard check manifests/
  helm template aws-vpc-cni eks/aws-vpc-cni | cni-guard check --policy policy.yaml -
  kubectl kustomize overlays/prod | cni-guard check -"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.description = _HELP
    parser.epilog = _EXIT
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file, a directory, or - for stdin")
    parser.add_argument(
        "-o", "--output", choices=tuple(FORMATS), default=DEFAULT, help=f"output format (default: {DEFAULT})"
    )
    parser.add_argument(
        "--fail-on",
        choices=("deny", "warn"),
        help="lowest level that exits with 1 (default: deny; in mode observe, none)",
    )
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument(
        "-q",
        "--quiet",
        dest="detail",
        action="store_const",
        const="quiet",
        help="print only findings and unread files that affect the exit code",
    )
    detail.add_argument(
        "-v",
        "--verbose",
        dest="detail",
        action="store_const",
        const="verbose",
        help="also list skipped rules, and unread files that are not an error",
    )
    parser.set_defaults(detail="normal")
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="when to color the output (default: auto)"
    )
    add_guard(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate the files and print the report."""
    guard = guard_of(arguments)
    reading = inputs.read(arguments.paths, output.stdin())
    report = judged(reading, guard, datetime.now(UTC))
    if text := FORMATS[arguments.output](report, _layout(arguments)):
        output.say(text)
    return exit_code(report, arguments.fail_on)


def _layout(arguments: argparse.Namespace) -> Layout:
    return Layout(
        colors=output.has_colors(arguments.color),
        width=output.width(),
        detail=arguments.detail,
        fail_on=arguments.fail_on,
    )


def judged(reading: inputs.Inputs, guard: Guard, now: datetime) -> Report:
    """Evaluate each change; one that fails to evaluate is reported as unread."""
    verdicts: list[Verdict] = []
    unread = list(reading.unread)
    for change in reading.changes:
        try:
            verdicts.append(foresee(change, guard, now))
        except Exception as error:  # noqa: BLE001 - the webhook denies such an object and continues
            unread.append(_not_judged(change, error))
    guarded = sum(change.target is not None for change in reading.changes)
    counts = Counts(reading.files, reading.objects, guarded)
    return Report.of(verdicts, tuple(unread), counts, reading.builds, guard.policy.mode)


def _not_judged(change: Change, error: Exception) -> Unread:
    source = change.source or Source("")
    reason = f"cni-guard failed to evaluate {change}: report this bug: {type(error).__name__}: {error}"
    return Unread(source.file, reason, source.position(()).line)


def exit_code(report: Report, fail_on: Level | None) -> int:
    """The exit code: 0, 1 or 2, as documented in the help."""
    if report.fatal:
        return 2
    return 1 if report.failing(fail_on) else 0
