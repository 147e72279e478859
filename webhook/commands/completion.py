"""`cni-guard completion SHELL`."""

import argparse

import shtab

from webhook.commands.output import say

_EXAMPLES = """\
examples:
  cni-guard completion bash > /etc/bash_completion.d/cni-guard
  cni-guard completion zsh > "${fpath[1]}/_cni-guard\""""


def add(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.description = "Print the completion script of a shell."
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="the shell that reads the script")


def run(arguments: argparse.Namespace) -> int:
    """Print the script, made from the flags of all commands."""
    say(shtab.complete(arguments.command_line("*"), arguments.shell))
    return 0
