"""The command line: which commands there are. What each does stands in its own file in `commands`.

Only the command that is called is imported: `cni-guard version` must not wait for a web server.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from webhook.commands import output

COMMANDS = {
    "check": "evaluate manifests: files, folders, or - for stdin",
    "review": "answer recorded AdmissionReviews as the webhook would",
    "rules": "list the rules",
    "explain": "explain a rule, with a bad and a good example",
    "serve": "serve the admission webhook",
    "completion": "print the completion script of a shell",
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
        parser = command_line(next((word for word in arguments if not word.startswith("-")), None))
        if not arguments:
            output.say(parser.format_help().rstrip())
            return USAGE
        parsed = parser.parse_args(arguments)
        code: int = parsed.run(parsed)
    except output.UsageError as error:
        output.complain(str(error))
        return USAGE
    except SystemExit as end:
        # argparse: 0 after --help, 2 after its own complaint.
        return end.code if isinstance(end.code, int) else USAGE
    return code


def command_line(called: str | None = None) -> argparse.ArgumentParser:
    """The parser: all commands by name, and the flags of the one that is called, or of ``"*"`` all."""
    parser = argparse.ArgumentParser(
        prog="cni-guard",
        description="Guardrails for the Amazon VPC CNI on EKS: DaemonSet aws-node and ENIConfigs.",
        epilog="`cni-guard COMMAND --help` shows a command's flags.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if called in {name, "*"}:
            module = import_module(f"webhook.commands.{name}")
            module.add(command)
            command.set_defaults(run=module.run, command_line=command_line)
    return parser


class _ShowVersion(argparse.Action):
    """``--version``, as the command prints it."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        import_module("webhook.commands.version").run(namespace)
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
