"""`cni-guard explain RULE`."""

import argparse
import difflib

from webhook.commands.output import UsageError, say
from webhook.rules import CATALOGUE, page


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    parser.description = "Say what a rule is about: why, a bad and a good example, the link."
    parser.add_argument("rule", metavar="RULE", help="its id, such as IPT-001, in any case")


def run(arguments: argparse.Namespace) -> int:
    """Print the rule's page."""
    rule = CATALOGUE.get(arguments.rule)
    if rule is None:
        near = difflib.get_close_matches(arguments.rule.upper(), sorted(CATALOGUE.ids), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "`cni-guard rules` lists them"
        reason = f"there is no rule {arguments.rule}: {hint}"
        raise UsageError(reason)
    say(page.explain(rule).rstrip("\n"))
    return 0
