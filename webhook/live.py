"""The current policy, certificate and facts, each replaced as a whole when its files change."""

import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Literal, TypeVar

from webhook import policycheck, tls
from webhook.engine.pipeline import Guard
from webhook.followed import FollowedFacts
from webhook.limits import EVALUATION_SECONDS
from webhook.metrics import Metrics
from webhook.policy import BUILT_IN, PolicyError
from webhook.rules import CATALOGUE

LOG = logging.getLogger("cni_guard")

LOOK_EVERY = 1.0
"""Seconds between two checks of the files."""

Origin = Literal["file", "built-in", "last good"]
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `cni-guard serve`, passed to the worker process in environment variables."""

    bind: str
    files: tls.Files
    policy: Path | None = None
    facts: Path | None = None

    def environment(self) -> dict[str, str]:
        """The settings as environment variables."""
        return {
            "CNI_GUARD_BIND": self.bind,
            "CNI_GUARD_TLS_CERT": str(self.files.certificate),
            "CNI_GUARD_TLS_KEY": str(self.files.key),
            "CNI_GUARD_POLICY": str(self.policy or ""),
            "CNI_GUARD_FACTS": str(self.facts or ""),
        }

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Settings":
        """The settings from the variables that `environment` returned."""
        policy, facts = (variables.get(f"CNI_GUARD_{name}", "") for name in ("POLICY", "FACTS"))
        pair = tls.Files(Path(variables["CNI_GUARD_TLS_CERT"]), Path(variables["CNI_GUARD_TLS_KEY"]))
        return cls(variables["CNI_GUARD_BIND"], pair, Path(policy) if policy else None, Path(facts) if facts else None)


class Watched(Generic[Content]):
    """Files that are polled; each new content is accepted or rejected once.

    Args:
        read: Returns the current content.
        take: Uses new content; raises PolicyError or tls.PairError to reject it.
        refuse: Called with the reason when content is rejected.
        judged: Content that is in use already.
    """

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
        """Check for new content, and use or reject it.

        Args:
            patient: Reject content only when two checks in a row see it, since a write may be in progress.
        """
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
        """Try to use the content; the reason if it is rejected, else empty."""
        if isinstance(content, str):
            return content
        try:
            self._take(content)
        except (PolicyError, tls.PairError) as error:
            return str(error)
        except Exception as error:
            # No content of a file may stop the polling or the process.
            LOG.exception("could not load a file")
            return f"{type(error).__name__}: {error}"
        return ""


class Live:
    """The state of this process. A request reads `guard` once, so that one policy, old or new, decides it."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.metrics = metrics
        self.draining = False
        self.certificate_refusal = ""
        self.policy_refusal = ""
        self.policy_warnings: tuple[str, ...] = ()
        """What the owner of the policy should change in it."""
        self.guard = Guard(BUILT_IN, CATALOGUE, budget=EVALUATION_SECONDS)
        self.source: Origin = "built-in"
        self.loaded = datetime.now(UTC)
        self.metrics.policy_loaded(self.source, self.loaded)
        self._settings = settings
        first = settings.files.read()
        self.listener = tls.Listener(tls.load(first, settings.files))
        self._served(self.listener.serving)
        self._pair = Watched(settings.files.read, self._take_pair, self._refuse_pair, first)
        self._policy = _watched(settings.policy, self._take_policy, self._refuse_policy)
        if self._policy:
            self._policy.look(patient=False)
        self.facts = FollowedFacts(settings.facts) if settings.facts else None
        if self.facts:
            self.metrics.follow_facts(self.facts.age)
            self._look_at(self.facts)

    def look(self) -> None:
        """Check the files once."""
        self._pair.look()
        if self._policy:
            self._policy.look()
        if self.facts:
            self._look_at(self.facts)

    def watch(self) -> None:
        """Check the files forever, in the background (in the gevent worker a thread is a greenlet)."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            try:
                self.look()
            except Exception:
                LOG.exception("could not check the files; retrying")

    # The certificate

    def _take_pair(self, pair: tls.Pair) -> None:
        self.listener.serving = tls.load(pair, self._settings.files)
        self.certificate_refusal = ""
        LOG.info({"message": "certificate renewed", "not_after": self.listener.serving.not_after.isoformat()})
        self._served(self.listener.serving)

    def _served(self, serving: tls.Serving) -> None:
        self.metrics.certificate_loaded(serving.not_after)
        if reason := serving.invalid_at(datetime.now(UTC)):
            LOG.error({"message": f"clients reject the certificate: {reason}. Renew it"})

    def _refuse_pair(self, reason: str) -> None:
        self.certificate_refusal = reason
        self.metrics.certificate_refused()
        LOG.error({"message": "certificate rejected; still serving the old one", "reason": reason})

    # The policy

    def _take_policy(self, content: bytes) -> None:
        file = str(self._settings.policy)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            reason = f"{file}: not UTF-8: {error.reason} at byte {error.start}"
            raise PolicyError(reason) from error
        checked = policycheck.read(text, file, CATALOGUE, datetime.now(UTC))
        loaded = checked.loaded.policy
        self.policy_warnings = tuple(map(str, checked.warnings))
        for warning in self.policy_warnings:
            LOG.warning({"message": "policy loaded with a warning", "reason": warning})
        self.policy_refusal = ""
        self.guard = replace(self.guard, policy=loaded, notices=())
        self.source = "file"
        self.loaded = datetime.now(UTC)
        self.metrics.policy_loaded(self.source, self.loaded)
        LOG.info({"message": "policy loaded", "file": file, "mode": loaded.mode})

    def _refuse_policy(self, reason: str) -> None:
        self.policy_refusal = reason
        if self.source == "built-in":
            notice = f"cni-guard uses its built-in policy (mode {BUILT_IN.mode}): {reason}"
            self.guard = replace(self.guard, policy=BUILT_IN, notices=(notice,))
        else:
            self.source = "last good"
        self.metrics.policy_refused(self.source)
        LOG.error({"message": "policy rejected", "reason": reason, "rules_now": self.source})

    # The facts

    def _look_at(self, followed: FollowedFacts) -> None:
        followed.look(datetime.now(UTC))
        if self.guard.facts is not followed.facts:
            self.guard = replace(self.guard, facts=followed.facts)


def _watched(file: Path | None, take: Callable[[bytes], None], refuse: Callable[[str], None]) -> Watched[bytes] | None:
    return Watched(file.read_bytes, take, refuse) if file else None


@functools.cache
def running() -> Live:
    """The Live of this worker process, created at the first call: by then gevent has patched threads and TLS."""
    live = Live(Settings.from_environment(os.environ), Metrics())
    live.watch()
    return live
