"""Manifests: an object of a guarded kind becomes a change."""

from pathlib import Path

import pytest

from tests.changes import MANIFESTS
from tests.inputs.files import DAEMONSET, IMAGE, look, missing, only, write
from webhook.model import Position

pytestmark = pytest.mark.usefixtures("here")


def test_resource_is_a_creation_with_the_place_of_each_field() -> None:
    change = only(look(write("a.yaml", "# c\n---\n" + DAEMONSET)))
    assert (change.kind, change.operation, change.old, change.user) == ("DaemonSet", "CREATE", None, None)
    assert change.source is not None
    assert change.source.file == "a.yaml"
    assert change.source.position(IMAGE) == Position(13, 18)
    assert change.source.position((*IMAGE[:-1], "env", 3)) == Position(12, 11)


def test_other_groups_of_our_kinds() -> None:
    kruise = DAEMONSET.replace("apps/v1", "apps.kruise.io/v1alpha1").replace("aws-node", "other")
    kruise = kruise.replace("amazon-k8s-cni", "agent")
    assert look(write("a.yaml", kruise)).unread == ()
    old = missing(look(write("b.yaml", DAEMONSET.replace("apps/v1", "extensions/v1beta1"))))
    assert "a DaemonSet with apiVersion 'extensions/v1beta1': cni-guard evaluates those in apps" in old.reason


def test_groups_that_are_gone_say_so() -> None:
    unread = missing(look(write("a.yaml", DAEMONSET.replace("apps/v1", "extensions/v1beta1"))))
    assert "Kubernetes 1.16 removed it, use `apiVersion: apps/v1`" in unread.reason


@pytest.mark.parametrize("manifest", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_official_manifests(manifest: Path) -> None:
    named = [str(change) for change in look(str(manifest)).changes]
    config = ["ConfigMap kube-system/amazon-vpc-cni"] if "kind: ConfigMap" in manifest.read_text() else []
    assert sorted(named) == [*config, "DaemonSet kube-system/aws-node"]
