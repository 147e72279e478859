"""The snapshot: what is written is read again, and nothing else is."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from webhook.facts import NOTHING_KNOWN, EniConfig, Fact, FactName, Facts, Node, Service, Workload, files, snapshot
from webhook.facts.snapshot import LIMIT, Snapshot, SnapshotError, decode, encode
from webhook.facts.templates import template_hash

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

words = st.text(max_size=12)
mappings = st.dictionaries(words, words, max_size=3)
integers = st.integers(-(2**63), 2**63 - 1)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def several(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def each(struct: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return several(st.builds(struct, **fields))


values: dict[FactName, st.SearchStrategy[Any]] = {
    "kubernetes": st.tuples(st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1)),
    "nodes": each(Node, labels=mappings, annotations=mappings, pods=st.none() | integers),
    "eni_configs": each(EniConfig, security_groups=several(words)),
    "aws_node": several(json_values),
    "services": each(Service),
    "kube_proxy_mode": words,
    "workloads": each(Workload, images=several(words), host_ports=several(integers)),
    "config_map": st.none() | mappings,
    "security_group_policies": several(words),
    "policy_endpoints": st.booleans(),
    "network_policies": st.booleans(),
    "crds": st.frozensets(words, max_size=3),
    "cluster_role": json_values,
    "cluster_role_binding": json_values,
    "service_account": json_values,
    "templates": st.frozensets(words, max_size=3),
}
times = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - the time zone is chosen beside them
    datetime(2026, 11, 25, 12),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
).filter(lambda time: time <= NOW)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    taken = draw(times)
    known = draw(st.sets(st.sampled_from(sorted(values))))
    found: dict[str, Any] = {name: Fact(draw(values[name]), "cluster", taken) for name in sorted(known)}
    return Snapshot.of(Facts(**found), taken, draw(words))


def broken(content: bytes) -> str:
    with pytest.raises(SnapshotError) as error:
        decode(content, NOW)
    return str(error.value)


def changed(**keys: Any) -> bytes:
    return json.dumps(json.loads(encode(Snapshot.of(NOTHING_KNOWN, NOW))) | keys).encode()


def test_every_fact_has_a_key() -> None:
    assert values.keys() == set(get_args(FactName))
    others = {"api_version", "kind", "taken", "cluster"}
    assert {field.name for field in msgspec.structs.fields(Snapshot)} - others == set(get_args(FactName))


@given(snapshots())
def test_what_is_written_is_read(written: Snapshot) -> None:
    assert decode(encode(written), NOW) == written
    assert Snapshot.of(written.facts(), written.taken, written.cluster or "") == written


@given(snapshots())
def test_what_is_written_is_valid(written: Snapshot) -> None:
    jsonschema.validate(json.loads(encode(written)), snapshot.schema())


@given(snapshots(), st.data())
def test_any_truncation_is_refused(written: Snapshot, data: st.DataObject) -> None:
    content = encode(written)
    reason = broken(content[: data.draw(st.integers(0, len(content) - 1))])
    assert "cni-guard facts" in reason


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused(content: bytes) -> None:
    broken(content)


@given(snapshots(), st.data())
def test_a_flipped_byte_is_refused_or_read(written: Snapshot, data: st.DataObject) -> None:
    content = bytearray(encode(written))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assume(content != encode(written))
    with suppress(SnapshotError):
        decode(bytes(content), NOW).facts()


def test_the_published_schema_is_fresh() -> None:
    published = json.loads(Path(snapshot.__file__).with_name("snapshot.schema.json").read_text())
    assert published == json.loads(json.dumps(snapshot.schema())), "run `make rules`"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the snapshot is damaged or incomplete: Input data was truncated: write it again with `cni-guard facts`"),
        (b'{"kind":' + b"[" * 100_000, "the snapshot is damaged or incomplete: "),
        (b"kind: Snapshot", "the snapshot is damaged or incomplete: "),
        (b"[]", "not a snapshot (its kind is not Snapshot): give a file that `cni-guard facts` wrote"),
        (changed(kind="Policy"), "not a snapshot (its kind is not Snapshot)"),
        (
            changed(apiVersion="cni-guard.dev/v1"),
            "apiVersion is cni-guard.dev/v1, expected cni-guard.dev/v1alpha1: write it again with `cni-guard facts`",
        ),
        (changed(taken="yesterday"), "not a valid snapshot: Invalid RFC3339 encoded datetime - at `$.taken`: "),
        (changed(taken="2026-11-25T12:00:00"), "not a valid snapshot: "),
        (changed(nodes=[{"zone": "a"}]), "not a valid snapshot: "),
        (
            changed(taken="2026-11-25T12:01:01Z"),
            "the snapshot is from the future, 61 s ahead of this clock: correct the clocks, then write it again",
        ),
        (b" " * (LIMIT + 1), f"too large for a snapshot: {LIMIT + 1} bytes, at most {LIMIT}: "),
    ],
    ids=[
        "empty",
        "nested",
        "yaml",
        "list",
        "kind",
        "version",
        "time",
        "no time zone",
        "no name",
        "future",
        "large",
    ],
)
def test_the_reason_says_what_to_do(content: bytes, reason: str) -> None:
    assert broken(content).startswith(reason)


def test_a_clock_may_be_a_minute_behind_and_a_later_version_may_add_keys() -> None:
    assert decode(changed(taken="2026-11-25T12:01:00Z", later=[1]), NOW).facts() == NOTHING_KNOWN


def test_it_is_stale_after_ten_minutes() -> None:
    one = Snapshot.of(NOTHING_KNOWN, NOW)
    assert not one.is_stale(NOW + timedelta(minutes=10))
    assert one.is_stale(NOW + timedelta(minutes=10, seconds=1))


# the file


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(4 * LIMIT)
    with pytest.raises(SnapshotError, match=f"too large for a snapshot: {4 * LIMIT} bytes"):
        files.read_file(tmp_path / "large", NOW)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    written = Snapshot.of(Facts(nodes=Fact((Node(name="a"),), "cluster")), NOW)
    files.write_file(file, b"old")
    with file.open("rb") as still_open:
        files.write_file(file, encode(written))
        assert still_open.read() == b"old"
    assert files.read_file(file, NOW) == written
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write_file(tmp_path / "snapshot.json", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["snapshot.json"]


# the templates


@given(json_values, st.dictionaries(words.filter(lambda key: key != "$patch"), json_values, max_size=4))
def test_a_template_is_found_again_in_its_revision(metadata: Any, template: dict[str, Any]) -> None:
    template = template | {"metadata": metadata if metadata is not None else {}}
    again = dict(reversed(template.items())) | {"$patch": "replace"}
    assert template_hash(again) == template_hash(template)
    assert template_hash(template | {"spec": "other"}) != template_hash(template | {"spec": "one"})


def test_a_null_time_of_creation_does_not_count() -> None:
    template = {"metadata": {"labels": {"a": "b"}}}
    with_null = {"metadata": {"labels": {"a": "b"}, "creationTimestamp": None}}
    assert template_hash(with_null) == template_hash(template)


def test_the_time_of_a_restart_does_not_count() -> None:
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-06-01T12:00:00Z"}
    for others in ({}, {"a": "b"}):
        template = {"metadata": {"labels": {"a": "b"}, **({"annotations": others} if others else {})}}
        again = {"metadata": {"labels": {"a": "b"}, "annotations": {**others, **restarted}}}
        assert template_hash(again) == template_hash(template)
    assert template_hash({"metadata": {"annotations": {"a": "c"}}}) != template_hash({"metadata": {}})
    assert template_hash({"metadata": {"annotations": restarted}}) == template_hash({})
