"""`kubectl apply` of official manifests: as a fresh creation, and from each one to each other."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.guarded import Guarded, container, env
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.cni.version import Version

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "aws-node"

official = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"the official manifests are not in {FIXTURES}")

RELEASES = ("v1.9.3", "v1.12.6", "v1.16.4", "v1.19.6", "v1.21.2", "v1.22.4", "v1.23.0", "v1.23.1", "v1.23.1-cn")

# From the release at the left to the one above: how many minor versions that skips, for which VER-004 refuses it.
# The same release changes nothing (=), one minor up and most ways down go through (.); VER-005 refuses to go down over
# 1.12.1 (!).
STEPS = """
            v1.9.3  v1.12.6 v1.16.4 v1.19.6 v1.21.2 v1.22.4 v1.23.0 v1.23.1 v1.23.1-cn
v1.9.3      =       2       6       9       11      12      13      13      13
v1.12.6     !       =       3       6       8       9       10      10      10
v1.16.4     !       .       =       2       4       5       6       6       6
v1.19.6     !       .       .       =       1       2       3       3       3
v1.21.2     !       .       .       .       =       .       1       1       1
v1.22.4     !       .       .       .       .       =       .       .       .
v1.23.0     !       .       .       .       .       .       =       .       .
v1.23.1     !       .       .       .       .       .       .       =       .
v1.23.1-cn  !       .       .       .       .       .       .       .       =
"""

# Releases that contain a vulnerability or a fault which is no reason to refuse them.
FAULTY = ("v1.9.3", "v1.12.6", "v1.16.4", "v1.19.6", "v1.21.2")


def steps() -> dict[str, dict[str, str]]:
    """The table, by the release before and the one after."""
    (_, *rows) = (line.split() for line in STEPS.strip().splitlines())
    return {before: dict(zip(RELEASES, cells, strict=True)) for before, *cells in rows}


def file_of(release: str) -> Path:
    return FIXTURES / f"{release}.yaml"


def daemonset_of(release: str) -> dict[str, Any]:
    """The DaemonSet alone: reading each manifest once is enough."""
    found: dict[str, Any] = next(
        document
        for document in yaml.load_all(file_of(release).read_text(), Loader=yaml.CSafeLoader)
        if document and document["kind"] == "DaemonSet"
    )
    return found


def number(release: str) -> str:
    return release.removeprefix("v").removesuffix("-cn")


def known_fault(release: str) -> list[str]:
    return [f"VER-002: CNI {number(release)} has a known fault"] if release in FAULTY else []


@official
@pytest.mark.parametrize("release", RELEASES)
def test_a_fresh_creation(guarded: Guarded, release: str) -> None:
    guarded.remove()
    if release == "v1.9.3":  # its CRD is v1beta1, which a current API server does not take
        answer = guarded.apply(daemonset_of(release))
    else:
        answer = guarded.kubectl("apply", f"--filename={file_of(release)}")
    assert answer.passed, answer.err
    assert "daemonset.apps/aws-node created\n" in answer.out
    assert answer.warned == known_fault(release)
    stored, written = guarded.aws_node, daemonset_of(release)
    assert env(stored) == env(written)  # nothing is missing in it, so nothing is filled in
    assert container(stored)["image"] == container(written)["image"]


@official
@pytest.mark.parametrize("before", RELEASES)
def test_each_step(guarded: Guarded, before: str) -> None:
    stored = guarded.store(daemonset_of(before))
    for after, expected in steps()[before].items():
        answer = guarded.apply(daemonset_of(after), "--dry-run=server")
        what = f"{before} → {after}: {answer.err or answer.out}"
        if expected.isdigit():
            plural = "" if expected == "1" else "s"
            skips = f"from CNI {number(before)} to {number(after)} skips {expected} minor version{plural}"
            assert answer.denied == [f"VER-004: the upgrade {skips}"], what
            assert not answer.passed, what
        elif expected == "!":
            assert [one.partition(":")[0] for one in answer.denied] == ["VER-005"], what
        else:
            outcome = "unchanged" if expected == "=" else "configured"
            assert answer.passed, what
            assert answer.out == f"daemonset.apps/aws-node {outcome} (server dry run)\n"
        # kubectl sends nothing where nothing changes.
        down = [one for one in answer.warned if one.startswith("VER-005: ")]
        minors = [Version.of(number(one))[:2] for one in (after, before)]
        assert len(down) == (expected == "." and minors[0] < minors[1]), what
        others = [one for one in answer.warned if one not in down]
        assert others == ([] if expected == "=" else known_fault(after)), what
    assert guarded.aws_node["spec"] == stored["spec"]


# The same with the objects that the guard itself knows how to make, so that any clone can do it.
TELLING: tuple[tuple[str, str, list[str]], ...] = (
    ("1.21.2", "1.22.4", []),
    ("1.22.4", "1.23.1", []),
    ("1.23.0", "1.23.1", []),
    ("1.23.1", "1.22.4", []),
    ("1.21.2", "1.23.1", ["VER-004: the upgrade from CNI 1.21.2 to 1.23.1 skips 1 minor version"]),
    ("1.16.4", "1.23.1", ["VER-004: the upgrade from CNI 1.16.4 to 1.23.1 skips 6 minor versions"]),
    ("1.15.5", "1.16.0", ["VER-002: CNI 1.16.0 is blocked"]),
    ("1.9.3", "1.10.0", ["VER-002: CNI 1.10.0 is blocked"]),
    (
        "1.9.3",
        "1.16.3",
        ["VER-002: CNI 1.16.3 is blocked", "VER-004: the upgrade from CNI 1.9.3 to 1.16.3 skips 6 minor versions"],
    ),
)


@pytest.mark.parametrize(("before", "after", "denied"), TELLING)
def test_a_step_that_is_stored(guarded: Guarded, before: str, after: str, denied: list[str]) -> None:
    stored = guarded.store(stock(before))
    answer = guarded.apply(stock(after))
    assert answer.denied == denied
    assert answer.passed is not bool(denied)
    changed = guarded.aws_node
    assert container(changed)["image"] == container(stock(before if denied else after))["image"]
    assert changed["metadata"]["generation"] == stored["metadata"]["generation"] + (not denied)


def test_a_blocked_release_is_not_created(guarded: Guarded) -> None:
    guarded.remove()
    answer = guarded.apply(stock("1.16.3"))
    assert answer.err.splitlines()[-1] == (
        'Error from server (Forbidden): error when creating "STDIN": '
        'admission webhook "aws-node.cni-guard.dev" denied the request: '
        "VER-002: CNI 1.16.3 is blocked: it loops at full CPU while the address pool grows. "
        "Use CNI 1.16.4. "
        "https://github.com/aws/amazon-vpc-cni-k8s/blob/master/CHANGELOG.md"
    )
    assert not guarded.exists()


def test_allowed_steps_lead_from_1_12_to_the_newest(guarded: Guarded) -> None:
    """The last patch of each minor, one after the other, through kubectl's own merge."""
    road = [release for release in KNOWN.last_patches.values() if release >= (1, 12, 0)]
    assert road[0] == Version(1, 12, 6)
    assert road[-1] == Version(1, 23, 1)
    guarded.remove()
    assert guarded.apply(stock(road[0])).passed
    for before, after in pairwise(road):
        answer = guarded.apply(stock(after))
        assert answer.passed, f"{before} → {after}: {answer.err}"
    assert env(guarded.aws_node) == env(stock(road[-1]))


