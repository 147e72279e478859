"""The bytes and the text of a file: what can be read, and the reason for what cannot."""

import errno
import os
import socket
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from tests.inputs.files import ENICONFIG, look, missing, only, write
from webhook.documents import Unread
from webhook.inputs import STDIN, Inputs, read

pytestmark = pytest.mark.usefixtures("here")


def test_byte_order_mark_is_accepted() -> None:
    assert str(only(look(write("a.yaml", b"\xef\xbb\xbf" + ENICONFIG.encode())))) == "ENIConfig eu-west-1a"


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


def test_name_that_is_no_utf8_is_escaped() -> None:
    name = os.fsdecode(b"caf\xe9.yaml")
    try:
        Path(name).write_text("a: 1")
    except OSError:
        pytest.skip("this file system allows no such name")
    assert missing(look(name)).file == "caf\\xe9.yaml"
