"""`cni-guard version`."""

import argparse

import webhook
from webhook.cni.tables import KNOWN
from webhook.commands.output import say


def add(parser: argparse.ArgumentParser) -> None:
    """Add the description; there are no flags."""
    parser.description = "Show the version, and the newest Amazon VPC CNI release that it knows."


def run(_: argparse.Namespace) -> int:
    """Print the versions on one line."""
    say(f"cni-guard {webhook.__version__} (knows the Amazon VPC CNI up to {KNOWN.newest})")
    return 0
