"""`cni-guard rules`."""

import argparse

from webhook.catalogue import page
from webhook.commands.output import say
from webhook.rules import CATALOGUE


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.description = "List the rules: ID, highest level, title."
    parser.add_argument(
        "--markdown", action="store_true", help="print the full rules page in Markdown, with reasons and examples"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the list or the page."""
    if arguments.markdown:
        say(page.markdown(CATALOGUE).rstrip("\n"))
        return 0
    longest = max(len(rule.id) for rule in CATALOGUE)
    for rule in CATALOGUE:
        say(f"{rule.id:{longest}}  {rule.level:4}  {rule.title}")
    return 0
