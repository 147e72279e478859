"""Objects that nobody should send, through a real API server: refused with a reason, by whichever of the two it is.

None may be stored as it is, end in a 500, hang, or fail the call of the guard.
"""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from tests.controlplane.guarded import AWS_NODE, DAEMONSETS, ENICONFIGS, Guarded, Object, Reply, container
from webhook.cni.stock import stock

ENICONFIG: Object = {
    "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
    "kind": "ENIConfig",
    "metadata": {"name": "odd"},
    "spec": {"subnet": "subnet-0123456789abcdef0", "securityGroups": ["sg-0123456789abcdef0"]},
}


@pytest.fixture(autouse=True)
def sound(guarded: Guarded) -> Iterator[None]:
    """Whatever came, the guard had an answer that was none of its own failures."""
    guarded.remove()
    before = failures(guarded)
    yield
    guarded.past_the_guard("DELETE", ENICONFIGS)
    assert failures(guarded) == before


def failures(guarded: Guarded) -> list[str]:
    """The guard's own count of what went wrong in it."""
    _, metrics = guarded.guard.get("/metrics")
    names = ("cni_guard_http_errors_total{", "cni_guard_rule_errors_total{")
    return [line for line in metrics.splitlines() if line.startswith(names)]


def create(guarded: Guarded, manifest: object, path: str = DAEMONSETS) -> Reply:
    return guarded.request("POST", path, manifest)


def with_env(env: object) -> Object:
    manifest = stock("1.22.4")
    container(manifest)["env"] = env
    return manifest


def test_env_as_a_map(guarded: Guarded) -> None:
    answer = guarded.apply(with_env({"WARM_IP_TARGET": "5"}))
    assert not answer.passed
    assert "cannot unmarshal object into Go struct field Container.spec.template.spec.containers.env" in answer.err
    assert not guarded.exists()


def test_a_value_that_is_a_number(guarded: Guarded) -> None:
    answer = guarded.apply(with_env([{"name": "WARM_IP_TARGET", "value": 5}]))
    assert not answer.passed
    assert "cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value" in answer.err
    assert not guarded.exists()


@pytest.mark.parametrize("containers", [None, []])
def test_no_containers(guarded: Guarded, containers: object) -> None:
    manifest = stock("1.22.4")
    manifest["spec"]["template"]["spec"]["containers"] = containers
    reply = create(guarded, manifest)
    assert reply.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "spec.template.spec.containers: Required value" in reply.body["message"]
    assert not guarded.exists()


def test_without_a_spec(guarded: Guarded) -> None:
    manifest = stock("1.22.4")
    del manifest["spec"]
    reply = create(guarded, manifest)
    assert reply.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not guarded.exists()


def test_ten_thousand_variables(guarded: Guarded) -> None:
    many = [{"name": f"NAME_{number}", "value": ""} for number in range(10_000)]
    reply = create(guarded, with_env(many))
    assert reply.status == HTTPStatus.FORBIDDEN
    assert "POD-013: env of container aws-node has 10000 entries, and at most 250 are read" in reply.answer.denied, (
        reply.body["message"]
    )
    assert not guarded.exists()


def test_annotations_beyond_what_an_api_server_takes(guarded: Guarded) -> None:
    manifest = stock("1.22.4")
    manifest["metadata"]["annotations"] = {f"example.com/{number}": "x" * 100_000 for number in range(29)}
    reply = create(guarded, manifest)
    assert reply.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert re.search(r"metadata\.annotations: Too long: .* 262144 bytes", reply.body["message"])
    manifest["metadata"]["annotations"]["example.com/more"] = "x" * 500_000
    assert create(guarded, manifest).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert not guarded.exists()


def test_the_largest_annotations_are_judged_like_any(guarded: Guarded) -> None:
    manifest = stock("1.22.4")
    manifest["metadata"]["annotations"] = {"example.com/large": "x" * 250_000}
    assert create(guarded, manifest).status == HTTPStatus.CREATED
    container(manifest)["env"] += [
        {"name": "WARM_IP_TARGET", "value": "5"},
        {"name": "WARM_ENI_TARGET", "value": "3"},
    ]
    reply = guarded.request("PUT", AWS_NODE, manifest)
    assert "IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5" in reply.answer.denied


