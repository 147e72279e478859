"""The review: AdmissionReview v1 to the letter, and whatever else somebody may send."""

import base64
import json
import re
import time
from dataclasses import replace
from typing import Any, Literal, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.changes import NOW, guard, review
from webhook.catalogue.examples import DaemonSet, ENIConfig, Example, env
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.engine.pipeline import Guard
from webhook.metrics import Metrics
from webhook.model import BREAK_GLASS, Change, User
from webhook.policy import BUILT_IN, Policy
from webhook.review.answer import Answer, answer
from webhook.review.decision import Endpoint
from webhook.review.record import audit_annotations, log_fields
from webhook.review.request import read
from webhook.review.response import WARNING_LENGTH, WARNINGS_LENGTH
from webhook.rules import CATALOGUE

MINIMUM = Example(DaemonSet(env={"MINIMUM_IP_TARGET": "5"}))
BAD = Example(DaemonSet(env={"WARM_ENI_TARGET": "3", "WARM_IP_TARGET": "5", "MAX_ENI": "0"}))
DELETION = Example(None, before=DaemonSet())


def asked(endpoint: Endpoint, body: bytes, policy: Policy = BUILT_IN) -> dict[str, Any]:
    said = answer(endpoint, body, guard(policy), NOW)
    assert said.status == 200, said.body
    document = json.loads(said.body)
    assert document["apiVersion"] == "admission.k8s.io/v1"
    assert document["kind"] == "AdmissionReview"
    assert set(document) == {"apiVersion", "kind", "response"}
    response: dict[str, Any] = document["response"]
    return response


def fields(said: Answer) -> dict[str, Any]:
    """The fields of the log line."""
    assert said.decision is not None
    return log_fields(said.decision)


@pytest.mark.parametrize("mode", ["enforce", "observe"])
@pytest.mark.parametrize("endpoint", ["validate", "mutate"])
def test_log_audit_and_metrics_show_the_same_decision(endpoint: Endpoint, mode: Literal["enforce", "observe"]) -> None:
    change = env(WARM_ENI_TARGET="3", WARM_IP_TARGET="5", WARM_IP_TARGETS="1").change()
    decision = answer(endpoint, review(change), guard(Policy(mode=mode)), NOW).decision
    assert decision is not None
    hash((decision.outcomes, decision.added))
    line, audited = log_fields(decision), audit_annotations(decision)
    assert {key: ",".join(line[key]) for key in audited} == audited
    assert ("denied" in line) == (not decision.allowed) == (endpoint == "validate" and mode == "enforce")
    metrics = Metrics()
    metrics.answered(decision, 0.0)
    counted = set(re.findall(r'cni_guard_observed_denials_total\{rule="([^"]+)"\}', metrics.text().decode()))
    assert counted == set(line.get("observed", ()))
    assert counted <= set(line.get("warned", ()))
    assert bool(counted) == (endpoint == "validate" and mode == "observe")


def refused(body: bytes, endpoint: Endpoint = "validate") -> str:
    """The reason of an HTTP error."""
    said = answer(endpoint, body, guard(), NOW)
    assert said.status == 400, said.body
    return str(json.loads(said.body)["error"])


def test_a_good_change_gets_the_shortest_answer() -> None:
    uid = "705ab4f5-6393-11e8-b7cc-42010a800002"
    for endpoint in ("validate", "mutate"):
        assert asked(endpoint, review(Example(DaemonSet()).change())) == {"uid": uid, "allowed": True}


def test_a_denial_carries_every_denial_each_by_its_rule() -> None:
    response = asked("validate", review(BAD.change()))
    assert not response["allowed"]
    assert response["status"]["code"] == 403
    lines = response["status"]["message"].splitlines()
    assert [line.split(":")[0] for line in lines] == ["IPT-004", "ENV-002"]
    assert response["auditAnnotations"] == {"denied": "IPT-004,ENV-002", "warned": "IPT-002"}
    assert "patch" not in response


def test_the_mutating_door_patches_and_tells_what_to_write_into_git() -> None:
    response = asked("mutate", review(MINIMUM.change()))
    assert response["allowed"]
    assert response["patchType"] == "JSONPatch"
    assert json.loads(base64.b64decode(response["patch"])) == [
        {
            "op": "add",
            "path": "/spec/template/spec/containers/0/env/-",
            "value": {"name": "WARM_IP_TARGET", "value": "2"},
        }
    ]
    assert response["warnings"][0].startswith("IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET: ipamd ")
    assert "Added aws-node env WARM_IP_TARGET=2: set it in your manifest too" in response["warnings"][0]
    assert response["auditAnnotations"] == {"added": "aws-node env WARM_IP_TARGET=2"}


