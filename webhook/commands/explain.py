"""`cni-guard explain RULE`."""

import argparse

from webhook.catalogue import page
from webhook.commands.output import UsageError, say
from webhook.rules import CATALOGUE
from webhook.similar import nearest


def add(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.description = "Explain a rule: the reason for it, a bad and a good example, and a link."
    parser.add_argument("rule", metavar="RULE", help="the ID of the rule, such as IPT-001 (case-insensitive)")


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
    say(page.explain(rule).rstrip("\n"))
    return 0
