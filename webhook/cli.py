"""The command line: which commands there are. What each does stands in its own file in `commands`.

Only the command that is called is imported: `cni-guard version` must not wait for a web server.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from webhook.commands import output

COMMANDS = {
    "check": "judge manifests: files, folders, or - for stdin",
    "review": "answer recorded AdmissionReviews as the webhook would",
    "rules": "list the rules",
    "explain": "say what a rule is about, with a bad and a good example",
    "serve": "serve the admission webhook",
    "version": "show the version",
}

USAGE = 2
"""Exit code: wrong usage, or something that had to be checked and could not be."""

_INTERRUPTED = 130
_PIPE_CLOSED = 141
"""128 and the number of the signal, as shells report it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    output.prepare()
    try:
        code = _run(arguments)
        output.flush()
    except KeyboardInterrupt:
        output.abandon()
        return _INTERRUPTED
    except BrokenPipeError:
        output.abandon()
        return _PIPE_CLOSED
    except OSError as error:
        output.abandon()
        output.complain(f"{error.filename or 'output'}: {error.strerror or error}")
        return USAGE
    return code


def _run(arguments: list[str]) -> int:
    try:
        parsed = _parser(arguments).parse_args(arguments)
        code: int = parsed.run(parsed)
    except output.UsageError as error:
        output.complain(str(error))
        return USAGE
    except SystemExit as end:
        # argparse: 0 after --help, 2 after its own complaint.
        return end.code if isinstance(end.code, int) else USAGE
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser: all commands by name, the flags of the one that is called."""
    parser = argparse.ArgumentParser(
        prog="cni-guard",
        description="Guard the Amazon VPC CNI: its DaemonSet aws-node and its ENIConfigs.",
        epilog="`cni-guard COMMAND --help` shows a command's flags.",
        allow_abbrev=False,
    )
    called = next((word for word in arguments if not word.startswith("-")), None)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == called:
            module = import_module(f"webhook.commands.{name}")
            module.add(command)
            command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
