"""Follows one kind forever: a list, then watches; whatever breaks is tried again after a pause."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from webhook.cluster.client import Client
from webhook.cluster.errors import ApiError, StatusError, UnreachableError
from webhook.cluster.listing import events, fetch, kubernetes
from webhook.cluster.reads import READS, Read
from webhook.cluster.store import Store

_RANDOM = random.SystemRandom()

WATCH_SECONDS = 40
"""A watch is opened again after this long: only then is it known that nothing was missed on a dead connection."""

POLL_SECONDS = 40
"""What cannot be watched is asked for this often."""

REFUSED_SECONDS = 60.0
"""A right is missing when it is refused for this long; until then, what was read before stays."""

LONGEST_PAUSE = 30.0
_FIRST_PAUSE = 0.5

Say = Callable[[str], None]


class Pauses:
    """Pauses that double with each failure in a row, up to `LONGEST_PAUSE`, with jitter."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._next = _FIRST_PAUSE

    def reset(self) -> None:
        """Begin with short pauses again: something worked."""
        self._next = _FIRST_PAUSE

    def take(self, at_least: float = 0.0) -> None:
        """Sleep; `at_least` is what the server asks for."""
        self._sleep(min(max(self._next * _RANDOM.uniform(0.5, 1), at_least), LONGEST_PAUSE))
        self._next = min(2 * self._next, LONGEST_PAUSE)


@dataclass
class Troubles:
    """Says each trouble once, whatever the number of kinds that have it, and when all are over."""

    say: Say
    _current: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self, what: str, reason: str) -> None:
        """Say a reason, unless it is known."""
        with self._lock:
            known = reason in self._current.values()
            self._current[what] = reason
        if not known:
            self.say(reason)

    def over(self, what: str) -> None:
        """Note that it works."""
        with self._lock:
            if self._current.pop(what, None) is None or self._current:
                return
        self.say("all facts are read again")


class Follower:
    """Keeps one kind in the store current."""

    def __init__(self, client: Client, read: Read, store: Store, troubles: Troubles) -> None:
        self._client = client
        self._read = read
        self._store = store
        self._troubles = troubles
        self._pauses = Pauses()
        self._refused_since: dict[str, float] = {}

    def run(self) -> None:
        """Follow the kind forever."""
        while True:
            self.turn()

    def turn(self) -> None:
        """List, and watch until a new list is necessary; whatever fails, pause."""
        verb = "list"
        try:
            listing = fetch(self._client, self._read)
            self._store.replace(self._read, listing.items)
            if self._read.only_one or not listing.version:
                self._works()
                time.sleep(POLL_SECONDS * _RANDOM.uniform(0.8, 1))
                return
            verb = "watch"
            self._watch(listing.version)
        except StatusError as error:
            self._error(error, verb)
        except ApiError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - no answer of a server may end the watch
            self._failed(f"reading {self._read.called} failed: report this bug: {type(error).__name__}: {error}")

    def _watch(self, version: str) -> None:
        """Watch from a version on; a connection that breaks is opened again where it broke.

        Raises:
            StatusError: A new list is necessary, usually because the version is too old.
        """
        while True:
            started = time.monotonic()
            try:
                for event in events(self._client, self._read, version, _jittered(WATCH_SECONDS)):
                    self._store.put(self._read, event.key, event.value)
                    version = event.version or version
                    self._works()
            except UnreachableError as error:
                self._failed(str(error))
                continue
            self._store.confirm(self._read)
            self._works()
            if time.monotonic() - started < 1:
                self._pauses.take()

    def _works(self) -> None:
        self._refused_since.clear()
        self._pauses.reset()
        self._troubles.over(self._read.called)

    def _error(self, error: StatusError, verb: str) -> None:
        if error.is_forbidden:
            self._refused(verb)
        elif error.is_gone:
            self._pauses.take()
        else:
            self._failed(str(error), error.retry_after)

    def _refused(self, verb: str) -> None:
        """A right is missing, or seems to: an API server that starts forbids everything until it has read the roles."""
        now = time.monotonic()
        is_lasting = now - self._refused_since.setdefault(verb, now) >= REFUSED_SECONDS
        if verb == "list" and (is_lasting or not self._store.knows(self._read)):
            self._store.forget(self._read)
            self._troubles.report(self._read.called, self._read.lacking(verb))
        elif is_lasting:
            reason = f"forbidden to {self._read.right(verb)}, so the snapshot is late: grant this right"
            self._troubles.report(self._read.called, reason)
        self._pauses.take()

    def _failed(self, reason: str, retry_after: float = 0.0) -> None:
        self._troubles.report(self._read.called, reason)
        self._pauses.take(retry_after)


def follow(client: Client, store: Store, say: Say) -> None:
    """Follow everything, each kind in a thread of its own that ends with the process."""
    troubles = Troubles(say)
    for read in READS:
        follower = Follower(client, read, store, troubles)
        threading.Thread(target=follower.run, name=read.plural, daemon=True).start()
    threading.Thread(target=_follow_version, args=(client, store, troubles), name="version", daemon=True).start()


def _follow_version(client: Client, store: Store, troubles: Troubles) -> None:
    pauses = Pauses()
    while True:
        try:
            store.set_kubernetes(kubernetes(client))
        except ApiError as error:
            troubles.report("the version", str(error))
            pauses.take()
        else:
            troubles.over("the version")
            pauses.reset()
            time.sleep(_jittered(POLL_SECONDS))


def _jittered(seconds: int) -> int:
    return round(seconds * _RANDOM.uniform(0.8, 1))
