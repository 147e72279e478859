"""Keeps a snapshot file current."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from webhook.cluster.client import Client
from webhook.cluster.store import Store
from webhook.cluster.watch import Say, follow
from webhook.facts.files import write_file
from webhook.facts.snapshot import Snapshot, encode

FIRST_SECONDS = 60.0
"""How long the first snapshot waits for an answer about each kind."""

BETWEEN_SECONDS = 1.0
"""At least this long between two writes."""

WRITE_SECONDS = 30.0
"""At most this long between two writes, as long as the API server answers: the age shows that it does."""


def keep(client: Client, file: Path, say: Say) -> None:
    """Write the file whenever the facts change, and now and then so that it does not become old. Never returns."""
    store = Store(client.cluster)
    follow(client, store, say)
    store.wait_for_all(FIRST_SECONDS)
    write = Writer(file, say)
    while True:
        write.take(store)
        time.sleep(BETWEEN_SECONDS)
        store.wait_for_change(WRITE_SECONDS - BETWEEN_SECONDS)


class Writer:
    """Writes snapshots to a file; a failed write is said once, and tried again with the next snapshot."""

    def __init__(self, file: Path, say: Say, write: Callable[[Path, bytes], None] = write_file) -> None:
        self._file = file
        self._say = say
        self._write = write
        self._last = b""
        self._reason = ""

    def take(self, store: Store) -> None:
        """Write what the store knows; no error ends the process, since a pod is unready while a container is down."""
        try:
            self(store.snapshot(datetime.now(UTC)))
        except Exception as error:  # noqa: BLE001 - the webhook must stay ready
            self._complain(f"cannot write a snapshot: report this bug: {type(error).__name__}: {error}")

    def __call__(self, snapshot: Snapshot | None) -> None:
        """Write the snapshot, unless it is the one that was written last."""
        content = b"" if snapshot is None else encode(snapshot)
        if not content or content == self._last:
            return
        try:
            self._write(self._file, content)
        except OSError as error:
            self._complain(f"{self._file}: {error.strerror or error}")
        else:
            self._last, self._reason = content, ""

    def _complain(self, reason: str) -> None:
        if reason != self._reason:
            self._say(reason)
        self._reason = reason
