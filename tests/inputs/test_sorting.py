"""What is unread: an error only if it may be about the CNI, or had to be evaluated."""

from pathlib import Path

import pytest

from tests.inputs.files import CONFIG, look, missing, write
from webhook.inputs import read

pytestmark = pytest.mark.usefixtures("here")


def test_stdin_is_meant_to_be_evaluated() -> None:
    assert missing(look("-", stdin=b"a: 1\n")).fatal
    assert missing(look("-", stdin=b"# nothing\n")).fatal


@pytest.mark.parametrize(
    ("content", "fatal"),
    [
        ("replicas: 1\n", False),
        ('{"name": "x", "version": "1"}', False),
        ("image: {{ .Values.image }}\n", False),
        ("image: {{ .Values.image }} # aws-node\n", True),
        ("a: [\n# amazon-k8s-cni\n", True),
        ("kind: ENIConfig\n", True),
        (b"\xff\xfe" + "kind: ENIConfig".encode("utf-16-le"), True),
        (b"\xff\xfe" + "kind: Pod".encode("utf-16-le"), False),
    ],
)
def test_in_a_folder_only_what_mentions_our_kinds_is_fatal(content: str | bytes, *, fatal: bool) -> None:
    write("top/a.yaml", content)
    unread = missing(look("top"))
    assert unread.file == "top/a.yaml"
    assert unread.fatal is fatal


@pytest.mark.parametrize("content", ["", "# aws-node\n", CONFIG, "resources:\n- aws-node.yaml\n"])
def test_in_a_folder_what_holds_nothing_is_passed(content: str) -> None:
    write("top/a.yaml", content)
    reading = look("top")
    assert (reading.changes, reading.unread) == ((), ())


@pytest.mark.parametrize("name", ["README.md", "Makefile", "logo.png", "pyproject.toml", "LICENSE"])
@pytest.mark.parametrize(
    ("content", "fatal"),
    [("a: [\n\tb", False), ("a: [\n\tb # aws-node", True), ("\0\1\2", False), ("\0aws-node\0", True)],
)
def test_a_hook_may_name_every_changed_file(here: Path, name: str, content: str, *, fatal: bool) -> None:
    (here / name).write_text(content)
    assert any(unread.fatal for unread in read([name], None).unread) is fatal
    (here / "a.yaml").write_text(content)
    assert all(unread.fatal for unread in read(["a.yaml"], None).unread)
