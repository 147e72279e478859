"""One kustomization: which patches it lists, what else it changes, and the command that builds it.

Its fields are those of kustomize v5 (`api/types/kustomization.go`).
"""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from webhook.documents.objects import KUSTOMIZE, Object
from webhook.files import mentions
from webhook.files.contents import name_of
from webhook.files.walk import KUSTOMIZATIONS, File
from webhook.model import at, text

_GATHERS: Final = frozenset(("apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace"))
"""Keys with which a kustomization only gathers files."""

_PATCHES: Final = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements")
"""Keys whose entries change single fields, each written in place or in a file of its own."""

PLACEHOLDER: Final = "DIR"
"""Stands in a command for a folder that the run does not show."""

_UNRESTRICTED: Final = "--load-restrictor LoadRestrictionsNone"


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

    def gathered(self, *keys: str) -> Iterator[str]:
        """The identities of what it lists under these keys."""
        for key in keys:
            listed = self.value.get(key)
            yield from (self.locate(path) for path in _texts(listed))

    def locate(self, path: str) -> str:
        """The identity of a file that it lists."""
        return identity(os.path.join(self.folder, path))  # noqa: PTH118

    def leaves_its_folder(self) -> bool:
        """Whether it reads a file outside: kustomize does so only when it is allowed to. Folders may lie anywhere."""
        inside = os.path.join(identity(self.folder), "")  # noqa: PTH118
        patches = (self.locate(path) for path, _ in self.entries() if path)
        files = (path for path in self.gathered("resources") if os.path.isfile(path))  # noqa: PTH113
        return any(not path.startswith(inside) for path in (*patches, *files))

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


def _texts(listed: Any) -> list[str]:
    return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []


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


def nearest(file: File) -> str:
    """The folder that builds a file, where that can be seen beside it; else a word in its place."""
    folder = os.path.dirname(file.path) or "."  # noqa: PTH120
    beside = any(os.path.exists(os.path.join(folder, name)) for name in KUSTOMIZATIONS)  # noqa: PTH110, PTH118
    return folder if beside and not file.is_stdin else PLACEHOLDER


def command(folder: str, *, unrestricted: bool = False) -> str:
    """The command that builds a folder and evaluates the result."""
    quoted = shlex.quote(name_of(folder))
    return f"kubectl kustomize {f'{quoted} {_UNRESTRICTED}' if unrestricted else quoted} | cni-guard check -"