def test_a_dry_run_gets_the_same_answer() -> None:
    for endpoint in ("validate", "mutate"):
        for example in (MINIMUM, BAD):
            change = example.change()
            assert asked(endpoint, review(change)) == asked(endpoint, review(change, dryRun=True))


def test_the_validating_door_never_patches_and_the_mutating_one_never_refuses() -> None:
    for rule in CATALOGUE:
        for example in rule.bad:
            assert "patch" not in asked("validate", review(example.change()))
            assert asked("mutate", review(example.change()))["allowed"]


def test_warnings_keep_within_what_the_api_server_passes_on() -> None:
    many = ",".join(f"10.{number}.0.1/16" for number in range(90))
    change = Example(DaemonSet(env={"AWS_EXTERNAL_SERVICE_CIDRS": many})).change()
    warnings = asked("validate", review(change))["warnings"]
    assert all(len(warning) <= WARNING_LENGTH and "\n" not in warning for warning in warnings)
    assert sum(map(len, warnings)) <= WARNINGS_LENGTH + WARNING_LENGTH
    assert "more warnings" in warnings[-1]


def test_messages_are_bounded_and_one_line_each() -> None:
    evil = {"WARM_IP_TARGET": "5\n\x1b[31mred\u202e", "MAX_ENI": "9" * 100_000}
    message = asked("validate", review(Example(DaemonSet(env=evil)).change()))["status"]["message"]
    assert len(message.splitlines()) == 2
    assert len(message) < 5_000
    assert message.replace("\n", "").isprintable()


# --- deletions -------------------------------------------------------------------------------------------------------


def test_a_deletion_is_judged_by_the_object_that_goes_whatever_the_request_names() -> None:
    for name in ("aws-node", "", None):
        response = asked("validate", review(DELETION.change(), name=name))
        assert not response["allowed"]
        assert response["status"]["message"].startswith("DEL-001: DaemonSet kube-system/aws-node is deleted")
        assert asked("mutate", review(DELETION.change(), name=name))["allowed"]


def test_a_deletion_without_any_object_is_refused_by_the_validating_door_alone() -> None:
    nothing = review(change_of("DaemonSet", None, None, "DELETE"), name="")
    assert "does not say which object" in asked("validate", nothing)["status"]["message"]
    assert asked("mutate", nothing)["allowed"]


@pytest.mark.parametrize(
    ("permit", "allowed", "said"),
    [
        ("2026-06-01T12:30:00Z", True, "permitted by annotation"),
        ("2026-06-01T14:30:00+02:00", True, "permitted by annotation"),
        ("2026-06-01T13:00:01Z", False, "more than an hour ahead"),
        ("2026-06-01T11:59:59Z", False, "ended at"),
        ("2026-06-01T12:30:00", False, "not an RFC 3339 time"),
        ("yes", False, "not an RFC 3339 time"),
    ],
)
def test_a_permit_counts_for_an_hour_at_most(permit: str, allowed: bool, said: str) -> None:
    example = Example(None, before=DaemonSet(annotations={"cni-guard.dev/allow-delete": permit}))
    response = asked("validate", review(example.change()))
    assert response["allowed"] == allowed
    assert said in (response["warnings"][0] if allowed else response["status"]["message"])


def test_the_denial_of_a_deletion_prints_both_commands() -> None:
    message = asked("validate", review(DELETION.change()))["status"]["message"]
    annotate = (
        "`kubectl -n kube-system annotate daemonset aws-node --overwrite "
        "cni-guard.dev/allow-delete=2026-06-01T12:15:00Z`"
    )
    assert annotate in message
    assert "`kubectl -n kube-system delete daemonset aws-node`" in message


# --- who and what ----------------------------------------------------------------------------------------------------


def test_the_break_glass_passes_and_is_noted() -> None:
    body = review(BAD.change(), userInfo={"username": "alice", "groups": [BREAK_GLASS]})
    response = asked("validate", body)
    assert response["allowed"]
    assert response["auditAnnotations"] == {"break-glass": "true"}
    assert "patch" not in asked("mutate", review(MINIMUM.change(), userInfo={"groups": [BREAK_GLASS]}))


