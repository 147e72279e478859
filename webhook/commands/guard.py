"""The flag `--policy`, shared by several commands, and the guard that it configures."""

import argparse
import os

from webhook import inputs
from webhook.commands.output import UsageError, complain
from webhook.engine.pipeline import Guard
from webhook.policy import BUILT_IN, Policy, PolicyError, read
from webhook.rules import CATALOGUE

_POLICY = "CNI_GUARD_POLICY"


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--policy`."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        default=os.environ.get(_POLICY) or None,
        help=f"policy file, YAML (default: the built-in policy) [{_POLICY}]",
    )


def guard_of(arguments: argparse.Namespace) -> Guard:
    """The guard that the server would run with this policy.

    Unlike the server, a command does not fall back to the built-in policy.

    Raises:
        UsageError: The policy does not load.
    """
    return Guard(_policy(arguments.policy) if arguments.policy else BUILT_IN, CATALOGUE)


def _policy(file: str) -> Policy:
    name = inputs.name_of(file)
    try:
        loaded = read(inputs.decode(inputs.content(file, None)), name, CATALOGUE.ids, CATALOGUE.former)
    except inputs.UnreadableError as error:
        reason = f"--policy {name}: {error.reason}"
        raise UsageError(reason) from error
    except PolicyError as error:
        reason = f"--policy {error}"
        raise UsageError(reason) from error
    for warning in loaded.warnings:
        complain(f"--policy {warning}")
    return loaded.policy
