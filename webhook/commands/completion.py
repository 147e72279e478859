"""`cni-guard completion SHELL`."""

import argparse

import shtab

from webhook.commands.output import say

_EXAMPLES = """\
examples:
  cni-guard completion bash > /etc/bash_completion.d/cni-guard
  cni-guard completion zsh > "${fpath[1]}/_cni-guard\""""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.description = "Print a shell completion script."
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="the shell to print the script for")


def run(arguments: argparse.Namespace) -> int:
    """Print the script, which completes the commands and their flags."""
    say(shtab.complete(arguments.command_line("*"), arguments.shell))
    return 0
