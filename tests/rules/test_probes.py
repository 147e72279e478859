"""VER-007 and POD-008: certain only where a probe asks for ipamd of another release."""

from typing import Any

import pytest

from tests.cni.test_probes import PORTS, PROBER, SOCKET, SOCKETS
from tests.rules.ask import Object, changed, levels, main, said
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version

OLD, NEW = "1.22.4", "1.23.1"
BOTH = ("livenessProbe", "readinessProbe")


def probed(release: str, probe: Any, *kinds: str) -> Object:
    def put(daemonset: Object) -> None:
        for kind in kinds or BOTH:
            main(daemonset)[kind] = probe

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
