"""`cni-guard check`: the server's own pipeline on manifests."""

import argparse
from datetime import UTC, datetime

from webhook import files
from webhook.cni.identity import is_guarded
from webhook.commands import output
from webhook.commands.inputs import add_policy, guard_of
from webhook.documents import Unread
from webhook.model import Resource, Source, Verdict
from webhook.pipeline import Guard, decide
from webhook.report import as_json, text
from webhook.report.report import Counts, Report

_HELP = """\
Judge manifests as the admission webhook would: the same rules, the same policy, the same verdict.
Reads YAML (several documents, lists of any kind) and JSON; of a folder all *.yaml, *.yml and *.json,
hidden folders left out."""

_EXIT = """\
exit codes:
  0  no denial (with --fail-on warn: no warning either)
  1  denials (with --fail-on warn: or warnings)
  2  wrong usage, a broken policy, or an incomplete judgement: a file that was named here, or one in a
     folder that mentions aws-node, amazon-k8s-cni or ENIConfig, could not be read. It wins over 1.
Rules that could not be checked are shown and change no exit code.

-o json prints one object: findings (rule, level, introduced, message, file, line, column, path, resource),
skipped (rule, resource, reason), unread (file, reason, line, fatal) and summary (counts).

examples:
  cni-guard check manifests/
  helm template aws-vpc-cni eks/aws-vpc-cni | cni-guard check --policy policy.yaml -"""


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.description = _HELP
    parser.epilog = _EXIT
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file, a folder, or - for stdin")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format (default: text)")
    parser.add_argument("--fail-on", choices=("deny", "warn"), default="deny", help="exit 1 on (default: deny)")
    add_policy(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, judge, print."""
    guard = guard_of(arguments)
    reading = files.read(arguments.paths, output.stdin())
    report = judged(reading, guard, datetime.now(UTC))
    if arguments.output == "json":
        output.say(as_json.render(report))
    else:
        output.say(text.render(report, colours=output.has_colours(), width=output.width()))
    return exit_code(report, arguments.fail_on)


def judged(reading: files.Reading, guard: Guard, now: datetime) -> Report:
    """The verdict on each resource, with what was not read; an object that can not be judged counts as unread."""
    verdicts: list[Verdict] = []
    unread = list(reading.unread)
    for resource in reading.resources:
        try:
            verdicts.append(decide(resource, guard, now))
        except Exception as error:  # noqa: BLE001 - the webhook refuses such an object, and goes on
            unread.append(_not_judged(resource, error))
    guarded = sum(map(is_guarded, reading.resources))
    return Report.of(verdicts, tuple(unread), Counts(reading.files, reading.objects, guarded))


def _not_judged(resource: Resource, error: Exception) -> Unread:
    source = resource.source or Source("")
    reason = f"{resource} could not be judged, a fault of cni-guard, report it: {type(error).__name__}: {error}"
    return Unread(source.file, reason, source.position(()).line)


def exit_code(report: Report, fail_on: str) -> int:
    """0, 1 or 2, as the help says."""
    if report.unchecked:
        return 2
    refused = report.count("deny") + (report.count("warn") if fail_on == "warn" else 0)
    return 1 if refused else 0
