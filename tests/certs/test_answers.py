"""What an answer says; and that the package `kubernetes` lets it be read, on a real API server."""

import json
from datetime import UTC, datetime

import pytest

from certs.answers import raise_for, read
from certs.cluster import Cluster as Client
from certs.cluster import credentials
from certs.errors import ConflictError, ForbiddenError, InvalidError, RejectedError
from certs.resources import SECRET, Resource
from tests.certs.world import World


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
    with pytest.raises(ForbiddenError, match=r'u lacks the right to patch "secrets" \(API group ""\) named "x" in the'):
        raise_for(read(403, [], json.dumps({"message": rbac}).encode()), "applying it", "x")
    webhook = b'{"message": "admission webhook \\"w\\" denied the request: no"}'
    with pytest.raises(RejectedError, match="denied the request"):
        raise_for(read(403, [], webhook), "applying it", "x")
    with pytest.raises(ForbiddenError, match="does not know who asks"):
        raise_for(read(401, [], b'{"message": "Unauthorized"}'), "applying it", "x")


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
        old = Resource("", "v1", "endpoints", "Endpoints", namespaced=True)
        answer = client.try_out(old, {**old.named("e", world.namespace), "subsets": []})
        assert answer.good
        assert [warning for warning in answer.warnings if "deprecated" in warning]
        assert world.find(old, "e") is None
        assert client.delete(SECRET, "plain")
        assert not client.delete(SECRET, "plain")
        assert client.get(SECRET, "plain") is None
    assert said == []
