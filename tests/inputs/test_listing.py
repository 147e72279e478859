"""All kustomizations of a run: what they list as patches is one line, with the command that builds it."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.inputs.files import DAEMONSET, ENICONFIG, PATCH, look, missing, names, write
from tests.inputs.kustomized import HEAD, JSON_PATCH, NAMELESS, PLAIN_JSON_PATCH, TARGET, built, told

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    "listing",
    [
        "patches: [{path: warm.yaml}]",
        f"patches: [{{path: ./warm.yaml, target: {TARGET}}}]",
        "patchesStrategicMerge: [warm.yaml]",
        f"patchesJson6902: [{{path: sub/../warm.yaml, target: {TARGET}}}]",
    ],
)
@pytest.mark.parametrize("patch", [PATCH, NAMELESS, JSON_PATCH, DAEMONSET, PATCH.replace("5", "${WARM}")])
@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_listed_patch_is_one_line(listing: str, patch: str, name: str) -> None:
    write("top/base/aws-node.yaml", DAEMONSET)
    write(f"top/prod/{name}", f"{HEAD}resources: [../base]\n{listing}\n")
    write("top/prod/warm.yaml", patch)
    reading = look("top")
    assert names(reading) == ["DaemonSet kube-system/aws-node"]
    assert reading.unread == ()
    assert told(reading) == [(f"top/prod/{name}", 1, built("top/prod"))]


def test_patch_that_the_run_does_not_name_is_looked_into() -> None:
    """A hook names the changed files alone, and the patch may be none of them."""
    write("top/kustomization.yaml", f"{HEAD}patches: [{{path: mtu.yaml}}, {{path: other.yaml}}, {{path: none.yaml}}]\n")
    write("top/mtu.yaml", JSON_PATCH)
    write("top/other.yaml", PLAIN_JSON_PATCH)
    assert told(look("top/kustomization.yaml")) == [("top/kustomization.yaml", 1, built("top"))]
    assert told(look("top")) == told(look("top/kustomization.yaml"))


def test_target_tells_what_a_patch_is_about() -> None:
    write("top/a.yaml", PLAIN_JSON_PATCH)
    write("top/kustomization.yaml", f"{HEAD}patches: [{{path: a.yaml, target: {TARGET}}}]\n")
    reading = look("top")
    assert (reading.unread, told(reading)) == ((), [("top/kustomization.yaml", 1, built("top"))])


def test_patches_in_place_are_counted() -> None:
    indented = PATCH.replace("\n", "\n      ")
    inline = f"patches:\n  - patch: |\n      {indented}\n  - path: warm.yaml\n"
    write("top/kustomization.yaml", f"{HEAD}{inline}patchesStrategicMerge:\n  - |\n      {indented}\n")
    write("top/warm.yaml", PATCH)
    reading = look("top")
    assert (reading.unread, told(reading)) == ((), [("top/kustomization.yaml", 3, built("top"))])


def test_replacements_are_not_read() -> None:
    replacement = f"- source: {{kind: ConfigMap}}\n  targets: [{{select: {TARGET}, fieldPaths: [spec]}}]\n"
    write("top/kustomization.yaml", f"{HEAD}replacements:\n- path: r.yaml\n{replacement}")
    write("top/r.yaml", replacement)
    reading = look("top")
    assert (reading.unread, told(reading)) == ((), [("top/kustomization.yaml", 2, built("top"))])


def test_file_that_is_a_resource_too_is_evaluated() -> None:
    write("top/base/kustomization.yaml", "resources: [aws-node.yaml]\n")
    write("top/base/aws-node.yaml", DAEMONSET)
    write("top/prod/kustomization.yaml", "resources: [../base]\npatches: [{path: ../base/aws-node.yaml}]\n")
    assert names(look("top")) == ["DaemonSet kube-system/aws-node"]


def test_kustomization_and_patch_however_they_are_reached() -> None:
    write("top/prod/kustomization.yaml", f"{HEAD}patches: [{{path: warm.yaml}}]\n")
    write("top/prod/warm.yaml", PATCH)
    Path("link").symlink_to("top/prod", target_is_directory=True)
    expected = [("top/prod/kustomization.yaml", 1, built("top/prod"))]
    for paths in (
        ("top/prod/warm.yaml", "top/prod/kustomization.yaml"),
        ("top/prod/kustomization.yaml", "top", "./top/prod/warm.yaml"),
        ("link/warm.yaml", "top/prod/kustomization.yaml"),
    ):
        reading = look(*paths)
        assert (reading.unread, told(reading)) == ((), expected)


def test_patch_of_two_kustomizations() -> None:
    for name in ("a", "b c"):
        write(f"top/{name}/kustomization.yaml", "patches: [{path: ../warm.yaml}]\n")
    write("top/warm.yaml", PATCH)
    reading = look("top")
    assert reading.unread == ()
    free = " --load-restrictor LoadRestrictionsNone"
    assert [command for _, _, command in told(reading)] == [built(f"top/a{free}"), built(f"'top/b c'{free}")]


def test_kustomization_in_the_working_folder() -> None:
    write("kustomization.yaml", "patches: [{path: warm.yaml}]\n")
    write("warm.yaml", PATCH)
    assert told(look("kustomization.yaml", "warm.yaml")) == [("kustomization.yaml", 1, built("."))]


def test_component_is_built_by_what_uses_it() -> None:
    write(
        "top/comp/kustomization.yaml",
        "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\npatches: [{path: w.yaml}]\n",
    )
    write("top/comp/w.yaml", PATCH)
    assert told(look("top")) == [("top/comp/kustomization.yaml", 1, built("DIR"))]
    write("top/prod/kustomization.yaml", "components: [../comp]\n")
    assert told(look("top")) == [("top/comp/kustomization.yaml", 1, built("top/prod"))]


def test_listed_patch_that_is_broken_is_unread() -> None:
    write("top/kustomization.yaml", "patches: [{path: warm.yaml}]\n")
    write("top/warm.yaml", f"{PATCH}\tx: 1\n")
    assert missing(look("top")).fatal


def test_listing_under_another_name_does_not_count() -> None:
    write("top/a.yaml", f"{HEAD}patches: [{{path: warm.yaml, target: {TARGET}}}]\n")
    write("top/warm.yaml", PATCH)
    listing, patch = look("top").unread
    assert "rename it to kustomization.yaml" in listing.reason
    assert "pass its kustomization.yaml as well" in patch.reason
    assert listing.fatal
    assert patch.fatal


def test_base_that_reads_outside_its_folder() -> None:
    write("top/shared.yaml", ENICONFIG)
    write("top/base/kustomization.yaml", "resources: [../shared.yaml, ../prod]\n")
    write("top/prod/kustomization.yaml", "resources: [../base]\npatches: [{path: warm.yaml}]\n")
    write("top/prod/warm.yaml", PATCH)
    [(_, _, command)] = told(look("top"))
    assert command == built("top/prod --load-restrictor LoadRestrictionsNone")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
@pytest.mark.parametrize("outside", [False, True])
def test_command_builds_what_is_checked(*, outside: bool) -> None:
    write("top/base/aws-node.yaml", DAEMONSET)
    write("top/base/kustomization.yaml", "resources: [aws-node.yaml]\n")
    path = "../warm.yaml" if outside else "warm.yaml"
    write("top/prod env/kustomization.yaml", f"resources: [../base]\npatches: [{{path: {path}}}]\n")
    write(f"top/prod env/{path}", PATCH)
    [(_, _, command)] = told(look("top"))
    done = subprocess.run(shlex.split(command.partition(" | ")[0]), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"WARM_IP_TARGET" in done.stdout
    assert names(look("-", stdin=done.stdout)) == ["DaemonSet kube-system/aws-node"]
