"""Expands a path to files: the file itself, or the manifests in a directory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webhook.documents import Unread
from webhook.inputs.contents import name_of
from webhook.inputs.paths import KUSTOMIZATIONS, base_name, is_folder

_SUFFIXES: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class File:
    """A file to read; `named` on the command line rather than found in a directory."""

    path: str
    named: bool

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return self.path == "-"

    @property
    def is_kustomization(self) -> bool:
        """Whether kustomize looks for this name."""
        return base_name(self.path) in KUSTOMIZATIONS

    @property
    def is_manifest(self) -> bool:
        """Whether it is named like a manifest. Other files may be named too, since a hook passes every changed file."""
        return self.is_stdin or _is_manifest(base_name(self.path))


def expand(path: str) -> Iterator[File | Unread]:
    """The files that a path names."""
    if path == "-" or not is_folder(path):
        yield File(path, named=True)
        return
    found = False
    for item in _walk(path):
        found = True
        yield item
    if not found:
        yield Unread(name_of(path), f"no manifests in this directory ({', '.join('*' + end for end in _SUFFIXES)})")


def _walk(folder: str) -> Iterator[File | Unread]:
    """The manifests below a directory, sorted by name; links to directories are reported, not followed."""
    closed: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (linked := Path(here, name)).is_symlink():
                yield Unread(name_of(str(linked)), "links to directories are not followed: pass its path", fatal=False)
        yield from (File(str(Path(here, name)), named=False) for name in sorted(files) if _is_manifest(name))
    for error in closed:
        yield Unread(name_of(os.fspath(error.filename)), f"{error.strerror}".lower())


def _is_manifest(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) or name in KUSTOMIZATIONS