@pytest.mark.parametrize(
    "request_",
    [
        {"subResource": "status"},
        {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}},
        {"kind": {"group": "extensions", "version": "v1beta1", "kind": "DaemonSet"}},
        {"kind": {"group": "apps", "version": "v1", "kind": "DaemonSet"}, "operation": "CONNECT"},
    ],
)
def test_what_does_not_concern_the_guard_passes(request_: dict[str, Any]) -> None:
    assert asked("validate", review(BAD.change(), **request_))["allowed"]


def renamed(**metadata: Any) -> dict[str, Any]:
    copy = BAD.change().object
    del copy["metadata"]["name"]
    copy["metadata"] |= metadata
    return dict(copy)


@pytest.mark.parametrize(
    "metadata",
    [{"name": "other"}, {"name": "other", "namespace": "default"}, {"generateName": "aws-node-"}, {}],
)
def test_a_renamed_copy_of_aws_node_is_aws_node(metadata: dict[str, Any]) -> None:
    assert not asked("validate", review(change_of("DaemonSet", renamed(**metadata))))["allowed"]


def test_a_change_away_from_aws_node_is_judged_too() -> None:
    other = {"metadata": {"name": "x", "namespace": "y"}, "spec": {"template": {"spec": {"containers": []}}}}
    assert not asked("validate", review(change_of("DaemonSet", other, renamed(name="x", namespace="y"), "UPDATE")))[
        "allowed"
    ]


def test_notices_are_warnings_of_each_answer() -> None:
    loud = Guard(BUILT_IN, CATALOGUE, notices=("the policy is broken",))
    response = json.loads(answer("validate", review(BAD.change()), loud, NOW).body)["response"]
    assert response["warnings"][0] == "the policy is broken"


def test_the_log_keeps_names_cut_and_never_values() -> None:
    secret = Example(DaemonSet(env={"CLUSTER_ENDPOINT": "https://secret.example.com", "MAX_ENI": "0"}))
    said = answer("validate", review(secret.change(), name="n" * 10_000), guard(), NOW)
    line = fields(said)
    assert len(line["name"]) == 256
    assert "secret" not in json.dumps(line)
    assert line | {"name": ""} == {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "endpoint": "validate",
        "operation": "CREATE",
        "kind": "DaemonSet",
        "namespace": "kube-system",
        "name": "",
        "user": "alice",
        "dry_run": False,
        "denied": ["ENV-002"],
        "allowed": False,
    }


# --- what is no review -----------------------------------------------------------------------------------------------

GOOD = json.loads(review(Example(DaemonSet()).change()))


def with_(**request: Any) -> bytes:
    return json.dumps(GOOD | {"request": GOOD["request"] | request}).encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"kind: AdmissionReview", "not JSON"),
        (b"\xff\xfe{\x00", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b'{"a": "\xed\xa0\x80"}', "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"null", "not an AdmissionReview"),
        (b"[]", "not an AdmissionReview"),
        (b'{"kind": "Pod"}', "not an AdmissionReview"),
        (json.dumps(GOOD | {"apiVersion": "admission.k8s.io/v1beta1"}).encode(), "admissionReviewVersions: [v1]"),
        (json.dumps(GOOD | {"request": None}).encode(), "request is missing"),
        (json.dumps(GOOD | {"request": []}).encode(), "request is missing"),
        (with_(uid=None), "request.uid is missing"),
        (with_(uid=""), "request.uid is missing"),
        (with_(uid="u" * 129), "request.uid is longer than 128 characters"),
        (with_(operation="PATCH"), "request.operation must be one of"),
        (with_(operation=[]), "request.operation must be one of"),
        (with_(kind=None), "request.kind is missing"),
        (with_(object=None), "request.object is null on CREATE"),
        (with_(operation="UPDATE"), "request.oldObject is null on UPDATE"),
        (with_(object="x"), "request.object is not an object"),
        (with_(object=[]), "request.object is not an object"),
        (b'{"kind": "AdmissionReview", "kind": "AdmissionReview"}', 'the key "kind" is listed twice'),
        (review(change_of("DaemonSet", {}))[:-2] + b',"uid":"other"}}', 'the key "uid" is listed twice'),
    ],
)
def test_what_is_no_review_is_an_http_error_with_a_reason(body: bytes, reason: str) -> None:
    for endpoint in ("validate", "mutate"):
        assert reason in refused(body, endpoint)


# --- what authors can make go wrong ----------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    """An ENIConfig that is fine, with a deep field in its status, where its CRD keeps whatever is there."""
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    body = review(Example(ENIConfig(spec={"subnet": "subnet-01234567", "securityGroups": ["sg-01234567"]})).change())
    return body.replace(b'"object":{', b'"object":{"status":' + deep + b",")


