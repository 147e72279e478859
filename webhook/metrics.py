"""Prometheus metrics. Every label has a bounded set of values, never the name of an object."""

import functools
import math
import platform
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

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

_BUCKETS = (0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""Upper bounds in milliseconds; the metric is in seconds."""


class Metrics:
    """The metrics of one process, in their own registry."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests_and_findings()
        self._state()

    def _requests_and_findings(self) -> None:
        requests = self._counter(
            "admission_requests", "Admission requests answered.", "webhook", "operation", "kind", "allowed", "dry_run"
        )
        findings = self._counter("findings", "Findings in admission requests.", "rule", "level", "introduced")
        observed = self._counter("observed_denials", "Denials that mode observe turned into warnings.", "rule")
        rule_errors = self._counter("rule_errors", "Rules that failed on an object.", "rule")
        late = self._counter("evaluations_over_budget", "Evaluations that exceeded their CPU time.", "webhook")
        skipped = self._counter("rules_skipped", "Rules that were skipped for lack of facts.", "rule")
        errors = self._counter("http_errors", "Requests answered with an HTTP error.", "status")
        duration = Histogram(
            "cni_guard_admission_duration_seconds",
            "Time to answer an admission request, without reading its body.",
            ["webhook"],
            buckets=[milliseconds / 1000 for milliseconds in _BUCKETS],
            registry=self._registry,
        )
        # Looking up a series by its labels costs more than counting, so each lookup is cached.
        self._requests: Callable[..., Counter] = functools.cache(requests.labels)
        self._findings: Callable[..., Counter] = functools.cache(findings.labels)
        self._observed: Callable[..., Counter] = functools.cache(observed.labels)
        self._rule_errors: Callable[..., Counter] = functools.cache(rule_errors.labels)
        self._late: Callable[..., Counter] = functools.cache(late.labels)
        self._skipped: Callable[..., Counter] = functools.cache(skipped.labels)
        self._errors: Callable[..., Counter] = functools.cache(errors.labels)
        self._duration: Callable[..., Histogram] = functools.cache(duration.labels)

    def _state(self) -> None:
        self._info("build", "Version of cni-guard and Python.").info(
            {"version": __version__, "python": platform.python_version()}
        )
        self._policy = self._info("policy", "Source of the policy in use: file, built-in or last good.")
        self._policy_loaded = self._gauge("policy_loaded_timestamp_seconds", "When the policy in use was loaded.")
        self._policy_failures = self._counter("policy_reload_failures", "Policy files that were rejected.")
        self._not_after = self._gauge(
            "certificate_not_after_timestamp_seconds", "When the serving certificate expires."
        )
        self._pair_failures = self._counter(
            "certificate_reload_failures", "Pairs of certificate and key that were rejected."
        )
        refused = self._counter("connections_refused", "Connections refused or closed early.", "reason")
        self._connections: Callable[..., Counter] = functools.cache(refused.labels)
        self._lines = self._counter("log_lines_left_out", "Log lines dropped by the rate limit.")
        self._handshakes = self._counter("tls_handshake_failures", "TLS handshakes that failed.")

    def answered(self, decision: Decision, seconds: float) -> None:
        """Count an admission request that was answered in `seconds`."""
        request, webhook = decision.request, decision.endpoint
        self._requests(
            webhook,
            _one_of(OPERATIONS, request.change.operation if request else None),
            _one_of(KINDS, request.change.kind if request else None),
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
        for error in verdict.errors:
            self._rule_errors(error.rule).inc()
        for skipped in verdict.skipped:
            self._skipped(skipped.rule).inc()
        for one in verdict.said:
            if one.enforced == "deny" and one.level == "warn":
                self._observed(one.rule).inc()

    def refused(self, status: int) -> None:
        """Count a request that was answered with an HTTP error."""
        self._errors(str(status)).inc()

    def policy_loaded(self, source: str, when: datetime) -> None:
        """Record the policy that is now in use."""
        self._policy.info({"source": source})
        self._policy_loaded.set(when.timestamp())

    def policy_refused(self, source: str) -> None:
        """Record that a policy file was rejected; `source` is the policy in use instead."""
        self._policy.info({"source": source})
        self._policy_failures.inc()

    def certificate_loaded(self, not_after: datetime) -> None:
        """Record the certificate that is now served."""
        self._not_after.set(not_after.timestamp())

    def certificate_refused(self) -> None:
        """Count a rejected pair of certificate and key."""
        self._pair_failures.inc()

    def follow_facts(self, age: Callable[[datetime], timedelta | None]) -> None:
        """Show the age of the facts as it is when it is asked for; infinite if there are none."""

        def seconds() -> float:
            known = age(datetime.now(UTC))
            return math.inf if known is None else known.total_seconds()

        self._gauge("facts_age_seconds", "Age of the snapshot of the cluster.").set_function(seconds)

    def handshake_failed(self) -> None:
        """Count a failed TLS handshake."""
        self._handshakes.inc()

    def connection_refused(self, reason: str) -> None:
        """Count a connection that was refused or closed early."""
        self._connections(reason).inc()

    def lines_left_out(self, count: int) -> None:
        """Count dropped log lines."""
        self._lines.inc(count)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"cni_guard_{name}", says, labels, registry=self._registry)

    def _gauge(self, name: str, says: str) -> Gauge:
        return Gauge(f"cni_guard_{name}", says, registry=self._registry)

    def _info(self, name: str, says: str) -> Info:
        return Info(f"cni_guard_{name}", says, registry=self._registry)


def _one_of(known: frozenset[str], value: object) -> str:
    """A label value from a closed set, so that clients cannot create new series."""
    return value if isinstance(value, str) and value in known else OTHER


def _said(value: object) -> str:
    return "true" if value is True else "false"
