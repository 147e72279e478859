"""Paths as the user typed them: unlike `pathlib`, nothing here turns an empty name into ".", or drops "./" and "..".

Nothing raises for a name that no file can have.
"""

import os
from typing import Final

KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The file names that kustomize looks for (kustomize v5, `konfig.RecognizedKustomizationFileNames`)."""


def base_name(path: str) -> str:
    """The last part of a path."""
    return os.path.basename(path)


def folder_of(path: str) -> str:
    """The directory of a file."""
    return os.path.dirname(path) or "."


def join(folder: str, path: str) -> str:
    """A path relative to a directory."""
    return os.path.join(folder, path)


def is_folder(path: str) -> bool:
    """Whether it is a directory, or a link to one."""
    return os.path.isdir(path)


def is_file(path: str) -> bool:
    """Whether it is a regular file, or a link to one."""
    return os.path.isfile(path)


def is_kustomized(folder: str) -> bool:
    """Whether a directory has a kustomization."""
    return any(os.path.exists(join(folder, name)) for name in KUSTOMIZATIONS)


def absolute(path: str) -> str:
    """The absolute path, with links not resolved."""
    return os.path.abspath(path)


def identity(path: str) -> str:
    """The resolved path, which identifies a file; kustomize follows links too."""
    try:
        return os.path.realpath(path)
    except ValueError:
        # The path contains NUL, so there is no such file.
        return path


def mode(path: str) -> int:
    """The type and permissions of a file, as in `stat.S_ISREG`.

    Raises:
        OSError: There is no such file.
    """
    return os.stat(path).st_mode