def test_deep_nesting(guarded: Guarded) -> None:
    """The CRD keeps unknown fields at the top; the API server reads 10,000 levels, far more than the guard needs."""
    depth = 4_000
    deep = b'{"extra":' + b"[" * depth + b"]" * depth + b"," + json.dumps(ENICONFIG).encode()[1:]
    reply = guarded.request("POST", ENICONFIGS, deep)
    assert reply.status == HTTPStatus.FORBIDDEN
    assert reply.body["message"] == (
        'admission webhook "eniconfig.cni-guard.dev" denied the request: the object is nested too deeply: more than '
        "500 levels. Remove the deepest fields"
    )


def test_a_key_that_stands_twice(guarded: Guarded) -> None:
    """The API server takes the last one, and so does the guard, since it is what comes to it."""
    twice = json.dumps(ENICONFIG).replace('"securityGroups"', '"subnet": "none", "securityGroups"').encode()
    reply = guarded.request("POST", ENICONFIGS, twice)
    assert reply.warnings == ('duplicate field "spec.subnet"',)
    assert reply.answer.denied == ['ENIC-001: spec.subnet of ENIConfig odd is "none", not a subnet ID']
    assert "ENIC-001" not in guarded.request("POST", f"{ENICONFIGS}?fieldValidation=Strict", twice).body["message"]


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\\udc00", "\\u001b[31m", "\\u2028"])
def test_odd_characters(guarded: Guarded, text: str) -> None:
    content = json.dumps(ENICONFIG).replace("subnet-0", f"subnet-{text}0").encode()
    reply = guarded.request("POST", ENICONFIGS, content)
    assert reply.status == HTTPStatus.FORBIDDEN
    message = reply.body["message"]
    assert "denied the request: ENIC-001: spec.subnet of ENIConfig odd is" in message
    assert message.isprintable()  # what a terminal shows can not be forged


def test_odd_characters_in_a_value(guarded: Guarded) -> None:
    manifest = with_env([{"name": "WARM_IP_TARGET", "value": "5\u0000\n\u001b[2K"}])
    reply = create(guarded, manifest)
    assert reply.status == HTTPStatus.FORBIDDEN
    assert any(denied.startswith("ENV-002: WARM_IP_TARGET=") for denied in reply.answer.denied)
    assert all(line.isprintable() for line in reply.body["message"].splitlines())
    assert not guarded.exists()


@pytest.mark.parametrize("spec", ["subnet-0123456789abcdef0", 5, [], None, True])
def test_a_spec_that_is_no_object(guarded: Guarded, spec: Any) -> None:
    reply = create(guarded, ENICONFIG | {"spec": spec}, ENICONFIGS)
    assert HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
    assert "spec" in reply.body["message"]
    assert guarded.request("GET", f"{ENICONFIGS}/odd").status == HTTPStatus.NOT_FOUND


def test_a_spec_that_the_crd_does_not_check(guarded: Guarded) -> None:
    """An old CRD had no schema: then the guard is the one that refuses."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/eniconfigs.crd.k8s.amazonaws.com"
    crd = guarded.request("GET", path).body
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    patch = [{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": loose}]
    back = [patch[0] | {"value": crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]}]
    kind = "application/json-patch+json"
    assert guarded.request("PATCH", path, patch, content_type=kind).status == HTTPStatus.OK
    try:
        text = ENICONFIG | {"spec": "subnet-0123456789abcdef0"}

        def refused_by_the_guard() -> list[str]:
            return create(guarded, text, ENICONFIGS).answer.denied

        denied = guarded.cluster.wait_for(refused_by_the_guard, "the CRD to be served anew")
        assert denied == ["ENIC-001: spec.subnet of ENIConfig odd is absent, not a subnet ID"]
    finally:
        guarded.request("PATCH", path, back, content_type=kind)

        def checked_by_the_api_server() -> bool:
            return "must be of type object" in create(guarded, text, ENICONFIGS).body["message"]

        guarded.cluster.wait_for(checked_by_the_api_server, "the CRD to be served as before")
