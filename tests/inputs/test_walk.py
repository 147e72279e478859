"""Directories: which files are read, in which order, and each only once."""

import json
import os
from pathlib import Path

import pytest

from tests.inputs.files import ENICONFIG, look, missing, write

pytestmark = pytest.mark.usefixtures("here")


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


def test_folder_without_manifests() -> None:
    Path("top/.git").mkdir(parents=True)
    unread = missing(look("top"))
    assert unread.fatal
    assert "no manifests in this directory (*.yaml, *.yml, *.json)" in unread.reason


def test_dangling_link_and_pipe_in_a_folder_are_named() -> None:
    write("top/a.yaml", ENICONFIG)
    Path("top/b.yaml").symlink_to("gone")
    os.mkfifo("top/c.yaml")
    assert [(unread.file, unread.fatal) for unread in look("top").unread] == [
        ("top/b.yaml", False),
        ("top/c.yaml", False),
    ]
