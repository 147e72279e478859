"""Kustomizations of a run: which patches they list, and the command that builds them.

Read from kustomize v5 (`api/types/kustomization.go`). What a patch changes is written elsewhere, so it is evaluated
in what kustomize builds.
"""

import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from webhook.documents.objects import KUSTOMIZE, Object
from webhook.files import mentions
from webhook.files.contents import name_of
from webhook.files.walk import KUSTOMIZATIONS, File
from webhook.model import at, text

_GATHERS: Final = frozenset(("apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace"))
"""Keys with which a kustomization only gathers files."""

_PATCHES: Final = ("patches", "patchesStrategicMerge", "patchesJson6902")
_PLACEHOLDER: Final = "DIR"
_UNRESTRICTED: Final = "--load-restrictor LoadRestrictionsNone"


@dataclass(frozen=True, slots=True)
class Build:
    """The patches of one kustomization that change aws-node or an ENIConfig: they are evaluated once it is built."""

    file: str
    line: int
    patches: int
    command: str
    """What builds it and hands the result to the guard."""


@dataclass(slots=True)
class Kustomization:
    """A kustomization file of the run."""

    file: File
    line: int
    value: dict[str, Any]
    found: int = 0
    """Its patches that concern the CNI, as far as they are known by now."""
    pending: dict[str, int] = field(default_factory=dict)
    """For each file that it lists: in how many entries, none of which says by itself that it is about the CNI."""

    @property
    def folder(self) -> str:
        """The folder that kustomize is told."""
        return os.path.dirname(self.file.path) or "."  # noqa: PTH120 - as it was named, not resolved

    @property
    def is_component(self) -> bool:
        """Whether others use it, and it builds nothing by itself."""
        return self.value.get("kind") == "Component"

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Each patch: the file that holds it (empty where it is written in place), and the entry."""
        for key in _PATCHES:
            listed = self.value.get(key)
            for entry in listed if isinstance(listed, list) else ():
                path = entry if isinstance(entry, str) else text(at(entry, "path"))
                yield ("" if "\n" in path else path), entry

    def locate(self, path: str) -> str:
        """The identity of a file that it lists."""
        return identity(os.path.join(self.folder, path))  # noqa: PTH118

    def leaves_its_folder(self) -> bool:
        """Whether a patch lies outside: kustomize reads such a file only when it is allowed to."""
        home = identity(self.folder)
        return any(not self.locate(path).startswith(os.path.join(home, "")) for path, _ in self.entries() if path)  # noqa: PTH118

    def refusal(self) -> str:
        """Why what it gathers is not what it builds; empty where its patches alone, or nothing, tell them apart."""
        if not self.file.is_kustomization and any(True for _ in self.entries()):
            return f"a kustomization that kustomize does not find under this name: call it {KUSTOMIZATIONS[0]}"
        changes = ", ".join(self._changes())
        return f"a kustomization: build it first, it also sets {changes}: `{command(self.folder)}`" if changes else ""

    def changes_the_cni(self) -> bool:
        """Whether what it says beside patches speaks of the CNI, as ``images`` may."""
        keys = self._changes() if self.file.is_kustomization else [*self._changes(), *_PATCHES]
        return any(mentions.in_value(self.value.get(key)) for key in keys)

    def _changes(self) -> list[str]:
        """Its keys that change what it gathers, beside patches."""
        return [key for key in self.value if key not in _GATHERS and key not in _PATCHES]


def identity(path: str) -> str:
    """A file wherever it is reached from; kustomize follows links too."""
    try:
        return os.path.realpath(path)
    except ValueError:
        # A NUL in it: no file has such a name.
        return path


def is_kustomization(found: Object) -> bool:
    """Whether an object is a kustomization or a component."""
    return found.group == KUSTOMIZE


class Listing:
    """All kustomizations of a run."""

    def __init__(self, kustomizations: Iterable[Kustomization]) -> None:
        """Note which files they list as patches, and which patches say by themselves that they are about the CNI."""
        self._all = tuple(kustomizations)
        self._listed: dict[str, list[Kustomization]] = {}
        self._identity = cache(identity)
        for one in self._all:
            for path, entry in one.entries():
                if path:
                    self._listed.setdefault(one.locate(path), []).append(one)
                if _says(path, entry):
                    one.found += 1
                elif path:
                    one.pending[one.locate(path)] = one.pending.get(one.locate(path), 0) + 1

    def lists(self, file: File) -> bool:
        """Whether any of them lists a file as a patch."""
        return not file.is_stdin and self._identity(file.path) in self._listed

    def concerns_the_cni(self, file: File) -> None:
        """Count the entries that list a file: what it holds is about the CNI."""
        key = self._identity(file.path)
        for one in self._listed[key]:
            one.found += one.pending.pop(key, 0)

    def builds(self) -> Iterator[Build]:
        """A line for each kustomization that has such patches."""
        for one in self._all:
            if one.found:
                yield Build(name_of(one.file.path), one.line, one.found, self._command(one))

    def _command(self, one: Kustomization) -> str:
        root = self._root(one)
        if root is None:
            return command(_PLACEHOLDER, unrestricted=one.leaves_its_folder())
        return command(root.folder, unrestricted=root.leaves_its_folder() or one.leaves_its_folder())

    def _root(self, one: Kustomization) -> Kustomization | None:
        """What builds it: itself, or for a component the kustomization of the run that uses it."""
        if not one.is_component:
            return one
        home = identity(one.folder)
        for user in self._all:
            used = user.value.get("components")
            paths = [path for path in used if isinstance(path, str)] if isinstance(used, list) else []
            if not user.is_component and any(user.locate(path) == home for path in paths):
                return user
        return None


def _says(path: str, entry: Any) -> bool:
    """Whether a target, or a patch in place, mentions the CNI; the name of a file proves nothing."""
    if isinstance(entry, str):
        return not path and mentions.in_text(entry)
    return mentions.in_value(at(entry, "target")) or mentions.in_text(text(at(entry, "patch")))


def nearest(file: File) -> str:
    """The folder that builds a file, where that can be seen beside it; else a word in its place."""
    folder = os.path.dirname(file.path) or "."  # noqa: PTH120
    beside = any(os.path.exists(os.path.join(folder, name)) for name in KUSTOMIZATIONS)  # noqa: PTH110, PTH118
    return folder if beside and not file.is_stdin else _PLACEHOLDER


def command(folder: str, *, unrestricted: bool = False) -> str:
    """The command that builds a folder and evaluates the result."""
    quoted = shlex.quote(name_of(folder))
    return f"kubectl kustomize {f'{quoted} {_UNRESTRICTED}' if unrestricted else quoted} | cni-guard check -"
