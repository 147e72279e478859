"""Reads all facts once."""

from datetime import UTC, datetime

from webhook.cluster.client import Client
from webhook.cluster.errors import StatusError
from webhook.cluster.known import Objects, facts
from webhook.cluster.listing import fetch, kubernetes
from webhook.cluster.reads import READS, Read
from webhook.facts.snapshot import Snapshot

Warnings = tuple[str, ...]


def take(client: Client) -> tuple[Snapshot, Warnings]:
    """Read everything that may be read, and say what is left out because a right is missing.

    Raises:
        ApiError: The API server cannot be read.
    """
    taken = datetime.now(UTC)
    known: dict[Read, Objects] = {}
    warnings: list[str] = []
    for read in READS:
        try:
            known[read] = fetch(client, read).items
        except StatusError as error:
            if not error.is_forbidden:
                raise
            warnings.append(read.lacking("list"))
    return Snapshot.of(facts(known, _version(client, warnings), taken), taken, client.cluster), tuple(warnings)


def _version(client: Client, warnings: list[str]) -> tuple[int, int] | None:
    try:
        return kubernetes(client)
    except StatusError as error:
        if not error.is_forbidden:
            raise
        warnings.append("forbidden to get /version, so the snapshot lacks the Kubernetes version: grant this right")
        return None
