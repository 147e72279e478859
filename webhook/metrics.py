"""What Prometheus reads: every series has a bounded number of label values, never a name of an object."""

import functools
import platform
from collections.abc import Callable
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from webhook import __version__
from webhook.model import Verdict
from webhook.review.decision import Decision

KINDS = frozenset({"DaemonSet", "ENIConfig", "ConfigMap", "CustomResourceDefinition", "ServiceAccount", "ClusterRole"})
OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE"})
OTHER = "other"

_BUCKETS = (
    0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests_and_findings()
        self._state()

    def _requests_and_findings(self) -> None:
        requests = self._counter(
            "admission_requests", "Reviews answered.", "webhook", "operation", "kind", "allowed", "dry_run"
        )
        findings = self._counter("findings", "Findings in reviews.", "rule", "level", "introduced")
        observed = self._counter("observed_denials", "Denials that mode observe made warnings.", "rule")
        crashes = self._counter("rule_crashes", "Rules that failed on an object.", "rule")
        late = self._counter("evaluations_over_budget", "Evaluations that took more CPU time than they may.", "webhook")
        skipped = self._counter("rules_skipped", "Rules that could not be checked on an object.", "rule")
        errors = self._counter("http_errors", "Requests that got no review for an answer.", "status")
        duration = Histogram(
            "cni_guard_admission_duration_seconds",
            "Time to answer a review, in the guard.",
            ["webhook"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        # Finding a series by its labels costs more than counting in it: each is looked up once.
        self._requests: Callable[..., Counter] = functools.cache(requests.labels)
        self._findings: Callable[..., Counter] = functools.cache(findings.labels)
        self._observed: Callable[..., Counter] = functools.cache(observed.labels)
        self._crashes: Callable[..., Counter] = functools.cache(crashes.labels)
        self._late: Callable[..., Counter] = functools.cache(late.labels)
        self._skipped: Callable[..., Counter] = functools.cache(skipped.labels)
        self._errors: Callable[..., Counter] = functools.cache(errors.labels)
        self._duration: Callable[..., Histogram] = functools.cache(duration.labels)

    def _state(self) -> None:
        self._info("build", "The guard that runs.").info({"version": __version__, "python": platform.python_version()})
        self._policy = self._info("policy", "Where the policy that rules comes from: file, built-in or last good.")
        self._policy_loaded = self._gauge("policy_loaded_timestamp_seconds", "When the policy that rules was loaded.")
        self._policy_failures = self._counter("policy_reload_failures", "Policy files that were refused.")
        self._not_after = self._gauge("certificate_not_after_timestamp_seconds", "When the certificate served expires.")
        self._pair_failures = self._counter(
            "certificate_reload_failures", "Pairs of certificate and key that were refused."
        )
        refused = self._counter(
            "connections_refused", "Connections that were not taken, or were closed before their time.", "reason"
        )
        self._connections: Callable[..., Counter] = functools.cache(refused.labels)
        self._lines = self._counter("log_lines_left_out", "Log lines that were left out because there were too many.")
        self._handshakes = self._counter("tls_handshake_failures", "Connections whose TLS handshake failed.")

    def answered(self, decision: Decision, seconds: float) -> None:
        """Count a review that was answered."""
        request, webhook = decision.request, decision.endpoint
        self._requests(
            webhook,
            _one_of(OPERATIONS, request.resource.operation if request else None),
            _one_of(KINDS, request.resource.kind if request else None),
            _said(decision.allowed),
            _said(request is not None and request.dry_run),
        ).inc()
        self._duration(webhook).observe(seconds)
        if decision.over_budget:
            self._late(webhook).inc()
        if decision.verdict is not None:
            self._judged(decision.verdict)

    def _judged(self, verdict: Verdict) -> None:
        for finding in verdict.findings:
            self._findings(finding.rule, finding.level, _said(finding.introduced)).inc()
        for crash in verdict.crashes:
            self._crashes(crash.rule).inc()
        for skipped in verdict.skipped:
            self._skipped(skipped.rule).inc()
        said = [(one.rule, one.enforced, one.level) for one in verdict.findings]
        said += [(one.rule, one.enforced, one.level) for one in verdict.crashes]
        for rule, enforced, level in said:
            if (enforced, level) == ("deny", "warn"):
                self._observed(rule).inc()

    def refused(self, status: int) -> None:
        """Count a request that got no review for an answer."""
        self._errors(str(status)).inc()

    def policy_loaded(self, source: str, when: datetime) -> None:
        """A policy rules from now on."""
        self._policy.info({"source": source})
        self._policy_loaded.set(when.timestamp())

    def policy_refused(self, source: str) -> None:
        """A policy file was refused; `source` says what rules instead."""
        self._policy.info({"source": source})
        self._policy_failures.inc()

    def certificate_loaded(self, not_after: datetime) -> None:
        """A certificate is served from now on."""
        self._not_after.set(not_after.timestamp())

    def certificate_refused(self) -> None:
        """A pair on disk was refused."""
        self._pair_failures.inc()

    def handshake_failed(self) -> None:
        """A client and the guard did not come to a TLS connection."""
        self._handshakes.inc()

    def connection_refused(self, reason: str) -> None:
        """A connection was not taken, or was closed before its time."""
        self._connections(reason).inc()

    def lines_left_out(self, count: int) -> None:
        """So many log lines were left out."""
        self._lines.inc(count)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"cni_guard_{name}", says, labels, registry=self._registry)

    def _gauge(self, name: str, says: str) -> Gauge:
        return Gauge(f"cni_guard_{name}", says, registry=self._registry)

    def _info(self, name: str, says: str) -> Info:
        return Info(f"cni_guard_{name}", says, registry=self._registry)


def _one_of(known: frozenset[str], value: object) -> str:
    """A label value from a closed set: what a client sends must not make series."""
    return value if isinstance(value, str) and value in known else OTHER


def _said(value: object) -> str:
    return "true" if value is True else "false"
