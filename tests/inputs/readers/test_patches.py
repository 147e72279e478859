"""Patches: unread, unless a kustomization of the run lists them."""

import pytest

from tests.inputs.files import ENICONFIG, PATCH, look, missing, names, write
from tests.inputs.kustomized import HEAD, JSON_PATCH, NAMELESS, OTHER, PLAIN_JSON_PATCH, built

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("patch", [PATCH, NAMELESS, JSON_PATCH, PATCH + "---\n" + PATCH])
@pytest.mark.parametrize("named", [True, False])
def test_patch_that_nothing_lists_is_unread(patch: str, *, named: bool) -> None:
    write("top/warm.yaml", patch)
    write("top/kustomization.yaml", f"{HEAD}patches: [{{path: other.yaml}}]\n")
    reading = look("top/warm.yaml" if named else "top")
    assert reading.changes == ()
    assert all(unread.fatal for unread in reading.unread)
    first = reading.unread[0]
    assert (first.file, first.line) == ("top/warm.yaml", 1)
    way_out = (
        f"check the build output instead, `{built('top')}`, or pass its kustomization.yaml as well"
        if named
        else "the kustomization in top does not list it. Add it to patches, or delete it"
    )
    assert way_out in first.reason


@pytest.mark.parametrize("patch", [OTHER, PLAIN_JSON_PATCH])
@pytest.mark.parametrize("listing", ["", "patches: [{path: a.yaml}]"])
def test_patches_of_other_things_are_passed(patch: str, listing: str) -> None:
    write("top/a.yaml", patch)
    write("top/kustomization.yaml", f"{HEAD}{listing}\n")
    reading = look("top/a.yaml", "top/kustomization.yaml")
    assert not any(unread.fatal for unread in reading.unread)
    assert reading.builds == ()


@pytest.mark.parametrize("diagnostic", ["$patch: delete", "$patch: replace"])
def test_directive_of_a_patch(diagnostic: str) -> None:
    assert "kustomize patch" in missing(look(write("a.yaml", f"{ENICONFIG}{diagnostic}\n"))).reason


def test_patch_from_stdin_names_no_folder() -> None:
    unread = missing(look("-", stdin=PATCH.encode()))
    assert built("DIR") in unread.reason


def test_object_without_image_that_has_a_selector_is_an_object() -> None:
    whole = PATCH.replace("spec:\n", "spec:\n  selector: {matchLabels: {k8s-app: aws-node}}\n", 1)
    reading = look(write("a.yaml", whole))
    assert names(reading) == ["DaemonSet kube-system/aws-node"]
    assert reading.unread == ()
