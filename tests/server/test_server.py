"""HTTP: what each request gets, the log, the metrics, and clients that misbehave."""

import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.conftest import PATIENCE, Answered, OnDisk, Served, review, until
from webhook.limits import BODY_LIMIT
from webhook.live import Live, Settings
from webhook.metrics import Metrics
from webhook.server import create_app
from webhook.tls import Files

JSON = "application/json"


def reason(answered: Answered) -> str:
    """The whole body: JSON, with no trace of the code that made it."""
    said = json.dumps(answered.json)
    assert "Traceback" not in said
    assert ".py" not in said
    return said


@pytest.mark.parametrize("door", ["validate", "mutate"])
def test_a_review_is_answered_with_its_uid(served: Served, door: str) -> None:
    assert served.review(review("u-1"), door)["uid"] == "u-1"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_the_content_type_may_have_parameters(served: Served, content_type: str) -> None:
    answered = served.request("POST", "/validate", json.dumps(review()), Content_Type=content_type)
    assert answered.status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/jsonp", ""])
def test_another_content_type_is_415(served: Served, content_type: str) -> None:
    answered = served.request("POST", "/validate", json.dumps(review()), Content_Type=content_type)
    assert answered.status == 415
    assert JSON in reason(answered)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b'{"kind": "Pod"}', b"\xff\xfe", b"[" * 5000])
def test_what_is_no_review_is_400(served: Served, body: bytes) -> None:
    answered = served.request("POST", "/mutate", body, Content_Type=JSON)
    assert answered.status == 400
    assert reason(answered)


def test_too_large_a_body_is_413(served: Served) -> None:
    answered = served.request("POST", "/validate", b" " * (BODY_LIMIT + 1), Content_Type=JSON)
    assert answered.status == 413
    assert "7 MiB" in reason(answered)


def test_too_large_a_body_in_chunks_is_413(served: Served) -> None:
    chunks = (b" " * 2**20 for _ in range(8))
    answered = served.request("POST", "/validate", chunks, Content_Type=JSON)
    assert answered.status == 413


def test_a_body_of_the_limit_is_read(served: Served) -> None:
    sent = json.dumps(review("large")).encode()
    chunks = [sent + b" " * (2**20 - len(sent)), *[b" " * 2**20] * 6]
    for body in (b"".join(chunks), iter(chunks)):
        answered = served.request("POST", "/validate", body, Content_Type=JSON)
        assert answered.json["response"]["uid"] == "large"


@pytest.mark.parametrize("body", [b"zz\r\n", b"1\r\nab\r\n0\r\n\r\n", b"1\r\na\r\n0\r\nbad trailer\r\n\r\n"])
def test_broken_chunks_are_400(served: Served, body: bytes) -> None:
    head = b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served.socket() as connection:
        connection.sendall(head + body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_connection_goes_on_after_an_error(served: Served) -> None:
    connection = served.connect()
    try:
        for body, status in ((b" " * (BODY_LIMIT + 1), 413), (json.dumps(review()).encode(), 200)):
            connection.request("POST", "/validate", body, {"Content-Type": JSON})
            assert Answered(connection.getresponse()).status == status
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/", "/validate/", "/validate//", "/static/x", "/validate/../mutate"])
def test_another_path_is_404(served: Served, path: str) -> None:
    answered = served.request("POST", path, "{}", Content_Type=JSON)
    assert answered.status == 404
    assert "/validate" in reason(answered)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/validate", "POST"), ("OPTIONS", "/mutate", "POST"), ("POST", "/readyz", "GET, HEAD")],
)
def test_another_method_is_405(served: Served, method: str, path: str, allowed: str) -> None:
    answered = served.request(method, path)
    assert answered.status == 405
    assert answered.headers["Allow"] == allowed
    assert reason(answered)


def test_health_and_readiness(served: Served) -> None:
    assert served.request("GET", "/healthz").status == 200
    detail = served.ready()
    assert detail["ready"] is True
    assert detail["certificate"]["not_after"]
    assert detail["policy"] == detail["policy"] | {"source": "built-in", "refusal": None}
    assert detail["rules"] > 0


def test_32_kept_alive_connections_at_once(served: Served) -> None:
    def client(number: int) -> list[str]:
        connection = served.connect()
        try:
            uids = []
            for turn in range(10):
                body = json.dumps(review(f"{number}-{turn}"))
                connection.request("POST", "/validate", body, {"Content-Type": JSON})
                answered = Answered(connection.getresponse())
                assert answered.headers["Connection"] == "keep-alive"
                uids.append(answered.json["response"]["uid"])
            return uids
        finally:
            connection.close()

    with ThreadPoolExecutor(32) as clients:
        seen = list(clients.map(client, range(32)))
    assert seen == [[f"{number}-{turn}" for turn in range(10)] for number in range(32)]


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"P",
        b"POST /validate HTTP/1.1\r\nHost: x\r\n",
        b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ],
)
def test_a_slow_client_stops_no_other(served: Served, part: bytes) -> None:
    slow = [served.socket() for _ in range(40)]
    try:
        for connection in slow:
            connection.sendall(part)
        assert served.review(review("quick"))["uid"] == "quick"
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_never_pauses_stops_no_other(served: Served) -> None:
    greedy = served.socket()
    body = json.dumps(review("greedy")).encode()
    head = f"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    requests = (head.encode() + body) * 50

    def read() -> None:
        with suppress(OSError):
            while greedy.recv(2**16):
                pass

    def write() -> None:
        with suppress(OSError):
            while True:
                greedy.sendall(requests)

    with ThreadPoolExecutor(2) as threads:
        threads.submit(read)
        threads.submit(write)
        try:
            for turn in range(20):
                assert served.review(review(f"patient-{turn}"))["uid"] == f"patient-{turn}"
        finally:
            greedy.shutdown(socket.SHUT_RDWR)
    greedy.close()