@pytest.mark.parametrize(
    ("depth", "allowed"), [(50, True), (300, True), (480, True), (520, False), (1_100, False), (100_000, False)]
)
def test_an_object_too_deep_to_be_read_is_refused_to_its_author(depth: int, allowed: bool) -> None:
    response = asked("validate", nested(depth))
    assert response["uid"] == "705ab4f5-6393-11e8-b7cc-42010a800002"
    assert response["allowed"] == allowed


def with_entries(entry: str, count: int) -> bytes:
    """A review of an aws-node with so many entries in one list."""
    body = review(Example(DaemonSet()).change())
    return body.replace(b'"object":{', b'"object":{"x":[' + b",".join([entry.encode()] * count) + b"],", 1)


@pytest.mark.parametrize(
    ("entry", "count", "allowed"),
    [
        ('{"name":""}', 199_000, True),
        ('{"name":""}', 220_000, False),
        ("0", 590_000, True),
        ("0", 610_000, False),
        ("[]", 310_000, False),
        ('"a"', 610_000, False),
        ('",,,,,,,,,,,,,,,,"', 100_000, True),
    ],
)
def test_an_object_of_too_many_values_is_refused_to_its_author(entry: str, count: int, allowed: bool) -> None:
    response = asked("validate", with_entries(entry, count))
    assert response["uid"] == "705ab4f5-6393-11e8-b7cc-42010a800002"
    assert response["allowed"] == allowed
    assert allowed or "600,000" in response["status"]["message"]


def test_the_densest_object_that_an_api_server_stores_is_read_on_both_sides() -> None:
    count = 1_500_000 // len('{"name":"V00001"},' + '"k:{\\"name\\":\\"V00001\\"}":{".":{},"f:name":{}},')
    entries = ",".join(f'{{"name":"V{number:05}"}}' for number in range(count))
    fields = ",".join(f'"k:{{\\"name\\":\\"V{number:05}\\"}}":{{".":{{}},"f:name":{{}}}}' for number in range(count))
    stored = f'"x":[{entries}],"fields":{{{fields}}},'
    assert 1_400_000 < len(stored) < 1_600_000
    body = review(Example(DaemonSet(), before=DaemonSet()).change()).decode()
    for side in ("object", "oldObject"):
        body = body.replace(f'"{side}":{{', f'"{side}":{{{stored}', 1)
    assert read(body.encode()).uid == "705ab4f5-6393-11e8-b7cc-42010a800002"


def test_a_key_that_occurs_twice_is_found_in_a_large_body_too() -> None:
    body = with_entries('{"name": "x"}', 100_000)
    assert asked("validate", body)["allowed"]
    assert "a key twice" in refused(body.replace(b'"x":[', b'"y":1,"y":[', 1), "validate")


def test_a_denial_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook.review.own_policy.objections", lambda *_: ("x" * 10_000,) * 200)
    kind = {"group": "", "version": "v1", "kind": "ConfigMap"}
    response = asked("validate", review(config_map({}), kind=kind))
    assert 30_000 < len(response["status"]["message"]) < 34_000


LONG = "\x1b" * 300_000


@pytest.mark.parametrize(
    "example",
    [
        Example(DaemonSet(env={"WARM_IP_TARGET": LONG})),
        Example(DaemonSet(env={"AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": LONG})),
        Example(DaemonSet(env={"AWS_VPC_K8S_CNI_RANDOMIZESNAT": LONG})),
        Example(DaemonSet(env={"CLUSTER_ENDPOINT": LONG})),
        Example(DaemonSet(env={LONG: "1"})),
        Example(DaemonSet(images={"aws-node": LONG})),
        Example(DaemonSet(images={"aws-eks-nodeagent": LONG})),
        Example(ENIConfig(spec={"subnet": LONG})),
        Example(ENIConfig(spec={"subnet": "subnet-01234567", "securityGroups": [LONG, LONG]})),
        Example(ENIConfig(spec={"subnet": "subnet-01234567", LONG: 1})),
        Example(None, before=DaemonSet(annotations={"cni-guard.dev/allow-delete": LONG})),
    ],
)
def test_whatever_is_long_makes_no_long_answer(example: Example) -> None:
    assert len(answer("validate", review(example.change()), guard(), NOW).body) < 20_000


