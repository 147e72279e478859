"""The registry: every module is in it, and every part of a file has a reader."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inputs.files import DAEMONSET, ENICONFIG, PATCH
from webhook.documents import Document, load
from webhook.inputs import readers
from webhook.inputs.kustomizations import Kustomization
from webhook.inputs.parts import Found, Part, Text
from webhook.inputs.readers import (
    READERS,
    kustomize,
    lists,
    manifests,
    others,
    patches,
    reader_of,
    templates,
)
from webhook.inputs.walk import File
from webhook.model import Path, Position

KUSTOMIZE = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: "


def part(content: str) -> Part:
    """The one document of a file."""
    [document] = load(content)
    return Part(Text(File("a.yaml", named=True), content), document.value, document.positions)


def test_every_module_is_a_reader_of_the_registry() -> None:
    found = [import_module(f"{readers.__name__}.{module.name}").READER for module in iter_modules(readers.__path__)]
    assert sorted(map(id, found)) == sorted(map(id, READERS))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (DAEMONSET, manifests),
        (ENICONFIG, manifests),
        ("{apiVersion: v1, kind: ConfigMap}", manifests),
        ("{apiVersion: v1, kind: List}", lists),
        ("{apiVersion: apps/v1, kind: DaemonSetList, items: []}", lists),
        ("{apiVersion: example.com/v1, kind: WatchList}", manifests),
        (f"{KUSTOMIZE}Kustomization", kustomize),
        (f"{KUSTOMIZE}Component", kustomize),
        (f"{KUSTOMIZE}FooList\nitems: []", lists),
        ("resources: []", kustomize),
        ("resources: {}", others),
        ("{kind: Kustomization, resources: []}", others),
        (PATCH, patches),
        ("[{op: add, path: /a}]", patches),
        ("[{op: add}]", others),
        (f"{ENICONFIG}$patch: delete", patches),
        ("{apiVersion: v1, kind: ConfigMap, $patch: delete}", manifests),
        (PATCH.replace("5", "${WARM}"), patches),
        (DAEMONSET.replace("v1.20.0", "${TAG}"), templates),
        (ENICONFIG.replace("subnet-1", "'{{ .Values.subnet }}'"), templates),
        (ENICONFIG.replace("kind: ENIConfig", "kind: $KIND\nx: ENIConfig"), templates),
        ("{apiVersion: v1, kind: $KIND}", manifests),
        ("image: {tag: v1.20.0}", others),
        ("text", others),
    ],
)
def test_the_first_reader_that_recognizes_a_part_reads_it(content: str, expected: Any) -> None:
    assert reader_of(part(content)) is expected.READER


KINDS = st.sampled_from(["DaemonSet", "ENIConfig", "daemonset", "List", "ENIConfigList", "Kustomization", "$KIND", 5])
GROUPS = st.sampled_from(["apps/v1", "crd.k8s.amazonaws.com/v1alpha1", "v1", "kustomize.config.k8s.io/v1beta1", None])
VALUES = st.recursive(
    st.sampled_from(["aws-node", "${X}", "{{ x }}", "add", 1, None]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "name", "spec", "template", "containers", "items", "patches", "op", "path"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def places(value: Any, path: Path = ()) -> Mapping[Path, Position]:
    """A position for each field."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = {place: position for key, item in inner for place, position in places(item, (*path, key)).items()}
    return {path: Position(1 + len(path), 1), **below}


@given(KINDS, GROUPS, VALUES)
def test_any_part_is_read(kind: Any, group: Any, value: Any) -> None:
    whole = {"apiVersion": group, "kind": kind, **value} if isinstance(value, dict) else value
    document = Document(whole, places(whole))
    text = Text(File("a.yaml", named=True), str(whole))
    waiting, found = [Part(text, document.value, document.positions)], list[Found | Kustomization]()
    while waiting:
        one = waiting.pop()
        results = list(reader_of(one).changes(one))
        waiting += [result for result in results if isinstance(result, Part)]
        found += [result for result in results if not isinstance(result, Part)]
        assert results or lists.READER.recognizes(one)
    assert all(isinstance(result, Found) for result in found)