def test_a_client_that_says_nothing_more_is_let_go(served: Served) -> None:
    silent = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE)
    half = served.socket()
    half.sendall(b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    assert silent.recv(1) == b""
    assert half.recv(1) == b""
    silent.close()
    half.close()
    until(lambda: served.logged("TLS handshake failed"), "logging")


def test_a_decision_is_one_line_of_json(served: Served) -> None:
    sent = review("line\n\r\u2028\x00\x1b[31m")
    served.review(sent)
    lines = until(lambda: [seen for seen in served.logged("decision") if seen["uid"].startswith("line")], "logging")
    (line,) = lines
    assert (line["endpoint"], line["operation"], line["kind"]) == ("validate", "CREATE", "DaemonSet")
    assert (line["namespace"], line["name"], line["user"]) == ("kube-system", "aws-node", "ann")
    assert line["duration_ms"] >= 0
    assert "602401143452" not in json.dumps(line)


def test_a_surrogate_in_a_name_breaks_no_line(served: Served) -> None:
    sent = json.dumps(review("lone")).replace('"name": "aws-node"', '"name": "\\ud800"')
    answered = served.request("POST", "/validate", sent, Content_Type=JSON)
    assert answered.status in {200, 400}
    assert all(json.loads(line) for line in list(served.lines))


def test_a_refused_request_is_logged_and_counted(served: Served) -> None:
    before = served.metric('cni_guard_http_errors_total{status="415"}')
    served.request("POST", "/validate", "{}", Content_Type="text/csv")
    assert served.metric('cni_guard_http_errors_total{status="415"}') == before + 1
    until(lambda: [line for line in served.logged("not a review") if line["status"] == 415], "logging")


def test_plain_http_is_refused_and_counted(served: Served) -> None:
    before = served.metric("cni_guard_tls_handshake_failures_total")
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            assert connection.recv(4096)[:5] != b"HTTP/"
    until(lambda: served.metric("cni_guard_tls_handshake_failures_total") > before, "counting")


NAMES = {
    "cni_guard_build_info",
    "cni_guard_admission_requests",
    "cni_guard_admission_duration_seconds",
    "cni_guard_findings",
    "cni_guard_observed_denials",
    "cni_guard_evaluations_over_budget",
    "cni_guard_rule_errors",
    "cni_guard_rules_skipped",
    "cni_guard_http_errors",
    "cni_guard_tls_handshake_failures",
    "cni_guard_connections_refused",
    "cni_guard_log_lines_left_out",
    "cni_guard_certificate_not_after_timestamp_seconds",
    "cni_guard_certificate_reload_failures",
    "cni_guard_policy_loaded_timestamp_seconds",
    "cni_guard_policy_reload_failures",
    "cni_guard_policy_info",
}


def families(served: Served) -> dict[str, Any]:
    """The metric families by name."""
    return {family.name: family for family in text_string_to_metric_families(served.request("GET", "/metrics").text)}


def test_metrics_have_the_documented_names(served: Served) -> None:
    assert {name for name in families(served) if name.startswith("cni_guard_")} == NAMES


def test_metrics_count_decisions(served: Served) -> None:
    series = (
        'cni_guard_admission_requests_total{allowed="%s",dry_run="true",kind="DaemonSet",'
        'operation="CREATE",webhook="validate"}'
    )
    sent = review("m")
    sent["request"]["dryRun"] = True
    before = sum(served.metric(series % allowed) for allowed in ("true", "false"))
    served.review(sent)
    assert sum(served.metric(series % allowed) for allowed in ("true", "false")) == before + 1


def test_metrics_count_findings(served: Served) -> None:
    series = 'cni_guard_findings_total{introduced="true",level="deny",rule="IPT-004"}'
    before = served.metric(series)
    refused = served.review(review("f", WARM_ENI_TARGET="3", WARM_IP_TARGET="5"))
    assert refused["allowed"] is False
    assert served.metric(series) == before + 1


def test_kinds_and_operations_make_no_series_of_their_own(served: Served) -> None:
    for number in range(3):
        sent = review(f"k-{number}")
        sent["request"]["kind"]["kind"] = f"Kind{number}"
        served.request("POST", "/validate", json.dumps(sent), Content_Type=JSON)
    requests = families(served)["cni_guard_admission_requests"]
    assert {sample.labels["kind"] for sample in requests.samples} <= {"DaemonSet", "ENIConfig", "other"}


@pytest.fixture
def broken(pair: OnDisk, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A guard whose core fails on every review."""

    def fails(*_: object) -> None:
        message = "a secret"
        raise RuntimeError(message)

    monkeypatch.setattr("webhook.server.answer", fails)
    return Live(Settings("", Files(pair.certificate, pair.key)), Metrics())


def test_a_fault_of_our_own_is_500_and_tells_only_the_log(broken: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        response = create_app(broken).test_client().post("/validate", json=review())
    assert response.status_code == 500
    assert response.is_json
    assert "secret" not in response.text
    assert "a secret" in caplog.text
    assert b'cni_guard_http_errors_total{status="500"} 1.0' in broken.metrics.text()
