"""What an answer says; and that the package `kubernetes` lets it be read, on a real API server."""

import json
from datetime import UTC, datetime

import pytest

from certs.answers import lacking_right, raise_for, read
from certs.canary import daemon_set
from certs.cluster import Cluster as Client
from certs.cluster import credentials
from certs.errors import ConflictError, ForbiddenError, InvalidError, RejectedError
from certs.resources import DAEMON_SET, SECRET
from tests.certs.world import CANARY, World


def test_warnings_and_their_quotes() -> None:
    headers = [
        ("Warning", '299 - "cni-guard canary a1 answered at mutate"'),
        ("warning", r'299 - "say \"no\" \\ twice", 299 kube "second, with a comma"'),
        ("Warning", "nonsense"),
    ]
    assert read(200, headers, b"{}").warnings == (
        "cni-guard canary a1 answered at mutate",
        'say "no" \\ twice',
        "second, with a comma",
    )


def test_dates_and_waits() -> None:
    answer = read(429, [("Date", "Tue, 24 Nov 2026 15:00:00 GMT"), ("Retry-After", "7")], b"")
    assert answer.date == datetime(2026, 11, 24, 15, tzinfo=UTC)
    assert answer.retry_after == 7.0
    odd = read(200, [("Date", "yesterday"), ("Retry-After", "soon")], b"[]")
    assert (odd.date, odd.retry_after, odd.body) == (None, None, {})


def test_messages() -> None:
    assert read(500, [], b'{"message": "why"}').message == "why"
    assert read(502, [], b"<html>Bad Gateway</html>").message == "<html>Bad Gateway</html>"
    assert len(read(502, [], b"x" * 9999).message) == 300
    assert read(200, [], b'{"message": "an object may have one"}').message == ""


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, ConflictError), (422, InvalidError), (400, RejectedError), (404, RejectedError), (418, RejectedError)],
)
def test_errors(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"reading it: why \(HTTP {status}\)"):
        raise_for(read(status, [], b'{"message": "why"}'), "reading it", "x")
    raise_for(read(201, [], b"{}"), "creating it", "x")


def test_forbidden_is_told_from_refused() -> None:
    rbac = 'secrets "x" is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "n"'
    with pytest.raises(ForbiddenError, match=r'u may not patch "secrets" \(API group ""\) named "x" in the'):
        raise_for(read(403, [], json.dumps({"message": rbac}).encode()), "applying it", "x")
    webhook = b'{"message": "admission webhook \\"w\\" denied the request: no"}'
    with pytest.raises(RejectedError, match="denied the request"):
        raise_for(read(403, [], webhook), "applying it", "x")
    with pytest.raises(ForbiddenError, match="authentication failed"):
        raise_for(read(401, [], b'{"message": "Unauthorized"}'), "applying it", "x")


def forbidden(message: str, **details: str) -> bytes:
    status = {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403}
    return json.dumps(status | {"message": message, "details": details}).encode()


@pytest.mark.parametrize("words", ["", " ", 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'])
@pytest.mark.parametrize(
    ("resource", "group", "where"),
    [("secrets", "", "n"), ("daemonsets", "apps", "n"), ("validatingwebhookconfigurations", "a.k8s.io", "")],
)
def test_a_right_to_create_that_is_missing_without_the_authorizer_s_words(
    words: str, resource: str, group: str, where: str
) -> None:
    """As an API server before 1.32 has it: only the details say what the request was about."""
    qualified = f"{resource}.{group}" if group else resource
    body = forbidden(f'{qualified} "x" is forbidden: {words}', name="x", kind=resource, group=group)
    expected = f'the installer may not create "{resource}" (API group "{group}") named "x"'
    with pytest.raises(ForbiddenError) as raised:
        raise_for(read(403, [], body), "applying it", "x", where)
    assert str(raised.value).startswith(f"applying it: {expected}")
    assert ('in the namespace "n"' in str(raised.value)) == bool(where)


@pytest.mark.parametrize(
    "message",
    [
        "daemonsets.apps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
        'secrets "x" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1',
        'admission webhook "w" denied the request without explanation',
        "",
    ],
)
def test_what_others_refuse_is_no_missing_right(message: str) -> None:
    answer = read(403, [], forbidden(message, name="x", kind="secrets"))
    assert lacking_right(answer, "x") == ""
    with pytest.raises(RejectedError):
        raise_for(answer, "applying it", "x")


def test_a_real_api_server(world: World) -> None:
    """Fields that no model knows go both ways; warnings, messages and the date come through the package."""
    said: list[str] = []
    access = credentials({"KUBECONFIG": str(world.cluster.kubeconfig)})
    with Client(access, world.namespace, said.append) as client:
        made = client.apply(SECRET, {**SECRET.named("plain", world.namespace), "stringData": {"a": "b"}})
        assert made["data"] == {"a": "Yg=="}
        assert abs((client.now() - datetime.now(UTC)).total_seconds()) < 5
        with pytest.raises(ConflictError, match='secrets "plain" already exists'):
            client.create(SECRET, SECRET.named("plain", world.namespace))
        with pytest.raises(InvalidError, match="Invalid value"):
            client.apply(SECRET, {**SECRET.named("plain", world.namespace), "type": "other"})
        with pytest.raises(RejectedError, match="nonsense: field not declared in schema"):
            client.apply(SECRET, {**SECRET.named("plain", world.namespace), "nonsense": 1})
        old = daemon_set(world.namespace, "none")
        old["spec"]["template"]["spec"]["nodeSelector"] = {"beta.kubernetes.io/os": "linux"}
        answer = client.try_out(DAEMON_SET, old)
        assert answer.good
        assert [warning for warning in answer.warnings if "deprecated since v1.14" in warning]
        assert world.find(DAEMON_SET, CANARY) is None
        assert client.delete(SECRET, "plain")
        assert not client.delete(SECRET, "plain")
        assert client.get(SECRET, "plain") is None
    assert said == []
