"""`cni-guard version`."""

import argparse

import webhook
from webhook.cni.tables import KNOWN
from webhook.commands.output import say


def add(parser: argparse.ArgumentParser) -> None:
    """No flags."""
    parser.description = "Show the version, and the newest release of the VPC CNI that the rules know."


def run(_: argparse.Namespace) -> int:
    """Print one line."""
    say(f"cni-guard {webhook.__version__} (knows the Amazon VPC CNI up to {KNOWN.newest})")
    return 0
