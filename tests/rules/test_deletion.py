"""DEL-001: a permit is a moment of RFC 3339, at most an hour ahead, and none is stored that could ripen."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.changes import NOW, evaluated
from webhook.catalogue import moments
from webhook.catalogue.permits import ALLOW_DELETE
from webhook.cni.identity import change_of
from webhook.cni.stock import stock

LATE = "2026-06-01T13:00:01Z"


def node(permit: Any = None, managed: Any = None) -> dict[str, Any]:
    daemonset = stock()
    if permit is not None:
        daemonset["metadata"]["annotations"] = {ALLOW_DELETE: permit}
    if managed is not None:
        daemonset["metadata"]["managedFields"] = managed
    return daemonset


def denied(new: Any, old: Any, operation: Any) -> str:
    verdict = evaluated(change_of("DaemonSet", new, old, operation))
    assert verdict.errors == ()
    return "\n".join(denial for denial in verdict.denials if denial.startswith("DEL-001"))


# --- the reader ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-01T12:30:00Z", datetime(2026, 6, 1, 12, 30, tzinfo=UTC)),
        ("2026-06-01t12:30:00z", datetime(2026, 6, 1, 12, 30, tzinfo=UTC)),
        ("2026-06-01T12:30:00.5Z", datetime(2026, 6, 1, 12, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-06-01T12:30:00.1234567899Z", datetime(2026, 6, 1, 12, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-06-01T14:30:00+02:00", datetime(2026, 6, 1, 12, 30, tzinfo=UTC)),
        ("2026-06-01T12:30:00-00:00", datetime(2026, 6, 1, 12, 30, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("1990-12-31T15:59:60-08:00", datetime(1991, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.9Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_of_rfc_3339(text: str, moment: datetime) -> None:
    assert moments.read(text) == moment


NOT_RFC_3339 = [
    "",
    "2026-06-01",
    "2026-06-01T12:30Z",
    "2026-06-01T12Z",
    "2026-06-01T12:30:00",
    "2026-06-01 12:30:00Z",
    "2026-06-01T12:30:00 Z",
    " 2026-06-01T12:30:00Z",
    "2026-06-01T12:30:00Z\n",
    "20260601T123000Z",
    "2026-W23-1T12:30:00Z",
    "2026-152T12:30:00Z",
    "2026-06-01T12:30:00,5Z",
    "2026-06-01T12:30:00.Z",
    "2026-06-01T12:30:00+02",
    "2026-06-01T12:30:00+0200",
    "2026-06-01T12:30:00+02:00:00",
    "2026-06-01T12:30:00+24:00",
    "2026-06-01T12:30:00+02:60",
    "2026-06-01T24:00:00Z",
    "2026-06-01T12:30:61Z",
    "2026-06-01T12:30:60Z",
    "2026-06-15T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "+2026-06-01T12:30:00Z",
    "٢٠٢٦-06-01T12:30:00Z",
    "1780317000",
    "now",
]


@pytest.mark.parametrize("text", NOT_RFC_3339)
def test_nothing_looser(text: str) -> None:
    assert moments.read(text) is None
    assert denied(None, node(text), "DELETE")
    assert not denied(node(text), node(), "UPDATE")


offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))

MOMENTS = st.datetimes(datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29"), timezones=offsets)


@given(MOMENTS, st.booleans())
def test_what_python_writes_is_read_back(moment: datetime, lower: bool) -> None:
    text = moment.isoformat()
    assert moments.read(text.lower() if lower else text) == moment


digits = st.text(alphabet="0123456789", min_size=1, max_size=4)
near = st.tuples(digits, *[st.sampled_from("-T:. Zz+W") | digits for _ in range(12)]).map("".join)


@given(st.text() | near)
@example("9999-12-31T23:59:60Z")
@example("0001-01-01T00:00:00+23:59")
@example("9999-12-31T23:59:59-23:59")
@example("9" * 100_000)
def test_any_text_is_read_or_refused(text: str) -> None:
    moment = moments.read(text)
    assert moment is None or moment.tzinfo is not None
    assert isinstance(denied(node(text), None, "CREATE"), str)
    assert isinstance(denied(None, node(text), "DELETE"), str)


# --- writing a permit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "late", [LATE, "2026-06-01T15:00:01+02:00", "9999-12-31T23:59:59-23:59", "2026-06-01t13:00:00.5z"]
)
def test_a_permit_that_could_ripen_is_neither_written_nor_kept(late: str) -> None:
    for new, old, operation in (
        (node(late), None, "CREATE"),
        (node(late), node(), "UPDATE"),
        (node(late), node("2026-06-01T12:30:00Z"), "UPDATE"),
        (node(late), node(late), "UPDATE"),
    ):
        message = denied(new, old, operation)
        assert "more than an hour ahead" in message
        assert f"--overwrite {ALLOW_DELETE}=2026-06-01T12:15:00Z`" in message


def test_removing_it_or_writing_the_proposed_one_passes() -> None:
    assert not denied(node(), node(LATE), "UPDATE")
    assert not denied(node("2026-06-01T12:15:00Z"), node(LATE), "UPDATE")
    assert not denied(None, node("2026-06-01T12:15:00Z"), "DELETE")


@pytest.mark.parametrize("permit", ["2026-06-01T13:00:00Z", "2026-06-01T12:00:00Z", "2020-01-01T00:00:00Z", "soon", 5])
def test_any_other_permit_may_be_stored(permit: Any) -> None:
    assert not denied(node(permit), node(), "UPDATE")


def test_another_daemonset_may_carry_what_it_likes() -> None:
    other = node(LATE)
    other["metadata"]["name"] = "other"
    assert not denied(other, None, "CREATE")


@given(st.integers(-10_000, 10_000))
def test_a_permit_counts_from_now_to_an_hour_ahead(seconds: int) -> None:
    permit = (NOW + timedelta(seconds=seconds)).isoformat()
    assert bool(denied(None, node(permit), "DELETE")) == (not 0 < seconds <= 3600)
    assert bool(denied(node(permit), node(permit), "UPDATE")) == (seconds > 3600)


# --- who wrote it ----------------------------------------------------------------------------------------------------

SOON = "2026-06-01T12:30:00Z"


def entry(subresource: Any = None, key: str = f"f:{ALLOW_DELETE}") -> dict[str, Any]:
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {".": {}, key: {}}}}
    written = {"manager": "kubectl", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return written if subresource is None else written | {"subresource": subresource}


@pytest.mark.parametrize(
    ("managed", "counts"),
    [
        (None, True),
        ([], True),
        ([entry()], True),
        ([entry(""), entry("status", "f:other")], True),
        ([entry("status")], False),
        ([entry(), entry("status")], False),
        ([{"subresource": "status"}, None, "x"], True),
        ({"subresource": "status"}, True),
        ("x", True),
    ],
)
def test_a_permit_of_a_status_writer_does_not_count(managed: Any, counts: bool) -> None:
    message = denied(None, node(SOON, managed), "DELETE")
    assert bool(message) != counts
    assert counts or "written through the status of the object" in message