def flood(kind: str) -> Example:
    """A valid object with very many of one thing."""
    envs = {
        "references": {"CLUSTER_NAME": "$(" * 500_000},
        "commas": {"AWS_EXTERNAL_SERVICE_CIDRS": "," * 600_000},
        "cidrs": {"AWS_EXTERNAL_SERVICE_CIDRS": ",".join(f"10.0.{n // 256}.{n % 256}/32" for n in range(60_000))},
    }
    if kind in envs:
        return Example(DaemonSet(env=envs[kind]))
    return Example(ENIConfig(spec={"subnet": "subnet-01234567", "securityGroups": ["x"] * 50_000}))


@pytest.mark.parametrize("kind", ["references", "commas", "cidrs", "groups"])
def test_very_many_of_anything_is_answered_in_linear_time(kind: str) -> None:
    """Quadratic, each of these would take minutes to hours: the bound is generous, and no measurement."""
    started = time.process_time()
    asked("validate", review(flood(kind).change()))
    asked("mutate", review(flood(kind).change()))
    assert time.process_time() - started < 20


def test_a_thousand_containers_of_one_name_are_refused() -> None:
    crowd = stock()
    crowd["spec"]["template"]["spec"]["containers"] += [{"name": "aws-node", "env": [{"name": "X"}]}] * 2_000
    assert (
        "runs the CNI beside the one that is evaluated"
        in asked("validate", review(change_of("DaemonSet", crowd)))["status"]["message"]
    )


def test_ten_thousand_entries_are_one_message() -> None:
    flood = {f"WARM_IP_TARGEX{number}": "5" for number in range(10_000)}
    message = asked("validate", review(Example(DaemonSet(env=flood)).change()))["status"]["message"]
    assert len(message.splitlines()) == 1
    assert message.startswith("POD-013: env of container aws-node has 10027 entries, and at most 250 are read")


def test_equal_faults_are_one_message_that_names_twenty_and_counts_the_rest() -> None:
    names = tuple(f"WARM_X{number:03}" for number in range(100))
    twice = Example(DaemonSet(env=dict.fromkeys(names, ""), repeat=names))
    lines = asked("validate", review(twice.change()))["warnings"]
    (line,) = (one for one in lines if one.startswith("ENV-013"))
    assert line.startswith("ENV-013: WARM_X000 is set twice in container aws-node; WARM_X001 is set twice")
    assert line.count("is set twice") == 20
    assert "; and 80 more: " in line


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"WARM_IP_TARGET": "5"}, "env of container aws-node is not a list"),
        ([{"name": "WARM_IP_TARGET", "value": 5}], "is a number where a string belongs"),
        (["WARM_IP_TARGET"], "has no name"),
    ],
)
def test_an_environment_of_another_shape_is_refused(env: Any, said: str) -> None:
    broken = stock()
    broken["spec"]["template"]["spec"]["containers"][0]["env"] = env
    assert said in asked("validate", review(change_of("DaemonSet", broken)))["status"]["message"]
    assert asked("mutate", review(change_of("DaemonSet", broken)))["allowed"]


def test_three_mebibytes_of_annotations_are_no_trouble() -> None:
    large = Example(DaemonSet(annotations={"note": "x" * 3 * 2**20})).change()
    assert asked("validate", review(large))["allowed"]


def test_a_nul_in_a_value_is_shown_escaped() -> None:
    response = asked("validate", review(Example(DaemonSet(env={"MAX_ENI": "1\x00"})).change()))
    assert 'MAX_ENI="1\\x00"' in response["status"]["message"]


def test_a_spec_that_is_a_string_is_refused() -> None:
    response = asked("validate", review(Example(ENIConfig(spec="subnet-01234567")).change()))
    assert "ENIC-001" in response["status"]["message"]


def test_a_fault_of_the_guard_is_a_refusal_and_not_an_http_error() -> None:
    class Broken:
        def __iter__(self) -> Any:
            raise ZeroDivisionError

    broken = Guard(BUILT_IN, Broken())  # type: ignore[arg-type]
    said = answer("validate", review(BAD.change()), broken, NOW)
    assert said.status == 200
    assert "failed to evaluate" in json.loads(said.body)["response"]["status"]["message"]
    assert json.loads(answer("mutate", review(BAD.change()), broken, NOW).body)["response"]["allowed"]


