"""The policy file: broken at the start, broken while it serves, mended; and it is never the outage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Serve, Served, review, until
from webhook.live import Watched
from webhook.policy import PolicyError

OBSERVE = "mode: observe\n"
ENFORCE = "mode: enforce\n"
BROKEN = "mode: obsrve\n"

NOTICE = "cni-guard uses its built-in policy"


def source(served: Served) -> Any:
    """Where the policy that rules comes from."""
    return served.ready()["policy"]["source"]


def failures(served: Served) -> float:
    """How many policies were refused."""
    return served.metric("cni_guard_policy_reload_failures_total")


def warnings(served: Served) -> str:
    """The warnings of an answer."""
    return "\n".join(served.review(review()).get("warnings", []))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the policy lies."""
    return tmp_path / "policy.yaml"


def test_without_a_file_the_built_in_policy_rules_without_notice(serve: Serve) -> None:
    served = serve()
    assert source(served) == "built-in"
    assert failures(served) == 0
    assert NOTICE not in warnings(served)


def test_a_file_rules(serve: Serve, file: Path) -> None:
    file.write_text(OBSERVE)
    served = serve("--policy", str(file))
    assert served.ready()["policy"] == served.ready()["policy"] | {"source": "file", "mode": "observe", "refusal": None}
    assert served.metric('cni_guard_policy_info{source="file"}') == 1
    assert served.metric("cni_guard_policy_loaded_timestamp_seconds") > 0


def test_what_a_policy_says_in_vain_is_ready_and_warned_about(serve: Serve, file: Path) -> None:
    file.write_text("mode: enforce\nrules:\n  PFX-001: warn\n")
    served = serve("--policy", str(file))
    (warning,) = served.ready()["policy"]["warnings"]
    assert warning.startswith(f"{file}:3:3: the level warn of PFX-001 has no effect")
    (line,) = until(lambda: served.logged("policy loaded with a warning"), "logging")
    assert (line["level"], line["reason"]) == ("WARNING", warning)
    assert "PFX-001" not in warnings(served)


def unreadable_text(file: Path) -> None:
    """A typo."""
    file.write_text(BROKEN)


def no_text(file: Path) -> None:
    """Bytes that are no UTF-8."""
    file.write_bytes(b"\xff\xfe\x00")


def folder(file: Path) -> None:
    """What kubelet makes of a mount that is not there."""
    file.mkdir()


def nothing(_: Path) -> None:
    """No file at all."""


@pytest.mark.parametrize("breaks", [unreadable_text, no_text, folder, nothing])
def test_broken_at_the_start_it_runs_on_the_built_in_policy_and_says_so(
    serve: Serve, file: Path, breaks: Callable[[Path], None]
) -> None:
    breaks(file)
    served = serve("--policy", str(file))
    assert NOTICE in warnings(served)
    assert failures(served) == 1
    assert str(file) in served.ready()["policy"]["refusal"]
    assert served.metric('cni_guard_policy_info{source="built-in"}') == 1
    (line,) = until(lambda: served.logged("policy rejected"), "logging")
    assert line["level"] == "ERROR"


def test_broken_at_the_start_and_mended(serve: Serve, file: Path) -> None:
    file.write_text(BROKEN)
    served = serve("--policy", str(file))
    file.write_text(OBSERVE)
    until(lambda: source(served) == "file", "loading the mended policy")
    assert NOTICE not in warnings(served)
    assert served.ready()["policy"]["refusal"] is None


def test_broken_while_it_serves_the_last_good_one_stays(serve: Serve, file: Path) -> None:
    file.write_text(OBSERVE)
    served = serve("--policy", str(file))
    file.write_text(BROKEN)
    until(lambda: source(served) == "last good", "refusing the broken policy")
    detail = served.ready()
    assert detail["ready"] is True
    assert detail["policy"]["mode"] == "observe"
    assert str(file) in detail["policy"]["refusal"]
    assert failures(served) == 1
    assert NOTICE not in warnings(served)
    assert served.metric('cni_guard_policy_info{source="last good"}') == 1
    file.write_text(ENFORCE)
    until(lambda: source(served) == "file", "loading the mended policy")
    assert served.ready()["policy"]["mode"] == "enforce"
    assert served.metric('cni_guard_policy_info{source="last good"}') == 0


def test_a_configmap_is_followed_through_its_links(serve: Serve, tmp_path: Path) -> None:
    for name, content in (("one", OBSERVE), ("two", ENFORCE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(content)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "policy.yaml").symlink_to("..data/policy.yaml")
    served = serve("--policy", str(tmp_path / "policy.yaml"))
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")
    until(lambda: served.ready()["policy"]["mode"] == "enforce", "loading the new policy")


def test_observe_counts_what_it_would_have_refused(serve: Serve, file: Path) -> None:
    file.write_text(OBSERVE)
    served = serve("--policy", str(file))
    assert served.review(review(WARM_ENI_TARGET="3", WARM_IP_TARGET="5"))["allowed"] is True
    assert served.metric('cni_guard_observed_denials_total{rule="IPT-004"}') == 1


class Watching:
    """A watched file of three states, and what became of it."""

    def __init__(self) -> None:
        self.content = "good"
        self.seen: list[str] = []
        self.watched = Watched(self.read, self.take, lambda reason: self.seen.append(f"refused {reason}"))

    def read(self) -> bytes:
        """The content now."""
        if self.content == "gone":
            raise FileNotFoundError(2, "No such file or directory", "file")
        return self.content.encode()

    def take(self, content: bytes) -> None:
        """Good is taken, bad is refused, everything else is a fault."""
        if content == b"bad":
            message = "it is bad"
            raise PolicyError(message)
        self.seen.append(f"took {content.decode()}")

    def look(self, content: str, *, patient: bool = True) -> list[str]:
        """What one look makes of a content."""
        self.content = content
        self.seen.clear()
        self.watched.look(patient=patient)
        return list(self.seen)


def test_content_is_judged_once() -> None:
    watching = Watching()
    assert watching.look("good") == ["took good"]
    assert watching.look("good") == []


def test_a_file_met_half_written_is_no_refusal() -> None:
    watching = Watching()
    watching.look("good")
    assert watching.look("bad") == []
    assert watching.look("better") == ["took better"]


def test_a_file_that_stays_bad_is_refused_once() -> None:
    watching = Watching()
    assert watching.look("bad") == []
    assert watching.look("bad") == ["refused it is bad"]
    assert watching.look("bad") == []
    assert watching.look("good") == ["took good"]


def test_at_the_start_nothing_is_waited_for() -> None:
    watching = Watching()
    assert watching.look("gone", patient=False) == ["refused file: No such file or directory"]
