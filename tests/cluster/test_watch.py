"""Lists and watches: what a real API server does only rarely."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.scripted import GONE, Script, bookmark, event, node, page, served, status
from tests.server.conftest import until
from webhook.cluster.errors import ApiError, StatusError, UnreachableError
from webhook.cluster.keep import Writer
from webhook.cluster.listing import fetch
from webhook.cluster.reads import ENI_CONFIGS, NETWORK_POLICIES, NODES, READS
from webhook.cluster.store import LAPSE, Store
from webhook.cluster.watch import LONGEST_PAUSE, Follower, Pauses, Troubles
from webhook.facts import Node
from webhook.facts.snapshot import STALE_AFTER


def names(store: Store) -> list[str] | None:
    """The nodes that are known."""
    snapshot = store.snapshot(datetime.now(UTC))
    facts = snapshot.facts() if snapshot else None
    return [one.name for one in facts.nodes.value] if facts and facts.nodes else None


@contextmanager
def followed(lists: list[Any], watches: list[Any]) -> Iterator[tuple[Store, Script, list[str]]]:
    """The nodes of a script, followed in the background."""
    script, store, said = Script(lists, watches), Store(), list[str]()
    with served(script) as client:
        follower = Follower(client, NODES, store, Troubles(said.append))
        threading.Thread(target=follower.run, daemon=True).start()
        yield store, script, said


# lists


def test_all_pages_are_listed() -> None:
    script = Script([page("a", "b", more="next"), page("c", more="last"), page("d")], [])
    with served(script) as client:
        assert sorted(fetch(client, NODES).items) == ["a", "b", "c", "d"]
    assert [(query["limit"], query.get("continue")) for query in script.asked] == [
        ("500", None),
        ("500", "next"),
        ("500", "last"),
    ]


def test_expired_pages_are_listed_again_from_the_start() -> None:
    script = Script([page("a", "gone", more="next"), status(410), page("a", more="next"), page("b")], [])
    with served(script) as client:
        assert sorted(fetch(client, NODES).items) == ["a", "b"]


def test_a_list_that_always_expires_is_given_up() -> None:
    with served(Script([status(410)], [])) as client, pytest.raises(ApiError, match="faster than they can be listed"):
        fetch(client, NODES)


def test_a_kind_that_is_missing_has_no_objects() -> None:
    with served(Script([status(404)], [])) as client:
        assert fetch(client, ENI_CONFIGS).items == {}


def test_whether_there_are_any_takes_one_object() -> None:
    script = Script([page("a", more="next")], [])
    with served(script) as client:
        assert len(fetch(client, NETWORK_POLICIES).items) == 1
    assert [query["limit"] for query in script.asked] == ["1"]


@pytest.mark.parametrize("answer", [{"items": {}}, [], {"metadata": {}, "items": [{"metadata": 1}]}], ids=str)
def test_an_unexpected_form_is_an_error(answer: Any) -> None:
    with served(Script([answer], [])) as client, pytest.raises(ApiError, match="the nodes in an unexpected form"):
        fetch(client, NODES)


@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
def test_an_error_is_raised_with_its_status(code: int) -> None:
    with served(Script([status(code, Retry_After="7")], [])) as client, pytest.raises(StatusError) as raised:
        fetch(client, NODES)
    assert (raised.value.status, raised.value.retry_after) == (code, 7)
    assert "by the script" in str(raised.value)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with served(Script([page()], [])) as client:
        pass
    with pytest.raises(UnreachableError, match=r"^the API server http://127.0.0.1:\d+ is unreachable: .*refused"):
        fetch(client, NODES)


# watches


def test_events_change_what_is_known() -> None:
    sent = event("ADDED", node("b", "11")) + event("MODIFIED", node("a", "12", zone="x")) + event("DELETED", node("b"))
    with followed([page("a")], [sent + event("ADDED", node("c", "14"))]) as (store, _, _):
        until(lambda: names(store) == ["a", "c"], "the events")


def test_a_connection_that_breaks_goes_on_where_it_broke() -> None:
    half = event("ADDED", node("c", "30"))[:20]
    watches = [bookmark("20"), event("ADDED", node("b", "21")) + half, event("ADDED", node("c", "30"))]
    with followed([page("a")], watches) as (store, script, said):
        until(lambda: names(store) == ["a", "b", "c"], "the events after both breaks")
        assert script.watched[:3] == ["10", "20", "21"]
        assert script.listed == 1
        assert said[0].startswith("the connection to the API server broke: ")


@pytest.mark.parametrize("gone", [GONE, bookmark("20") + GONE, status(410)], ids=["event", "bookmark", "answer"])
def test_what_is_too_old_is_listed_again(gone: Any) -> None:
    with followed([page("a", "b"), page("c", version="40")], [gone]) as (store, script, said):
        until(lambda: names(store) == ["c"], "the new list")
        until(lambda: script.watched[1:] == ["40"], "a watch from the new list on")
        assert said == []


def test_a_watch_that_ends_as_it_should_is_opened_again() -> None:
    with followed([page("a")], [None, None]) as (_, script, said):
        until(lambda: script.watched == ["10", "10", "10"], "the third watch")
        assert (script.listed, said) == (1, [])


def test_an_event_that_is_not_understood_leads_to_a_new_list() -> None:
    with followed([page("a"), page("b")], [b"<html>\n"]) as (store, _, said):
        until(lambda: names(store) == ["b"], "the new list")
        assert "an event of the nodes in an unexpected form" in said[0]


def test_errors_are_retried_and_said_once() -> None:
    with followed([status(500), status(500), page("a")], [bookmark("11")]) as (store, _, said):
        until(lambda: names(store) == ["a"], "the list after the errors")
        until(lambda: "all facts are read again" in said, "the end of the trouble")
        assert said[0] == "the API server answered with HTTP 500: by the script"
        assert said.count(said[0]) == 1


def test_a_start_of_the_server_that_forbids_everything_forgets_nothing() -> None:
    with followed([page("a"), status(403), status(403), page("a", "b")], [GONE]) as (store, script, said):
        until(lambda: script.listed > 2, "the refusals")
        assert names(store) == ["a"]
        until(lambda: names(store) == ["a", "b"], "the list after the refusals")
        assert said == []


def test_what_was_never_allowed_is_left_out_and_the_right_is_named() -> None:
    with followed([status(403), page("a")], []) as (store, _, said):
        until(lambda: names(store) == ["a"], "the right")
        assert said[0] == "forbidden to list nodes, so the snapshot lacks the nodes: grant this right"


# pauses


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=40))
def test_pauses_grow_up_to_thirty_seconds_and_begin_anew(wanted: list[float]) -> None:
    slept: list[float] = []
    pauses = Pauses(slept.append)
    for at_least in wanted:
        pauses.take(at_least)
    assert all(
        min(at_least, LONGEST_PAUSE) <= pause <= LONGEST_PAUSE for at_least, pause in zip(wanted, slept, strict=True)
    )
    for _ in range(10):
        pauses.take()
    assert LONGEST_PAUSE / 2 <= slept[-1] <= LONGEST_PAUSE == 30
    pauses.reset()
    pauses.take()
    assert slept[-1] <= 0.5


# the store


def filled() -> Store:
    store = Store()
    for read in READS:
        store.replace(read, {})
    return store


def test_only_what_is_kept_is_a_change() -> None:
    store = filled()
    store.put(NODES, "a", Node(name="a"))
    assert store.wait_for_change(0)
    store.snapshot(datetime.now(UTC))
    store.put(NODES, "a", Node(name="a"))
    store.put(NODES, "", None)
    store.put(NODES, "unknown", None)
    store.replace(NODES, {"a": Node(name="a")})
    assert not store.wait_for_change(0)
    store.put(NODES, "a", None)
    assert store.wait_for_change(0)


def test_a_snapshot_is_as_old_as_what_was_seen_least_recently() -> None:
    store = filled()
    after = datetime.now(UTC)
    for read in READS:
        if read is not NODES:
            store.confirm(read)
    snapshot = store.snapshot(datetime.now(UTC))
    assert snapshot is not None
    assert snapshot.taken <= after
    store.confirm(NODES)
    later = store.snapshot(datetime.now(UTC))
    assert later is not None
    assert later.taken >= after


def test_what_is_not_confirmed_is_left_out_before_it_is_too_old() -> None:
    assert LAPSE < STALE_AFTER
    store = filled()
    assert store.snapshot(datetime.now(UTC) + LAPSE + timedelta(seconds=1)) is None


def test_a_kind_that_is_forgotten_is_unknown() -> None:
    store = filled()
    store.forget(NODES)
    snapshot = store.snapshot(datetime.now(UTC))
    assert snapshot is not None
    assert snapshot.facts().nodes is None
    assert snapshot.facts().eni_configs is not None


# the file


def test_the_file_is_written_when_there_is_something_new(tmp_path: Path) -> None:
    file, said, store = tmp_path / "snapshot.json", list[str](), filled()
    write: Callable[[Any], None] = Writer(file, said.append)
    snapshot = store.snapshot(datetime.now(UTC))
    write(None)
    assert not file.exists()
    write(snapshot)
    first = file.stat().st_ino
    write(snapshot)
    assert file.stat().st_ino == first
    for read in READS:
        store.confirm(read)
    write(store.snapshot(datetime.now(UTC)))
    assert file.stat().st_ino != first
    assert said == []


class Broken(Store):
    def snapshot(self, now: datetime) -> NoReturn:
        raise RecursionError(f"at {now:%Y}")


def test_no_error_ends_the_process(tmp_path: Path) -> None:
    said = list[str]()
    write = Writer(tmp_path / "snapshot.json", said.append)
    write.take(Broken())
    write.take(Broken())
    assert said == [f"cannot write a snapshot: report this bug: RecursionError: at {datetime.now(UTC):%Y}"]
    write.take(filled())
    assert (tmp_path / "snapshot.json").exists()


def test_a_failed_write_is_said_once_and_tried_again(tmp_path: Path) -> None:
    folder, said, store = tmp_path / "later", list[str](), filled()
    write = Writer(folder / "snapshot.json", said.append)
    snapshot = store.snapshot(datetime.now(UTC))
    write(snapshot)
    write(snapshot)
    assert said == [f"{folder / 'snapshot.json'}: No such file or directory"]
    folder.mkdir()
    write(snapshot)
    assert (folder / "snapshot.json").exists()
