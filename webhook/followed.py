"""The snapshot file that the server uses, read again when it changes."""

import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

from webhook.facts import NOTHING_KNOWN, Facts
from webhook.facts.files import read_file
from webhook.facts.snapshot import Snapshot, SnapshotError

LOG = logging.getLogger("cni_guard")

_SHARE = 50
"""A read that takes a while is not repeated for this many times as long: while it lasts, nothing is answered."""

_Stamp = tuple[int, int, int]
"""What tells one content of the file from another: modification time, inode and size."""


class FollowedFacts:
    """The facts of the snapshot file; none while it does not load or is too old."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshot: Snapshot | None = None
        self.refusal = "not read yet"
        """Why there is no snapshot; empty if there is one."""
        self.facts = NOTHING_KNOWN
        """The facts to use now."""
        self._known: Facts = NOTHING_KNOWN
        self._stamp: _Stamp | None = None
        self._not_before = 0.0
        self._was_stale = False

    def look(self, now: datetime) -> None:
        """Read the file if it changed, and drop facts that are too old."""
        if time.monotonic() >= self._not_before:
            self._read(now)
        is_stale = self.snapshot is not None and self.snapshot.is_stale(now)
        if is_stale and not self._was_stale:
            LOG.warning({"message": "facts are too old and no longer used", "file": str(self.path)})
        self._was_stale = is_stale
        self.facts = NOTHING_KNOWN if is_stale else self._known

    def age(self, now: datetime) -> timedelta | None:
        """The age of the snapshot; None if there is none."""
        return None if self.snapshot is None else self.snapshot.age(now)

    def _read(self, now: datetime) -> None:
        started = time.monotonic()
        try:
            found = self.path.stat()
            stamp = found.st_mtime_ns, found.st_ino, found.st_size
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._take(read_file(self.path, now))
        except OSError as error:
            self._stamp = None
            self._refuse(error.strerror or str(error))
        except SnapshotError as error:
            self._refuse(str(error))
        ended = time.monotonic()
        self._not_before = ended + _SHARE * (ended - started)

    def _take(self, snapshot: Snapshot) -> None:
        if self.refusal:
            LOG.info({"message": "facts loaded", "file": str(self.path), "taken": snapshot.taken.isoformat()})
        self.snapshot, self.refusal = snapshot, ""
        self._known = snapshot.facts()

    def _refuse(self, reason: str) -> None:
        if reason != self.refusal:
            LOG.warning({"message": "facts not loaded", "file": str(self.path), "reason": reason})
        self.snapshot, self.refusal = None, reason
        self._known = NOTHING_KNOWN
