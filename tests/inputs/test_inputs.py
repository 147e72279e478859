"""Files, folders and stdin: what can be read is read, and the rest is named."""

import errno
import io
import json
import os
import socket
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from webhook.documents import MAX_CHARACTERS, Unread
from webhook.inputs import STDIN, Inputs, read
from webhook.model import Change, Position

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "aws-node"

DAEMONSET = """\
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: aws-node
  namespace: kube-system
spec:
  template:
    spec:
      containers:
        - name: aws-node
          image: amazon-k8s-cni:v1.20.0
"""
ENICONFIG = """\
apiVersion: crd.k8s.amazonaws.com/v1alpha1
kind: ENIConfig
metadata:
  name: eu-west-1a
spec: {subnet: subnet-1}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
IMAGE = ("spec", "template", "spec", "containers", 0, "image")

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: str | bytes) -> str:
    """A file, with the folders above it."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def look(*paths: str, stdin: bytes = b"") -> Inputs:
    """Read the paths."""
    return read(paths, io.BytesIO(stdin))


def names(reading: Inputs) -> list[str]:
    """What was found, as messages name it."""
    return [str(change) for change in reading.changes]


def only(reading: Inputs) -> Change:
    """The one resource."""
    assert reading.unread == ()
    [change] = reading.changes
    return change


def missing(reading: Inputs) -> Unread:
    """The one thing that was not read."""
    assert reading.changes == ()
    [unread] = reading.unread
    return unread


# What is read


def test_resource_is_a_creation_with_the_place_of_each_field() -> None:
    change = only(look(write("a.yaml", "# c\n---\n" + DAEMONSET)))
    assert (change.kind, change.operation, change.old, change.user) == ("DaemonSet", "CREATE", None, None)
    assert change.source is not None
    assert change.source.file == "a.yaml"
    assert change.source.position(IMAGE) == Position(13, 18)
    assert change.source.position((*IMAGE[:-1], "env", 3)) == Position(12, 11)


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


def test_json_stream_and_multi_document_yaml() -> None:
    stream = '{"apiVersion": "v1", "kind": "A"}\n{"apiVersion": "v1", "kind": "B"}'
    reading = look(write("a.json", stream), write("b.yaml", f"---\n{DAEMONSET}---\n# none\n---\n{ENICONFIG}"))
    assert names(reading) == ["DaemonSet kube-system/aws-node", "ENIConfig eu-west-1a"]
    assert (reading.files, reading.objects) == (2, 4)


def test_stdin() -> None:
    change = only(look("-", stdin=DAEMONSET.encode()))
    assert change.source is not None
    assert change.source.file == STDIN


def test_byte_order_mark_is_accepted() -> None:
    assert str(only(look(write("a.yaml", b"\xef\xbb\xbf" + ENICONFIG.encode())))) == "ENIConfig eu-west-1a"


def test_folder_is_read_in_order_without_hidden_folders() -> None:
    for name in ("b/z.yml", "b/a.json", "a.yaml", ".git/x.yaml", "b/.cache/x.yaml", "b/notes.txt"):
        write(f"top/{name}", ENICONFIG.replace("eu-west-1a", name.replace("/", "-")))
    write("top/b/a.json", json.dumps({"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig"}))
    reading = look("top")
    assert [change.source and change.source.file for change in reading.changes] == [
        "top/a.yaml",
        "top/b/a.json",
        "top/b/z.yml",
    ]
    assert reading.unread == ()


def test_file_met_twice_is_read_once() -> None:
    write("top/a.yaml", ENICONFIG)
    assert look("top", "top/a.yaml", "./top/a.yaml").files == 1


def test_links_to_files_are_read_and_loops_of_folders_are_not() -> None:
    write("top/a/x.yaml", ENICONFIG)
    Path("top/a/loop").symlink_to("..", target_is_directory=True)
    Path("top/y.yaml").symlink_to("a/x.yaml")
    reading = look("top")
    assert len(reading.changes) == 2
    [loop] = reading.unread
    assert (loop.file, loop.fatal) == ("top/a/loop", False)


def test_other_groups_of_our_kinds() -> None:
    kruise = DAEMONSET.replace("apps/v1", "apps.kruise.io/v1alpha1").replace("aws-node", "other")
    kruise = kruise.replace("amazon-k8s-cni", "agent")
    assert look(write("a.yaml", kruise)).unread == ()
    old = missing(look(write("b.yaml", DAEMONSET.replace("apps/v1", "extensions/v1beta1"))))
    assert "a DaemonSet with apiVersion 'extensions/v1beta1': cni-guard evaluates those in apps" in old.reason


@pytest.mark.parametrize("manifest", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_official_manifests(manifest: Path) -> None:
    assert str(only(look(str(manifest)))) == "DaemonSet kube-system/aws-node"


# What is not


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


def test_stdin_that_is_empty_or_closed() -> None:
    assert missing(look("-")) == Unread(STDIN, "empty: contains no manifest")
    assert missing(read(["-"], None)) == Unread(STDIN, "stdin is closed")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none.yaml", "no such file or directory"),
        ("none/none.yaml", "no such file or directory"),
        ("", "no such file or directory"),
        ("x" * 5000, "file name too long"),
        ("/dev/null", "is a device"),
        ("link", "too many levels of symbolic links"),
    ],
)
def test_named_path_without_a_file(path: str, reason: str) -> None:
    Path("link").symlink_to("link")
    assert missing(look(path)) == Unread(path, reason)


def test_pipe_and_socket_are_refused_without_waiting() -> None:
    os.mkfifo("pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.yaml")
        found: list[Inputs] = []
        thread = threading.Thread(target=lambda: found.append(look("pipe.yaml", "socket.yaml")), daemon=True)
        thread.start()
        thread.join(10)
    assert found, "waits for a writer"
    assert [unread.reason.split(":")[0] for unread in found[0].unread] == [
        "is a pipe",
        "is a socket",
    ]


