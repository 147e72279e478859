"""`cni-guard review`: answers recorded AdmissionReviews as the endpoints of the webhook would."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from webhook import inputs
from webhook.commands import output
from webhook.commands.guard import add_guard, guard_of
from webhook.review.answer import Answer, answer

_HELP = """\
Answer recorded AdmissionReviews as the webhook would, to reproduce a decision. Prints one JSON response per
line, in order. A file contains one review, or one per line (JSON Lines)."""

_EXIT = """\
exit codes:
  0  all reviews were answered, allowed or denied
  2  wrong usage, or an input that cannot be read or is not a review; the others are still answered"""

_OK = 200


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.description = _HELP
    parser.epilog = _EXIT
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file, or - for stdin")
    parser.add_argument(
        "--endpoint",
        choices=("validate", "mutate"),
        default="validate",
        help="the endpoint that answers (default: validate)",
    )
    add_guard(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer each review; the exit code is 2 if one of them was not answered."""
    guard = guard_of(arguments)
    code = 0
    for file in arguments.files:
        name = inputs.name_of(file)
        try:
            bodies = list(_bodies(inputs.content(file, output.stdin())))
        except inputs.UnreadableError as error:
            output.complain(f"{name}: {error.reason}")
            code = 2
            continue
        for line, body in bodies:
            given = answer(arguments.endpoint, body, guard, datetime.now(UTC))
            if given.status == _OK:
                output.say(given.body.decode())
            else:
                output.complain(f"{name}:{line}: {_reason(given)}")
                code = 2
    return code


def _bodies(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The reviews of a file with their line numbers; JSON Lines if the first line is complete JSON."""
    lines = content.split(b"\n")
    first = next((line for line in lines if line.strip()), b"")
    if not _is_json(first):
        yield 1, content
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _reason(given: Answer) -> str:
    return f"not answered: HTTP {given.status}: {given.reason}"
