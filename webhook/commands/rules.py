"""`cni-guard rules`."""

import argparse

from webhook.commands.output import say
from webhook.rules import CATALOGUE, page


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.description = "List the rules: id, the highest level that it gives, what it is about."
    parser.add_argument("--markdown", action="store_true", help="the whole page, with reasons and examples")


def run(arguments: argparse.Namespace) -> int:
    """Print the list, or the page."""
    if arguments.markdown:
        say(page.markdown(CATALOGUE).rstrip("\n"))
        return 0
    longest = max(len(rule.id) for rule in CATALOGUE)
    for rule in CATALOGUE:
        say(f"{rule.id:{longest}}  {rule.level:4}  {rule.title}")
    return 0