def test_an_apply_keeps_what_set_env_tuned(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.set_env("WARM_IP_TARGET=5", "MINIMUM_IP_TARGET=12").passed
    answer = guarded.apply(stock("1.23.1"))
    assert answer.passed
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "5"


def test_a_replace_that_resets_the_configuration(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.set_env("WARM_IP_TARGET=5", "MINIMUM_IP_TARGET=12").passed
    guarded.settle()  # kubectl replace reads and writes: a status between the two would be a conflict
    plain = stock("1.23.1")
    replace = ("replace", "--filename=-")
    refused = guarded.kubectl(*replace, manifest=plain)
    assert refused.denied == [
        'ROLL-003: this update resets WARM_IP_TARGET from "5" to nothing',
        'ROLL-003: this update resets MINIMUM_IP_TARGET from "12" to nothing',
    ]
    assert 'cni-guard.dev/acknowledge: "ROLL-003 REASON"' in refused.err
    plain["metadata"]["annotations"] = {"cni-guard.dev/acknowledge": "ROLL-003 back to the defaults"}
    accepted = guarded.kubectl(*replace, manifest=plain)
    assert accepted.passed
    assert "ROLL-003" in json.dumps(accepted.warned)
    assert "WARM_IP_TARGET" not in env(guarded.aws_node)
