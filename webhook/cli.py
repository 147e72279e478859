"""The command line. Each command is a module in `commands`.

Only the command that runs is imported: `cni-guard version` must not wait for the import of a web server.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from webhook.commands import output

COMMANDS = {
    "check": "evaluate manifests: files, directories, or - for stdin",
    "review": "answer recorded AdmissionReviews as the webhook would",
    "policy": "check a policy file, or show the policy in force",
    "facts": "read the facts of a cluster that rules need, once or continuously",
    "rules": "list the rules",
    "explain": "explain a rule, with a bad and a good example",
    "serve": "serve the admission webhook",
    "completion": "print a shell completion script",
    "version": "show the version",
}

USAGE = 2
"""Exit code: wrong usage, or an input that had to be evaluated is unread."""

_INTERRUPTED = 130
_PIPE_CLOSED = 141
"""128 plus the signal number of SIGPIPE, as shells report it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        The exit code.
    """
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
        for line in error.lines:
            output.complain(line)
        return USAGE
    except SystemExit as end:
        # argparse exits with 0 after --help, and with 2 after a usage error.
        return end.code if isinstance(end.code, int) else USAGE
    return code


def command_line(called: str | None = None) -> argparse.ArgumentParser:
    """The parser, with the names of all commands and the flags of one: the one called, or of all for ``"*"``."""
    parser = argparse.ArgumentParser(
        prog="cni-guard",
        description="Guardrails for the Amazon VPC CNI on EKS: DaemonSet aws-node and ENIConfigs.",
        epilog="Run `cni-guard COMMAND --help` to show the flags of a command.",
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
    """``--version``: prints what `cni-guard version` prints."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        import_module("webhook.commands.version").run(namespace)
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
