"""Kustomizations: which ones have to be built before the result can be evaluated."""

import json

import pytest

from tests.inputs.files import ENICONFIG, look, missing, names, write
from tests.inputs.kustomized import HEAD, built

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(("image", "fatal"), [("amazon-k8s-cni", True), ("nginx", False)])
def test_kustomization_that_changes_something_is_named(image: str, *, fatal: bool) -> None:
    gathers = f"{HEAD}resources: [aws-node.yaml]\n"
    assert look(write("top/kustomization.yaml", gathers)).unread == ()
    write("top/kustomization.yaml", f"{gathers}images: [{{name: {image}, newTag: latest}}]\n")
    unread = missing(look("top"))
    assert f"a kustomization that sets images: build it first, `{built('top')}`" in unread.reason
    assert unread.fatal is fatal


def test_other_kustomizations_of_flux_are_objects() -> None:
    flux = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": {"path": "./x"}}
    assert look(write("a.json", json.dumps(flux))).unread == ()


@pytest.mark.parametrize(
    "value",
    [
        "5",
        "{a: b}",
        "[5, [], null, {}]",
        "[{path: 5, target: 5, patch: []}]",
        '["\\0", {path: "a\\0"}]',
        f"[{'x' * 5000}]",
    ],
)
def test_listings_of_any_shape(value: str) -> None:
    write("kustomization.yaml", f"{HEAD}patches: {value}\npatchesStrategicMerge: {value}\ncomponents: {value}\n")
    write("a.yaml", ENICONFIG)
    assert names(look(".")) == ["ENIConfig eu-west-1a"]