def test_no_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    write("top/a.yaml", ENICONFIG)
    # Root, as whom these tests may run, is refused nothing.
    monkeypatch.setattr(os, "open", refuse)
    assert missing(look("top")) == Unread("top/a.yaml", "permission denied")
    monkeypatch.setattr(os, "scandir", refuse)
    assert missing(look("top")) == Unread("top", "permission denied")


def test_folder_without_manifests() -> None:
    Path("top/.git").mkdir(parents=True)
    unread = missing(look("top"))
    assert unread.fatal
    assert "no manifests in this directory (*.yaml, *.yml, *.json)" in unread.reason


def test_broken_document_among_good_ones() -> None:
    reading = look(write("a.yaml", f"{DAEMONSET}---\na: [\n---\n{ENICONFIG}---\njust text\n"))
    assert names(reading) == ["DaemonSet kube-system/aws-node", "ENIConfig eu-west-1a"]
    assert [(unread.line, unread.reason[:11]) for unread in reading.unread] == [
        (14, "broken YAML"),
        (21, "a single va"),
    ]


def test_name_that_is_no_utf8_is_escaped() -> None:
    name = os.fsdecode(b"caf\xe9.yaml")
    try:
        Path(name).write_text("a: 1")
    except OSError:
        pytest.skip("this file system allows no such name")
    assert missing(look(name)).file == "caf\\xe9.yaml"


# What is none of ours does no harm

SENTENCE = "jobs:\n  go:\n    steps:\n      - run: kubectl -n kube-system rollout status ds/aws-node\n"
OTHERS = [
    ("", ""),
    ("# nothing\n---\n# aws-node\n", ""),
    ("%YAML 1.1\n---\n", ""),
    ("- hosts: all\n  tasks: []\n", "a list, not a Kubernetes object"),
    ("\n\nhello\n", "a single value, not a Kubernetes object"),
    ("services:\n  web: {image: nginx}\n", "apiVersion and kind missing"),
    ("apiVersion: v2\nname: a-chart\nversion: 1.0.0\n", "kind missing"),
    ("image: {{ .Values.image }}\n", "looks like a Helm template: render it first"),
    ("Resources:\n  A: !Ref B\n", "the tag !Ref is not supported in a manifest"),
    ("Resources:\n  A: !Sub '${AWS::Region}'\n", "looks like a CloudFormation template"),
    ("name: aws-node-termination-handler\nimage: x\n", "apiVersion and kind missing"),
    ("- {name: my-aws-node-x, cluster: CLUSTER_NAME}\n", "a list, not a Kubernetes object"),
    ("{% if a %}\na: 1\n{% endif %}\n", "looks like a Jinja template"),
    ("a: !!python/name:b.c\n", "the tag !!python/name:b.c is not supported"),
    ("a: .inf\n", "JSON cannot represent"),
    ("~: a\n", "a key is missing or null"),
    ("? [a, b]\n: c\n", "cannot be a key"),
    ("nav: [{CNI: docs/aws-node.md}]\npaths: [deploy/aws-node.yaml]\n", "apiVersion and kind missing"),
    (SENTENCE, "apiVersion and kind missing"),
]
OURS = [
    "image: {repository: amazon-k8s-cni}\n",
    "env: {WARM_IP_TARGET: '2'}\n",
    "- {name: AWS_VPC_K8S_CNI_LOGLEVEL, value: DEBUG}\n",
    "- ds/aws-node\n",
    "- system:serviceaccount:kube-system:aws-node\n",
    "aws-node: {}\n",
    "data: |\n  kind: DaemonSet\n  metadata: {name: aws-node}\n",
    "a: {{ .Values.ENABLE_PREFIX_DELEGATION }}\n",
]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("content", "reason"), OTHERS)
def test_files_of_other_programs_are_no_error(content: str, reason: str, *, named: bool) -> None:
    write("top/a.yaml", content)
    reading = look("top/a.yaml" if named else "top")
    assert (reading.files, reading.changes) == (1, ())
    assert [unread.fatal for unread in reading.unread] == [False] * bool(reason)
    assert all(reason in unread.reason for unread in reading.unread)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("content", OURS)
def test_what_mentions_the_cni_and_is_no_object_is_fatal(content: str, *, named: bool) -> None:
    write("top/a.yaml", content)
    assert missing(look("top/a.yaml" if named else "top")).fatal


def test_json_with_comments_is_another_programs() -> None:
    assert not missing(look(write("tsconfig.json", '{\n  // strict\n  "strict": true\n}\n'))).fatal
    assert missing(look(write("a.json", '{\n  // us\n  "apiVersion": "v1"\n}\n'))).fatal


def test_stdin_is_meant_to_be_evaluated() -> None:
    assert missing(look("-", stdin=b"a: 1\n")).fatal
    assert missing(look("-", stdin=b"# nothing\n")).fatal


def test_groups_that_are_gone_say_so() -> None:
    unread = missing(look(write("a.yaml", DAEMONSET.replace("apps/v1", "extensions/v1beta1"))))
    assert "Kubernetes 1.16 removed it, use `apiVersion: apps/v1`" in unread.reason


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


def test_dangling_link_and_pipe_in_a_folder_are_named() -> None:
    write("top/a.yaml", ENICONFIG)
    Path("top/b.yaml").symlink_to("gone")
    os.mkfifo("top/c.yaml")
    assert [(unread.file, unread.fatal) for unread in look("top").unread] == [
        ("top/b.yaml", False),
        ("top/c.yaml", False),
    ]


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
