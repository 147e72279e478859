"""`cni-guard rules`."""

import argparse
import json

from webhook.commands.output import say
from webhook.reference import entry, markdown, text
from webhook.rules import CATALOGUE


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.description = "List the rules by family: ID, highest level, title."
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "--markdown", action="store_true", help="print the full rules page in Markdown, with reasons and examples"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the list or the page."""
    if arguments.markdown:
        say(markdown.page(CATALOGUE).rstrip("\n"))
    elif arguments.output == "json":
        say(json.dumps([entry.as_row(rule) for rule in CATALOGUE], indent=2))
    else:
        say(text.index(CATALOGUE))
    return 0
