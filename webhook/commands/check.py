"""`cni-guard check`: the server's own pipeline on manifests."""

import argparse
from datetime import UTC, datetime

from webhook import files
from webhook.cni.identity import is_guarded
from webhook.commands import output
from webhook.commands.inputs import add_policy, guard_of
from webhook.documents import Unread
from webhook.model import Level, Resource, Source, Verdict
from webhook.pipeline import Guard, foresee
from webhook.report import as_json, text
from webhook.report.report import Counts, Report

_HELP = """\
Evaluate manifests as the admission webhook would: the same rules and the same policy.
Reads YAML (several documents, lists of any kind) and JSON; of a folder all *.yaml, *.yml and *.json and
files named Kustomization, without hidden folders."""

_EXIT = """\
exit codes:
  0  no denial (with --fail-on warn: no warning either)
  1  denials (with --fail-on warn: or warnings), and faults that are certain to break aws-node even where the
     webhook would add the default that cures them: a cluster may run without the webhook
  2  wrong usage, a broken policy, or an input that had to be evaluated and was not. It wins over 1
A policy in mode observe denies nothing, so the exit code is 0 or 2 there; the summary names what would be
denied. With --fail-on deny it is 1 where mode enforce would deny, with --fail-on warn for any finding.

unread, exit code 2:
  - a file that is named here and is missing or broken; stdin without a manifest
  - a file, named or in a folder, that mentions aws-node, its images, ENIConfig or a setting of the CNI, and is
    broken, a template, a kustomization that sets more than patches, or not a Kubernetes object
  - a kustomize patch that no kustomization.yaml of the run lists
Each message says how to render it: Helm, kOps, Terraform, envsubst, kustomize. Files of other programs, empty
files and files of comments change no exit code; neither do patches that a kustomization.yaml of the run lists,
which are one line.
A rule is skipped where a cluster fact or a value that it needs is unknown. That changes no exit code; -v lists them.

-o json prints one object: findings (rule, level, enforced, certain, introduced, message, file, line, column,
path, resource), skipped (rule, resource, reason), unread (file, reason, line, fatal), kustomizations (file,
line, patches, command) and summary (mode and counts). enforced is the level in mode enforce.

examples:
  cni-guard check manifests/
  helm template aws-vpc-cni eks/aws-vpc-cni | cni-guard check --policy policy.yaml -
  kubectl kustomize overlays/prod | cni-guard check -"""


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.description = _HELP
    parser.epilog = _EXIT
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file, a folder, or - for stdin")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="format (default: text)")
    parser.add_argument(
        "--fail-on", choices=("deny", "warn"), help="exit 1 on (default: deny; in mode observe neither)"
    )
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument(
        "-q", "--quiet", dest="detail", action="store_const", const="quiet", help="print only what the exit code is for"
    )
    detail.add_argument(
        "-v", "--verbose", dest="detail", action="store_const", const="verbose",
        help="list skipped rules and harmless unread files",
    )  # fmt: skip
    parser.set_defaults(detail="normal")
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="color the text (default: auto)"
    )
    add_policy(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, evaluate, print."""
    guard = guard_of(arguments)
    reading = files.read(arguments.paths, output.stdin())
    report = judged(reading, guard, datetime.now(UTC))
    if arguments.output == "json":
        output.say(as_json.render(report))
    else:
        colors, width = output.has_colors(arguments.color), output.width()
        if arguments.detail == "quiet":
            for block in text.failing(report, arguments.fail_on, colors=colors, width=width):
                output.say(block)
        else:
            output.say(text.render(report, colors=colors, width=width, verbose=arguments.detail == "verbose"))
    return exit_code(report, arguments.fail_on)


def judged(reading: files.Reading, guard: Guard, now: datetime) -> Report:
    """The verdict on each resource, with what was not read; an object that cannot be evaluated counts as unread."""
    verdicts: list[Verdict] = []
    unread = list(reading.unread)
    for resource in reading.resources:
        try:
            verdicts.append(foresee(resource, guard, now))
        except Exception as error:  # noqa: BLE001 - the webhook refuses such an object, and goes on
            unread.append(_not_judged(resource, error))
    guarded = sum(map(is_guarded, reading.resources))
    counts = Counts(reading.files, reading.objects, guarded)
    return Report.of(verdicts, tuple(unread), counts, reading.builds, guard.policy.mode)


def _not_judged(resource: Resource, error: Exception) -> Unread:
    source = resource.source or Source("")
    reason = f"{resource} could not be evaluated, a fault of cni-guard, report it: {type(error).__name__}: {error}"
    return Unread(source.file, reason, source.position(()).line)


def exit_code(report: Report, fail_on: Level | None) -> int:
    """0, 1 or 2, as the help says."""
    if report.fatal:
        return 2
    return 1 if report.failing(fail_on) else 0
