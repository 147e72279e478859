"""The flags `--policy` and `--facts`, shared by several commands, and the guard that they configure."""

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from webhook import inputs
from webhook.commands.output import UsageError, complain
from webhook.engine.pipeline import Guard
from webhook.facts import NOTHING_KNOWN, Facts
from webhook.facts.files import read_file
from webhook.facts.snapshot import SnapshotError
from webhook.policy import BUILT_IN, Policy, PolicyError
from webhook.policycheck import read
from webhook.rules import CATALOGUE

POLICY_VARIABLE = "CNI_GUARD_POLICY"
_FACTS = "CNI_GUARD_FACTS"


def add_guard(parser: argparse.ArgumentParser) -> None:
    """Add the flags `--policy` and `--facts`."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        default=os.environ.get(POLICY_VARIABLE) or None,
        help=f"policy file, YAML (default: the built-in policy) [{POLICY_VARIABLE}]",
    )
    parser.add_argument(
        "--facts",
        metavar="FILE",
        default=os.environ.get(_FACTS) or None,
        help="snapshot of the cluster, written by `cni-guard facts` (default: rules that need one are skipped) "
        f"[{_FACTS}]",
    )


def guard_of(arguments: argparse.Namespace) -> Guard:
    """The guard that the server would run with this policy and these facts.

    Unlike the server, a command does not fall back to the built-in policy, and uses a snapshot of any age.

    Raises:
        UsageError: The policy or the snapshot does not load.
    """
    facts = _facts(arguments.facts, datetime.now(UTC)) if arguments.facts else NOTHING_KNOWN
    return Guard(_policy(arguments.policy) if arguments.policy else BUILT_IN, CATALOGUE, facts)


def _facts(file: str, now: datetime) -> Facts:
    try:
        snapshot = read_file(Path(file), now)
    except SnapshotError as error:
        raise UsageError(f"--facts {file}: {error}") from error
    except OSError as error:
        raise UsageError(f"--facts {file}: {error.strerror or error}") from error
    if snapshot.is_stale(now):
        age = _in_words(snapshot.age(now))
        complain(f"--facts {file}: the snapshot is {age} old; the webhook would not use it")
    return snapshot.facts()


def _in_words(age: timedelta) -> str:
    """An age in its largest unit: ``3 hours``."""
    minutes = int(age.total_seconds() // 60)
    for unit, size in (("days", 24 * 60), ("hours", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"


def _policy(file: str) -> Policy:
    name = inputs.name_of(file)
    try:
        checked = read(inputs.decode(inputs.content(file, None)), name, CATALOGUE, datetime.now(UTC))
    except inputs.UnreadableError as error:
        reason = f"--policy {name}: {error.reason}"
        raise UsageError(reason) from error
    except PolicyError as error:
        raise UsageError(*(f"--policy {line}" for line in error.lines)) from error
    for warning in checked.warnings:
        complain(f"--policy {warning}")
    return checked.loaded.policy
