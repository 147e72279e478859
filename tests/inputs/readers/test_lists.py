"""Lists: each member is read like a document of its own."""

import json

import pytest

from tests.inputs.files import CONFIG, DAEMONSET, ENICONFIG, IMAGE, look, names, write
from webhook.model import Position

pytestmark = pytest.mark.usefixtures("here")


def test_members_of_lists_have_paths_of_their_own() -> None:
    items = "".join("  - " + text.replace("\n", "\n    ").rstrip(" ") for text in (CONFIG, DAEMONSET, ENICONFIG))
    reading = look(write("list.yaml", f"apiVersion: v1\nkind: List\nitems:\n{items}"))
    assert names(reading) == ["DaemonSet kube-system/aws-node", "ENIConfig eu-west-1a"]
    assert reading.objects == 3
    first = reading.changes[0]
    assert first.object["kind"] == "DaemonSet"
    assert first.source is not None
    assert first.source.position(IMAGE) == Position(17, 22)
    assert first.source.position(()) == Position(7, 5)


def test_lists_in_lists_and_lists_of_a_kind() -> None:
    bare = {"metadata": {"name": "a"}, "spec": {}}
    typed = {"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfigList", "items": [bare, bare]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [typed, {"apiVersion": "v1", "kind": "List"}]}
    reading = look(write("a.json", json.dumps(outer, indent=2)))
    assert names(reading) == ["ENIConfig a", "ENIConfig a"]
    assert reading.unread == ()
