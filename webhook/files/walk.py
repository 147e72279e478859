"""The files that a path names: a file itself, or the manifests of a folder."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webhook.documents import Unread
from webhook.files.contents import name_of

KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names under which kustomize looks for its file (kustomize v5, `konfig.RecognizedKustomizationFileNames`)."""

_SUFFIXES: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class File:
    """A file to read; `named` on the command line, not found in a folder."""

    path: str
    named: bool

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return self.path == "-"

    @property
    def is_kustomization(self) -> bool:
        """Whether kustomize would find it by its name."""
        return os.path.basename(self.path) in KUSTOMIZATIONS  # noqa: PTH119 - any name is one

    @property
    def is_manifest(self) -> bool:
        """Whether its name is one of a manifest. Any other file may be named too, as a hook names every changed one."""
        return self.is_stdin or _is_manifest(os.path.basename(self.path))  # noqa: PTH119 - any name is one


def expand(path: str) -> Iterator[File | Unread]:
    """The files that a path names."""
    # Unlike a Path's, this answer is never an error, and an empty name is not the working folder.
    if path == "-" or not os.path.isdir(path):  # noqa: PTH112
        yield File(path, named=True)
        return
    found = False
    for item in _walk(path):
        found = True
        yield item
    if not found:
        yield Unread(name_of(path), f"no manifest in this folder ({', '.join('*' + end for end in _SUFFIXES)})")


def _walk(folder: str) -> Iterator[File | Unread]:
    """The manifests below a folder, in the order of their names; a link to a folder is named and not followed."""
    closed: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (linked := Path(here, name)).is_symlink():
                yield Unread(name_of(str(linked)), "a link to a folder is not followed: name it", fatal=False)
        yield from (File(str(Path(here, name)), named=False) for name in sorted(files) if _is_manifest(name))
    for error in closed:
        yield Unread(name_of(os.fspath(error.filename)), f"{error.strerror}".lower())


def _is_manifest(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) or name in KUSTOMIZATIONS
