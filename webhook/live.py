"""What is served right now: policy and certificate, each replaced as a whole when the files behind it change."""

import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Literal, TypeVar

from webhook import policy, tls
from webhook.limits import EVALUATION_SECONDS
from webhook.metrics import Metrics
from webhook.pipeline import Guard
from webhook.policy import BUILT_IN, PolicyError
from webhook.rules import CATALOGUE

LOG = logging.getLogger("cni_guard")

LOOK_EVERY = 1.0
"""Seconds between two looks at the files."""

Source = Literal["file", "built-in", "last good"]
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `cni-guard serve` was told; handed to the worker process by environment variables."""

    bind: str
    files: tls.Files
    policy: Path | None = None

    def environment(self) -> dict[str, str]:
        """The variables that `from_environment` reads."""
        return {
            "CNI_GUARD_BIND": self.bind,
            "CNI_GUARD_TLS_CERT": str(self.files.certificate),
            "CNI_GUARD_TLS_KEY": str(self.files.key),
            "CNI_GUARD_POLICY": str(self.policy or ""),
        }

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """The settings that `cni-guard serve` handed over."""
        file = variables.get("CNI_GUARD_POLICY", "")
        pair = tls.Files(Path(variables["CNI_GUARD_TLS_CERT"]), Path(variables["CNI_GUARD_TLS_KEY"]))
        return cls(variables["CNI_GUARD_BIND"], pair, Path(file) if file else None)


class Watched(Generic[Content]):
    """Something on disk that is read again and again, and judged once for each content."""

    def __init__(
        self,
        read: Callable[[], Content],
        take: Callable[[Content], None],
        refuse: Callable[[str], None],
        judged: Content | None = None,
    ) -> None:
        self._read = read
        self._take = take
        self._refuse = refuse
        self._judged: Content | str | None = judged
        self._suspect: Content | str | None = None

    def look(self, *, patient: bool = True) -> None:
        """Take new content, or refuse it. Patient: only when two looks saw it, since a writer may be half done."""
        try:
            content: Content | str = self._read()
        except OSError as error:
            content = f"{error.filename}: {error.strerror}"
        if content == self._judged:
            return
        reason = self._refusal(content)
        if reason and patient and content != self._suspect:
            self._suspect = content
            return
        self._judged, self._suspect = content, None
        if reason:
            self._refuse(reason)

    def _refusal(self, content: Content | str) -> str:
        """Take the content; why it could not be taken, empty where it could."""
        if isinstance(content, str):
            return content
        try:
            self._take(content)
        except (PolicyError, tls.PairError) as error:
            return str(error)
        except Exception as error:
            # No file on disk, whatever is in it, may end the watch or the process.
            LOG.exception("a file could not be judged")
            return f"{type(error).__name__}: {error}"
        return ""


class Live:
    """The guard's state. A request reads `guard` once, so that each is decided by one policy, old or new."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.metrics = metrics
        self.draining = False
        self.certificate_refusal = ""
        self.policy_refusal = ""
        self.policy_warnings: tuple[str, ...] = ()
        """What the owner of the policy should change in it."""
        self.guard = Guard(BUILT_IN, CATALOGUE, budget=EVALUATION_SECONDS)
        self.source: Source = "built-in"
        self.loaded = datetime.now(UTC)
        self.metrics.policy_loaded(self.source, self.loaded)
        self._settings = settings
        first = settings.files.read()
        self.door = tls.Door(tls.load(first, settings.files))
        self._served(self.door.serving)
        self._pair = Watched(settings.files.read, self._take_pair, self._refuse_pair, first)
        self._file = Watched(self._read_policy, self._take_policy, self._refuse_policy)
        if settings.policy:
            self._file.look(patient=False)

    def look(self) -> None:
        """Look at the files once."""
        self._pair.look()
        if self._settings.policy:
            self._file.look()

    def watch(self) -> None:
        """Look at the files for ever, beside the requests (in the gevent worker a thread is a greenlet)."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            try:
                self.look()
            except Exception:
                LOG.exception("looking at certificate and policy failed; trying again")

    # The certificate

    def _take_pair(self, pair: tls.Pair) -> None:
        self.door.serving = tls.load(pair, self._settings.files)
        self.certificate_refusal = ""
        LOG.info({"message": "certificate renewed", "not_after": self.door.serving.not_after.isoformat()})
        self._served(self.door.serving)

    def _served(self, serving: tls.Serving) -> None:
        self.metrics.certificate_loaded(serving.not_after)
        if reason := serving.invalid_at(datetime.now(UTC)):
            LOG.error({"message": f"no client will accept the certificate: {reason}; renew it"})

    def _refuse_pair(self, reason: str) -> None:
        self.certificate_refusal = reason
        self.metrics.certificate_refused()
        LOG.error({"message": "certificate refused; the old one stays", "reason": reason})

    # The policy

    def _read_policy(self) -> bytes:
        assert self._settings.policy is not None  # noqa: S101 - looked at only where there is one
        return self._settings.policy.read_bytes()

    def _take_policy(self, content: bytes) -> None:
        file = str(self._settings.policy)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            reason = f"{file}: not UTF-8: {error.reason} at byte {error.start}"
            raise PolicyError(reason) from error
        loaded, self.policy_warnings = policy.read(text, file, CATALOGUE.ids, CATALOGUE.former)
        for warning in self.policy_warnings:
            LOG.warning({"message": "policy is outdated", "reason": warning})
        self.policy_refusal = ""
        self.guard = Guard(loaded, CATALOGUE, budget=EVALUATION_SECONDS)
        self.source = "file"
        self.loaded = datetime.now(UTC)
        self.metrics.policy_loaded(self.source, self.loaded)
        LOG.info({"message": "policy loaded", "file": file, "mode": loaded.mode})

    def _refuse_policy(self, reason: str) -> None:
        self.policy_refusal = reason
        if self.source == "built-in":
            notice = f"cni-guard runs on its built-in policy (mode {BUILT_IN.mode}): {reason}"
            self.guard = Guard(BUILT_IN, CATALOGUE, budget=EVALUATION_SECONDS, notices=(notice,))
        else:
            self.source = "last good"
        self.metrics.policy_refused(self.source)
        LOG.error({"message": "policy refused", "reason": reason, "rules_now": self.source})


@functools.cache
def running() -> Live:
    """The one Live of this worker process, made at the first call, when gevent has taken over threads and TLS."""
    live = Live(Settings.from_environment(os.environ), Metrics())
    live.watch()
    return live
