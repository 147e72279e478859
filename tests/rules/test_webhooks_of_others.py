"""WH-001: webhooks that must answer before a pod of aws-node is created; and that only files are evaluated."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.changes import evaluated
from webhook.cni.identity import change_of
from webhook.cni.webhooks import gates
from webhook.model import Source

GROUP = "admissionregistration.k8s.io"
HOME, NAME = "kubernetes.io/metadata.name", "kube-system"
PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
SHIPPED = Path(__file__).resolve().parents[2] / "manifests" / "webhooks.yaml"


def configuration(version: str = "v1", **fields: Any) -> dict[str, Any]:
    webhook = {"name": "pods.example.com", "rules": [PODS], **fields}
    return {"apiVersion": f"{GROUP}/{version}", "metadata": {"name": "x"}, "webhooks": [webhook]}


def is_gate(version: str = "v1", **fields: Any) -> bool:
    return bool(list(gates(configuration(version, **fields))))


def matching(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": [*values]} if values else {})}]}


def said(kind: str, whole: Any, *, in_file: bool) -> list[str]:
    source = Source("webhooks.yaml") if in_file else None
    verdict = evaluated(change_of(kind, whole, group=GROUP, source=source))
    assert verdict.errors == ()
    return [finding.rule for finding in verdict.findings]


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
def test_only_files_are_evaluated(kind: str) -> None:
    assert said(kind, configuration(), in_file=True) == ["WH-001"]
    assert said(kind, configuration(), in_file=False) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"operations": ["*"]}, True),
        ({"operations": ["UPDATE", "CREATE"]}, True),
        ({"operations": ["UPDATE"]}, False),
        ({"operations": None}, False),
        ({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}, True),
        ({"apiGroups": ["apps"]}, False),
        ({"apiVersions": ["v2"]}, False),
        ({"resources": ["*/*"]}, True),
        ({"resources": ["pods/*"]}, True),
        ({"resources": ["pods/exec"]}, False),
        ({"resources": ["*/exec"]}, False),
        ({"resources": ["deployments"]}, False),
        ({"scope": "*"}, True),
        ({"scope": "Namespaced"}, True),
        ({"scope": "Cluster"}, False),
    ],
)
def test_rules_that_match_new_pods(changed: dict[str, Any], expected: bool) -> None:
    assert is_gate(rules=[PODS | changed]) is expected
    assert is_gate(rules=[{"resources": ["secrets"]}, PODS | changed]) is expected


@pytest.mark.parametrize(
    ("version", "policy", "expected"),
    [("v1", None, True), ("v1", "Fail", True), ("v1", "Ignore", False), ("v1beta1", None, False),
     ("v1beta1", "Fail", True)],
)  # fmt: skip
def test_it_fails_closed(version: str, policy: str | None, expected: bool) -> None:
    assert is_gate(version, failurePolicy=policy) is expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        (None, True),
        (matching(HOME, "NotIn", NAME), False),
        (matching(HOME, "NotIn", "kube-public", NAME), False),
        (matching(HOME, "NotIn", "kube-public"), True),
        (matching(HOME, "In", "shop"), False),
        (matching(HOME, "In", NAME), True),
        (matching(HOME, "Exists"), True),
        (matching(HOME, "DoesNotExist"), False),
        ({"matchLabels": {HOME: NAME}}, True),
        ({"matchLabels": {"inject": "enabled"}}, False),
        (matching("inject", "In", "enabled"), False),
        (matching("ignore", "DoesNotExist"), True),
        (matching("ignore", "NotIn", "true"), True),
        (matching("ignore", "Exists"), False),
        ({"matchLabels": {HOME: NAME}, **matching(HOME, "NotIn", NAME)}, False),
        (matching(HOME, "Like", NAME), False),
    ],
)
def test_a_selector_of_namespaces(selector: Any, expected: bool) -> None:
    assert is_gate(namespaceSelector=selector) is expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (matching("k8s-app", "NotIn", "aws-node"), False),
        (matching("app.kubernetes.io/name", "NotIn", "aws-node"), False),
        (matching("k8s-app", "NotIn", "kube-proxy"), True),
        ({"matchLabels": {"inject": "true"}}, False),
        (matching("inject", "NotIn", "false"), True),
    ],
)
def test_a_selector_of_pods(selector: Any, expected: bool) -> None:
    assert is_gate(objectSelector=selector) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("request.namespace != 'kube-system'", False),
        ("!object.metadata.namespace.startsWith('kube-')", False),
        ("object.metadata.?labels['k8s-app'].orValue('') != 'aws-node'", False),
        ("request.userInfo.username != 'system:serviceaccount:kube-system:daemon-set-controller'", False),
        ("!('system:nodes' in request.userInfo.groups)", True),
        ("", True),
    ],
)
def test_conditions_that_may_leave_it_out(expression: str, expected: bool) -> None:
    assert is_gate(matchConditions=[{"name": "x", "expression": expression}]) is expected


def test_each_webhook_counts_for_itself() -> None:
    whole = configuration()
    [first] = whole["webhooks"]
    whole["webhooks"] = [first, first | {"name": "b", "failurePolicy": "Ignore"}, first | {"name": "c"}, "text"]
    assert list(gates(whole)) == [(0, "pods.example.com"), (2, "c")]


def test_the_webhooks_of_cni_guard_stand_before_no_pod() -> None:
    for whole in yaml.safe_load_all(SHIPPED.read_text()):
        assert list(gates(whole)) == []


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["rules", "failurePolicy", "namespaceSelector", "objectSelector", "matchConditions", "name"]


@given(st.sampled_from(FIELDS), json_values)
def test_any_shape_is_read(field: str, value: Any) -> None:
    list(gates(configuration(**{field: value})))
    list(gates({"apiVersion": value, "webhooks": value}))
    for inner in ("matchLabels", "matchExpressions"):
        list(gates(configuration(namespaceSelector={inner: value})))
        list(gates(configuration(namespaceSelector={inner: [{"key": value, "operator": value, "values": value}]})))
