"""`cni-guard review`: recorded AdmissionReviews, answered as the server's endpoints would answer them."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from webhook import files
from webhook.commands import output
from webhook.commands.inputs import add_policy, guard_of
from webhook.review.answer import Answer, answer

_HELP = """\
Answer recorded AdmissionReviews as the webhook would, to reproduce a decision: one JSON response a line,
in order. A file holds one review, or one a line (JSON lines)."""

_EXIT = """\
exit codes: 0 all were answered (allowed or not), 2 wrong usage, or a file that cannot be read or is not a
review; the others are answered all the same."""

_OK = 200


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.description = _HELP
    parser.epilog = _EXIT
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file, or - for stdin")
    parser.add_argument(
        "--endpoint", choices=("validate", "mutate"), default="validate", help="which of the two (default: validate)"
    )
    add_policy(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer each review; 2 if one could not be."""
    guard = guard_of(arguments)
    code = 0
    for file in arguments.files:
        name = files.name_of(file)
        try:
            bodies = list(_bodies(files.content(file, output.stdin())))
        except files.UnreadableError as error:
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
    """The reviews of a file with their lines: a first line that is JSON by itself means one a line."""
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
