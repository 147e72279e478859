"""The documents of a file: each is read, and a broken one does not hide the others."""

import pytest

from tests.inputs.files import DAEMONSET, ENICONFIG, look, missing, names, only, write
from webhook.documents import MAX_CHARACTERS
from webhook.inputs import STDIN

pytestmark = pytest.mark.usefixtures("here")


def test_json_stream_and_multi_document_yaml() -> None:
    stream = '{"apiVersion": "v1", "kind": "A"}\n{"apiVersion": "v1", "kind": "B"}'
    reading = look(write("a.json", stream), write("b.yaml", f"---\n{DAEMONSET}---\n# none\n---\n{ENICONFIG}"))
    assert names(reading) == ["DaemonSet kube-system/aws-node", "ENIConfig eu-west-1a"]
    assert (reading.files, reading.objects) == (2, 4)


def test_stdin() -> None:
    change = only(look("-", stdin=DAEMONSET.encode()))
    assert change.source is not None
    assert change.source.file == STDIN


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ("image: {{ .Values.image }} # aws-node\n", "looks like a Helm template: render it first", 1),
        ("a:\n\tb: 1\n", "this line is indented with a tab; YAML requires spaces", 2),
        (DAEMONSET.replace("amazon-k8s-cni:v1.20.0", '"{{ .Values.image }}"'), "looks like a Helm template", 1),
        ("kind: DaemonSet\n", "apiVersion missing", 1),
        ("apiVersion: v1\nkind: 5\n", "kind missing", 1),
        ("apiVersion: v1\nkind: List\nitems: {}\n", "items of this List is not a list", 3),
        ("apiVersion: v1\nkind: List\nitems: [\n1]\n", "a single value, not a Kubernetes object", 4),
        ("a: 1\na: 2\n", "'a' is listed twice", 2),
        ('{"apiVersion": "v1"\n "kind"', "broken JSON: expected a comma or '}'", 2),
        (b"\xff\xfe" + "a: 1".encode("utf-16-le"), "UTF-16", 1),
        ("a: 1".encode("utf-16-be"), "UTF-16", 1),
        (b"a: 1\nb: \xe9\n", "not UTF-8: byte 0xe9 in line 2", 1),
        (b"\x7fELF\x02\x01\x01\x00" + b"x" * 100, "binary", 1),
        (b'a: "\xed\xa0\x80"', "not UTF-8", 1),
        ("x" * (MAX_CHARACTERS + 1), "split it", 1),
        ("[" * 100_000, "nested deeper", 1),
    ],
)
def test_named_file_that_can_not_be_read(content: str | bytes, reason: str, line: int) -> None:
    unread = missing(look(write("a.yaml", content)))
    assert reason in unread.reason
    assert (unread.file, unread.line, unread.fatal) == ("a.yaml", line, True)


def test_broken_document_among_good_ones() -> None:
    reading = look(write("a.yaml", f"{DAEMONSET}---\na: [\n---\n{ENICONFIG}---\njust text\n"))
    assert names(reading) == ["DaemonSet kube-system/aws-node", "ENIConfig eu-west-1a"]
    assert [(unread.line, unread.reason[:11]) for unread in reading.unread] == [
        (14, "broken YAML"),
        (21, "a single va"),
    ]
