"""VER-007 and POD-008: certain only where a probe asks for ipamd of another release."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cni.test_probes import PORTS, PROBER, SOCKET, SOCKETS
from tests.rules.ask import Object, changed, levels, main, said
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version

OLD, NEW = "1.22.4", "1.23.1"
PATIENT = {"initialDelaySeconds": 60, "timeoutSeconds": 10}
"""The times of the official manifest, so that only what a probe asks can be wrong."""
BOTH = ("livenessProbe", "readinessProbe")


def probed(release: str, probe: Any, *kinds: str) -> Object:
    def put(daemonset: Object) -> None:
        for kind in kinds or BOTH:
            main(daemonset)[kind] = PATIENT | probe

    return changed(stock(release), put)


def by_command(*words: str) -> Object:
    return {"exec": {"command": list(words)}}


@pytest.mark.parametrize(("release", "wrong", "right"), [(OLD, SOCKETS, PORTS), (NEW, PORTS, SOCKETS)])
def test_every_spelling_of_an_address_means_the_same(release: str, wrong: list[str], right: list[str]) -> None:
    for target in wrong:
        found = said("VER-007", probed(release, by_command(PROBER, f"-addr={target}")))
        assert [(finding.level, finding.problem.certain) for finding in found] == [("deny", True)] * 2
    for target in right:
        for rule in ("VER-007", "POD-008"):
            assert said(rule, probed(release, by_command(PROBER, f"-addr={target}"))) == []


CERTAIN = [
    (NEW, {"tcpSocket": {"port": 50051}}),
    (NEW, {"grpc": {"port": 50051}}),
    (NEW, {"httpGet": {"port": 50051}}),
    (NEW, by_command("sh", "-c", f"{PROBER} -addr=:50051")),
    (NEW, by_command(PROBER, f"-addr=unix://{SOCKET}", "-addr=:50051")),
    (NEW, by_command(PROBER, f"-addr=unix://{SOCKET}.old")),
    (NEW, by_command(PROBER, "-addr=unix:///tmp/ipamd.sock")),
    (OLD, by_command("bash", "-c", f"exec {PROBER} --addr unix:{SOCKET}")),
    (OLD, by_command(PROBER, "-addr=unix:///tmp/ipamd.sock")),
]


@pytest.mark.parametrize(("release", "probe"), CERTAIN)
@pytest.mark.parametrize("kinds", [BOTH, ("livenessProbe",), ("readinessProbe",), ("startupProbe",)])
def test_what_asks_for_another_release_is_certain_and_said_in_one_way(
    release: str, probe: Object, kinds: tuple[str, ...]
) -> None:
    found = said("VER-007", probed(release, probe, *kinds))
    assert [(finding.level, finding.problem.certain) for finding in found] == [("deny", True)] * len(kinds)
    assert len({(finding.problem.effect, finding.problem.remedy) for finding in found}) == 1


@pytest.mark.parametrize("release", [OLD, NEW])
@pytest.mark.parametrize(
    "probe",
    [
        by_command(PROBER, "-addr=:61679"),
        by_command(PROBER, "-addr=10.0.0.1:50051"),
        {"tcpSocket": {"port": 61679}},
        {"tcpSocket": {"port": 50051, "host": "10.0.0.1"}},
        {"httpGet": {"port": "metrics"}},
        {"grpc": {"port": 50052}},
        {"tcpSocket": {"port": "none"}},
    ],
)
def test_another_port_or_host_only_warns(release: str, probe: Object) -> None:
    found = said("POD-008", probed(release, probe))
    assert levels(found) == {"warn"}
    assert len({(finding.problem.effect, finding.problem.remedy) for finding in found}) == 1
    assert said("VER-007", probed(release, probe)) == []


@pytest.mark.parametrize("probe", [{"tcpSocket": {"port": 50051}}, {"grpc": {"port": 50051}}])
def test_before_the_socket_the_kubelet_s_own_probes_ask_beside_the_loopback_address(probe: Object) -> None:
    assert levels(said("POD-008", probed(OLD, probe))) == {"warn"}
    assert said("VER-007", probed(OLD, probe)) == []
    assert said("POD-008", probed(OLD, {"tcpSocket": {"port": 50051, "host": "127.0.0.1"}})) == []


@pytest.mark.parametrize("release", [OLD, NEW])
@pytest.mark.parametrize("script", [f"{PROBER} -addr=$X", f"{PROBER} -addr=:50051 || exit 1", "/probe.sh; true"])
def test_a_shell_command_that_cannot_be_read_whole_warns(release: str, script: str) -> None:
    found = said("VER-007", probed(release, by_command("sh", "-c", script)))
    assert [(finding.level, finding.problem.certain) for finding in found] == [("warn", False)] * 2


OTHER_PROGRAMS = [
    (NEW, ("nc", "-z", "localhost", "50051")),
    (NEW, ("sh", "-c", "nc -z localhost 50051")),
    (NEW, ("timeout", "-s", "9", "5", "nc", "-z", "127.0.0.1", "50051")),
    (NEW, ("grpcurl", "-plaintext", "localhost:50051", "grpc.health.v1.Health/Check")),
    (NEW, ("curl", "telnet://localhost:50051")),
    (OLD, ("test", "-S", SOCKET)),
    (OLD, ("grpcurl", "-plaintext", f"unix://{SOCKET}", "grpc.health.v1.Health/Check")),
]


@pytest.mark.parametrize(("release", "words"), OTHER_PROGRAMS)
def test_another_program_at_another_release_s_address_is_denied_and_not_certain(
    release: str, words: tuple[str, ...]
) -> None:
    found = said("VER-007", probed(release, by_command(*words)))
    assert [(finding.level, finding.problem.certain) for finding in found] == [("deny", False)] * 2
    right = NEW if release == OLD else OLD
    assert levels(said("VER-007", probed(right, by_command(*words)))) == {"warn"}
    assert said("POD-008", probed(release, by_command(*words))) == []


@pytest.mark.parametrize("release", [OLD, NEW])
@pytest.mark.parametrize(
    "words",
    [
        ("python3", "-c", "import socket; socket.create_connection(('localhost', 50051))"),
        ("bash", "-c", f"nc -z localhost 50051 || test -S {SOCKET}"),
        ("probe", ":50051", f"unix://{SOCKET}"),
        ("/bin/false",),
        ("sleep", "50051"),
    ],
)
def test_what_is_not_known_of_another_program_only_warns(release: str, words: tuple[str, ...]) -> None:
    found = said("VER-007", probed(release, by_command(*words)))
    assert [(finding.level, finding.problem.certain) for finding in found] == [("warn", False)] * 2
    assert words[0].rpartition("/")[2] in found[0].message or "-c" in words


@pytest.mark.parametrize("release", [OLD, NEW])
@pytest.mark.parametrize(
    "words",
    [
        ("curl", "http://localhost:61679/v1/enis"),
        ("nc", "-z", "localhost", "61678"),
        ("sh", "-c", "curl -s http://localhost:61679/v1/enis | grep -q eni"),
        ("python3", "-c", "urlopen('http://localhost:61679/v1/enis')"),
        ("nc", "-z", "localhost", "50052"),
    ],
)
def test_another_program_at_another_port_is_told_once(release: str, words: tuple[str, ...]) -> None:
    found = said("POD-008", probed(release, by_command(*words)))
    assert [finding.level for finding in found] == ["warn"] * 2
    assert said("VER-007", probed(release, by_command(*words))) == []


FLAWS = [("-tls",), ("-alts",), ("-tls-ca-cert=/ca.crt",), ("-service=aws-node",), ("-connect-timeout=5",)]


@pytest.mark.parametrize(("release", "right", "wrong"), [(OLD, ":50051", ":61679"), (NEW, f"unix:{SOCKET}", ":61679")])
@pytest.mark.parametrize("flags", FLAWS)
def test_what_ipamd_never_answers_is_certain_at_its_address_alone(
    release: str, right: str, wrong: str, flags: tuple[str, ...]
) -> None:
    found = said("VER-007", probed(release, by_command(PROBER, f"-addr={right}", *flags)))
    assert [(finding.level, finding.problem.certain) for finding in found] == [("deny", True)] * 2
    assert len({finding.problem.effect for finding in found}) == 1
    assert said("VER-007", probed(release, by_command(PROBER, f"-addr={wrong}", *flags))) == []
    assert levels(said("POD-008", probed(release, by_command(PROBER, f"-addr={wrong}", *flags)))) == {"warn"}


@pytest.mark.parametrize("words", [(PROBER,), (PROBER, "-address=:50051"), (PROBER, "-addr=:61679", "-gzip")])
@pytest.mark.parametrize("release", [OLD, NEW])
def test_what_ends_before_it_asks_is_certain_and_told_once(release: str, words: tuple[str, ...]) -> None:
    daemonset = probed(release, by_command(*words))
    found = said("VER-007", daemonset)
    assert [(finding.level, finding.problem.certain) for finding in found] == [("deny", True)] * 2
    assert said("POD-008", daemonset) == []
    assert levels(said("VER-007", daemonset, daemonset)) == {"warn"}


@pytest.mark.parametrize("flags", [*FLAWS, ("-unknown",)])
def test_nothing_is_certain_before_the_health_service_knew_names(flags: tuple[str, ...]) -> None:
    before = probed(OLD, by_command(PROBER, "-addr=:50051", *flags))
    for holder in (
        before["spec"]["template"]["spec"]["initContainers"] + before["spec"]["template"]["spec"]["containers"]
    ):
        holder["image"] = holder["image"].replace(f":v{OLD}", ":v1.5.7")
    found = said("VER-007", before)
    assert [(finding.level, finding.problem.certain) for finding in found] == [("warn", False)] * 2


words = st.sampled_from(
    ["nc", "timeout", "-s", "9", "sh", "-c", PROBER, "localhost", "50051", ":50051", "-addr=:50051", "-tls", SOCKET]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(words | st.text(max_size=8), min_size=1, max_size=6), st.sampled_from([OLD, NEW]))
def test_no_command_goes_without_a_word_but_the_one_that_asks_ipamd(listed: list[str], release: str) -> None:
    daemonset = probed(release, by_command(*listed), "livenessProbe")
    found = [*said("VER-007", daemonset), *said("POD-008", daemonset)]
    assert len(found) <= 1
    if not found:
        assert PROBER in " ".join(listed)
        assert ":50051" in " ".join(listed) or "unix:" in " ".join(listed)


def test_the_same_address_in_another_spelling_is_not_new_and_another_address_is() -> None:
    before = probed(NEW, by_command(PROBER, "-addr=:50051"))
    for probe in ({"tcpSocket": {"port": 50051}}, by_command("sh", "-c", f"{PROBER} -addr=localhost:50051")):
        assert levels(said("VER-007", probed(NEW, probe), before)) == {"warn"}
    other = probed(NEW, by_command(PROBER, "-addr=unix:///tmp/x"))
    assert levels(said("VER-007", other, before)) == {"deny"}
    half = changed(before, lambda daemonset: main(daemonset).update(readinessProbe=main(stock(NEW))["readinessProbe"]))
    assert levels(said("VER-007", half, before)) == {"warn"}


def test_a_version_that_is_not_known_hides_no_other_port() -> None:
    unknown = probed(NEW, {"httpGet": {"port": 61679}})
    main(unknown)["image"] = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:latest"
    assert levels(said("POD-008", unknown)) == {"warn"}


@pytest.mark.parametrize("release", [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST], ids=str)
def test_an_official_manifest_has_no_finding(release: Version) -> None:
    for rule in ("VER-007", "POD-008"):
        assert said(rule, stock(release)) == []