def test_a_fault_while_reading_is_a_denial_and_tells_only_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the author of an object can make go wrong is an explicit denial, never an HTTP error."""

    def fails(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("a secret")

    body = review(BAD.change())
    monkeypatch.setattr("webhook.review.request.change_of", fails)
    said = answer("validate", body, guard(), NOW)
    assert said.status == 200
    assert json.loads(said.body)["response"]["allowed"] is False
    assert b"RuntimeError" in said.body
    assert b"secret" not in said.body
    assert "a secret" in caplog.text


json_text = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | json_text.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    assert answer("validate", body, guard(), NOW).status == 400


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD["request"], "subResource"], json_text)),
)
def test_any_request_gets_an_answer(request_: dict[str, Any]) -> None:
    said = answer("validate", with_(**request_), guard(), NOW)
    assert said.status in {200, 400}
    document = json.loads(said.body)
    assert "error" in document or document["response"]["uid"] == (request_.get("uid") or GOOD["request"]["uid"])


def test_a_user_is_read_as_far_as_it_goes() -> None:
    infos: list[Any] = [None, [], {"groups": "x"}, {"username": 5, "groups": [5, None]}]
    for info in infos:
        assert not asked("validate", review(BAD.change(), userInfo=info))["allowed"]
    assert User("a").groups == frozenset()


# --- the installation ------------------------------------------------------------------------------------------------


def config_map(data: Any) -> Change:
    return change_of("ConfigMap", {"metadata": {"name": "cni-guard-policy", "namespace": "cni-guard"}, "data": data})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"policy.yaml": "mode: enforce\n"}, None),
        ({"policy.yaml": "mode: enforce\nrule: {}\n"}, "policy.yaml:2:1: unknown key rule; did you mean rules?"),
        (
            {"policy.yaml": "mode: enforce\nrule: {}\nimage: {}\n"},
            "policy.yaml:3:1: unknown key image; did you mean images?",
        ),
        ({"policy.yaml": ""}, "policy.yaml:1:1: the policy is empty"),
        ({"policy.yml": "mode: enforce\n"}, "has no key policy.yaml"),
        (None, "has no key policy.yaml"),
    ],
)
def test_a_policy_that_does_not_load_is_not_stored(data: Any, said: str | None) -> None:
    kind = {"group": "", "version": "v1", "kind": "ConfigMap"}
    response = asked("validate", review(config_map(data), kind=kind))
    assert response["allowed"] == (said is None)
    assert said is None or said in response["status"]["message"]
    gone = change_of("ConfigMap", None, config_map(data).object, "DELETE")
    assert asked("validate", review(gone, kind=kind))["allowed"]


def test_both_doors_answer_a_canary() -> None:
    change = Example(DaemonSet(annotations={"cni-guard.dev/canary": "abc"})).change()
    endpoints: tuple[Endpoint, ...] = ("validate", "mutate")
    for endpoint in endpoints:
        assert asked(endpoint, review(change))["warnings"] == [f"cni-guard canary abc answered at {endpoint}"]


# --- the budget of CPU time ------------------------------------------------------------------------------------------


def hurried(endpoint: Endpoint, change: Change) -> Answer:
    """The answer of a guard whose time is over at once."""
    return answer(endpoint, review(change), replace(guard(), budget=0.0), NOW)


def test_an_object_that_takes_too_long_is_refused_and_counted() -> None:
    told = hurried("validate", Example(DaemonSet()).change())
    response = json.loads(told.body)["response"]
    assert not response["allowed"]
    assert "0.0 s of CPU time" in response["status"]["message"]
    line = fields(told)
    assert (line["over_budget"], line["user"], line["name"]) == (True, "alice", "aws-node")
    metrics = Metrics()
    assert told.decision is not None
    metrics.answered(told.decision, 0.0)
    assert b'cni_guard_evaluations_over_budget_total{webhook="validate"} 1.0' in metrics.text()


def test_a_restart_of_an_object_that_takes_too_long_passes_and_is_told() -> None:
    told = hurried("validate", Example(DaemonSet(annotations={"a": "b"}), before=DaemonSet()).change())
    response = json.loads(told.body)["response"]
    assert response["allowed"]
    assert any("CPU time" in warning for warning in response["warnings"])
    assert fields(told)["over_budget"] is True


def test_nothing_is_added_to_an_object_that_takes_too_long() -> None:
    told = hurried("mutate", Example(DaemonSet(env={"MINIMUM_IP_TARGET": "5"})).change())
    response = json.loads(told.body)["response"]
    assert response["allowed"]
    assert "patch" not in response
    assert any("too much CPU time" in warning for warning in response["warnings"])
    assert fields(told)["over_budget"] is True


def test_commands_have_no_budget() -> None:
    assert guard().budget is None
