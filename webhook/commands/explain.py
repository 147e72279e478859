"""`cni-guard explain RULE`."""

import argparse
import json

from webhook.commands.output import UsageError, say, width
from webhook.reference import entry, text
from webhook.rules import CATALOGUE
from webhook.similar import nearest


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Explain a rule: why it exists, changes that it rejects with the message and the remedy, changes that it "
        "allows, and a link. JSON has all examples, text the first two of each kind."
    )
    parser.add_argument("rule", metavar="RULE", help="the ID of the rule, such as IPT-001 (case-insensitive)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation.

    Raises:
        UsageError: There is no such rule.
    """
    rule = CATALOGUE.get(arguments.rule)
    if rule is None:
        near = nearest(arguments.rule.upper(), CATALOGUE.ids, most=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`cni-guard rules` lists all rules"
        reason = f"there is no rule {arguments.rule}: {hint}"
        raise UsageError(reason)
    found = entry.entry(rule, CATALOGUE)
    if arguments.output == "json":
        say(json.dumps(entry.as_json(found), indent=2))
    else:
        say(text.explain(found, width()))
    return 0
