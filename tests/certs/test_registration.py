"""From the file to what is written: pure."""

import base64
from typing import Any

import pytest
import yaml

from certs.errors import UsageError
from certs.registration import Place, bundle_of, closed, failing_open, read, unchanged
from certs.resources import MUTATING, VALIDATING
from tests.certs.test_renewal import ISSUED, OTHER
from tests.certs.world import WEBHOOKS

PLACE = Place("kube-guard", "guard", 9443, [{"uid": "u"}])
BUNDLE = ISSUED.ca


def documents() -> list[Any]:
    return list(yaml.safe_load_all(WEBHOOKS.read_text()))


def written() -> list[Any]:
    return [item.at(PLACE, BUNDLE) for item in read(WEBHOOKS.read_text())]


def test_what_the_place_decides() -> None:
    for content, resource in zip(written(), (VALIDATING, MUTATING), strict=True):
        assert (content["apiVersion"], content["kind"]) == (resource.api_version, resource.kind)
        assert content["metadata"] == {"name": "cni-guard", "ownerReferences": [{"uid": "u"}]}
        for entry in content["webhooks"]:
            service = entry["clientConfig"]["service"]
            assert (service["namespace"], service["name"], service["port"]) == ("kube-guard", "guard", 9443)
            assert service["path"] in {"/validate", "/mutate"}
            assert bundle_of(entry) == BUNDLE


def test_the_rest_is_the_file() -> None:
    for content, document in zip(written(), documents(), strict=True):
        for entry, source in zip(content["webhooks"], document["webhooks"], strict=True):
            followed = {"clientConfig": None, "namespaceSelector": None}
            assert {**entry, **followed} == {**source, **followed}
            assert ("namespaceSelector" in entry) == ("namespaceSelector" in source)


def test_order_labels_and_a_missing_policy() -> None:
    validating, mutating = documents()
    mutating["metadata"]["labels"] = {"team": "net"}
    del mutating["webhooks"][0]["failurePolicy"]
    first, second = read(yaml.safe_dump_all([mutating, None, validating]))
    assert (first.resource, second.resource) == (VALIDATING, MUTATING)
    content = second.at(PLACE, BUNDLE)
    assert content["metadata"]["labels"] == {"team": "net"}
    assert closed(content) == ["aws-node.cni-guard.dev"], "absent means Fail"
    assert closed(failing_open(content)) == []


CLOSED = ["aws-node.cni-guard.dev", "eniconfig.cni-guard.dev", "neighbors-deletion.cni-guard.dev"]


def test_failing_open_spares_what_is_proven() -> None:
    content = written()[0]
    assert closed(content) == CLOSED
    assert closed(failing_open(content, {"eniconfig.cni-guard.dev"})) == ["eniconfig.cni-guard.dev"]
    assert closed(content) == CLOSED, "the argument stays as it is"


def test_unchanged() -> None:
    everything = {entry["name"] for entry in written()[0]["webhooks"]}
    first = "aws-node.cni-guard.dev"

    def bundled(bundle: bytes) -> Any:
        content = written()[0]
        content["webhooks"][0]["clientConfig"]["caBundle"] = base64.b64encode(bundle).decode()
        return content

    assert unchanged(written()[0], written()[0]) == everything
    assert unchanged({}, written()[0]) == set()
    assert unchanged(bundled(BUNDLE), bundled(BUNDLE + OTHER.ca)) == everything, "more is trusted"
    assert unchanged(bundled(BUNDLE + OTHER.ca), bundled(BUNDLE)) == everything - {first}, "less is trusted"
    assert unchanged(bundled(OTHER.ca), bundled(BUNDLE)) == everything - {first}
    assert unchanged(bundled(b"garbage"), bundled(BUNDLE)) == everything - {first}
    for key, value in (("failurePolicy", "Ignore"), ("timeoutSeconds", 1), ("rules", []), ("matchConditions", [])):
        live = written()[0]
        live["webhooks"][0][key] = value
        assert unchanged(live, written()[0]) == everything - {first}, key
    garbled = written()[0]
    garbled["webhooks"][0]["clientConfig"]["caBundle"] = "%"
    assert unchanged(garbled, written()[0]) == everything - {first}


def test_selectors_follow_the_namespace() -> None:
    validating, mutating = documents()
    label = "kubernetes.io/metadata.name"
    validating["webhooks"][0]["namespaceSelector"] = {"matchLabels": {label: "cni-guard"}}
    validating["webhooks"][1]["namespaceSelector"] = {
        "matchExpressions": [{"key": label, "operator": "NotIn", "values": ["cni-guard", "other"]}]
    }
    validating["webhooks"][2]["namespaceSelector"] = {"matchLabels": {label: "other", "x": "cni-guard"}}
    entries = read(yaml.safe_dump_all([validating, mutating]))[0].at(PLACE, BUNDLE)["webhooks"]
    assert entries[0]["namespaceSelector"] == {"matchLabels": {label: "kube-guard"}}
    assert entries[1]["namespaceSelector"]["matchExpressions"][0]["values"] == ["kube-guard", "other"]
    assert entries[2]["namespaceSelector"] == {"matchLabels": {label: "other", "x": "cni-guard"}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda found: found[:1], "must hold one ValidatingWebhookConfiguration"),
        (lambda found: [*found, found[0]], "one MutatingWebhookConfiguration"),
        (lambda found: [*found, {"kind": "Service"}], "and nothing else"),
        (
            lambda found: [found[0], found[1] | {"metadata": {"name": "other"}}],
            "metadata.name must be cni-guard, not other",
        ),
        (lambda found: [found[0], found[1] | {"metadata": None}], "metadata.name"),
        (lambda found: [found[0], found[1] | {"webhooks": []}], "webhooks are missing"),
        (lambda found: [found[0], found[1] | {"webhooks": 2 * found[1]["webhooks"]}], "two have the same name"),
        (lambda found: [found[0], found[1] | {"webhooks": [{"name": "a"}]}], "clientConfig.service.path"),
        (lambda found: [found[0], "text"], "must hold one"),
    ],
)
def test_files_that_are_refused(change: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read(yaml.safe_dump_all(change(documents())))
