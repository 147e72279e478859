"""What is known now. Watches put in what they see; the writer waits for changes."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from webhook.cluster.known import Objects, facts
from webhook.cluster.reads import READS, Read
from webhook.facts.snapshot import STALE_AFTER, Snapshot

LAPSE = STALE_AFTER - timedelta(minutes=2)
"""A kind that was not confirmed for this long is left out, so that it does not hold back the others."""


@dataclass(slots=True)
class _Entry:
    """The objects of one kind."""

    objects: dict[str, Any] | None = None
    """None if they are not known."""
    confirmed: datetime | None = None
    """When they were last known to be current."""
    tried: bool = False
    """Whether there was an answer, if only a refusal."""


@dataclass
class Store:
    """The objects of all kinds; safe for threads."""

    cluster: str = ""
    _entries: Mapping[Read, _Entry] = field(default_factory=lambda: {read: _Entry() for read in READS})
    _kubernetes: tuple[int, int] | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _dirty: bool = True

    def replace(self, read: Read, objects: Objects) -> None:
        """Take a whole list."""
        with self._changed:
            entry = self._entries[read]
            if entry.objects != objects:
                self._touch()
            entry.objects = dict(objects)
            self._confirm(entry)

    def put(self, read: Read, key: str, value: Any) -> None:
        """Take a change of one object; None removes it. A heartbeat changes nothing that is kept, and so no facts."""
        with self._changed:
            entry = self._entries[read]
            if entry.objects is not None and key and entry.objects.get(key) != value:
                if value is None:
                    del entry.objects[key]
                else:
                    entry.objects[key] = value
                self._touch()
            self._confirm(entry)

    def confirm(self, read: Read) -> None:
        """Note that the objects are current."""
        with self._changed:
            self._confirm(self._entries[read])

    def knows(self, read: Read) -> bool:
        """Whether the objects are known."""
        with self._changed:
            return self._entries[read].objects is not None

    def forget(self, read: Read) -> None:
        """Leave a kind out: it may not be read."""
        with self._changed:
            entry = self._entries[read]
            if entry.objects is not None:
                self._touch()
            entry.objects, entry.confirmed, entry.tried = None, None, True
            self._changed.notify_all()

    def set_kubernetes(self, version: tuple[int, int]) -> None:
        """Take the version of the API server."""
        with self._changed:
            if version != self._kubernetes:
                self._kubernetes = version
                self._touch()

    def wait_for_all(self, seconds: float) -> None:
        """Wait until there was an answer for each kind."""
        with self._changed:
            self._changed.wait_for(lambda: all(entry.tried for entry in self._entries.values()), seconds)

    def wait_for_change(self, seconds: float) -> bool:
        """Wait until the facts differ from those of the last snapshot; whether they do."""
        with self._changed:
            return self._changed.wait_for(lambda: self._dirty, seconds)

    def snapshot(self, now: datetime) -> Snapshot | None:
        """What is known; as old as what was confirmed least recently. None if nothing was confirmed lately."""
        with self._changed:
            self._dirty = False
            current = {
                read: entry
                for read, entry in self._entries.items()
                if entry.confirmed is not None and now - entry.confirmed < LAPSE
            }
            known = {read: dict(entry.objects) for read, entry in current.items() if entry.objects is not None}
            taken = min((entry.confirmed for entry in current.values() if entry.confirmed), default=None)
            version = self._kubernetes
        if taken is None:
            return None
        return Snapshot.of(facts(known, version, taken), taken, self.cluster)

    def _touch(self) -> None:
        self._dirty = True
        self._changed.notify_all()

    def _confirm(self, entry: _Entry) -> None:
        entry.tried = True
        entry.confirmed = datetime.now(UTC)
        self._changed.notify_all()
