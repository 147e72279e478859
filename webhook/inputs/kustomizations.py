"""One kustomization: the patches it lists, what else it changes, and the command that builds it.

The fields are those of kustomize v5 (`api/types/kustomization.go`).
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from webhook.inputs import mentions
from webhook.inputs.contents import name_of
from webhook.inputs.paths import KUSTOMIZATIONS, folder_of, identity, is_file, is_kustomized, join
from webhook.inputs.walk import File
from webhook.model import at, text

_GATHERS: Final = frozenset(("apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace"))
"""Keys that only collect files."""

_PATCHES: Final = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements")
"""Keys with patches, each inline or in its own file."""

PLACEHOLDER: Final = "DIR"
"""Replaces an unknown directory in a command."""

_UNRESTRICTED: Final = "--load-restrictor LoadRestrictionsNone"


@dataclass(slots=True)
class Kustomization:
    """A kustomization file of the run."""

    file: File
    line: int
    value: dict[str, Any]
    found: int = 0
    """The number of its patches that are known to be about the CNI."""
    pending: dict[str, int] = field(default_factory=dict)
    """The number of entries for each patch file, if the entries do not show whether they are about the CNI."""

    @property
    def folder(self) -> str:
        """The directory to pass to kustomize."""
        return folder_of(self.file.path)

    @property
    def is_component(self) -> bool:
        """Whether it is a component, which only other kustomizations build."""
        return self.value.get("kind") == "Component"

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Each patch: its file (empty for an inline patch), and the entry."""
        for key in _PATCHES:
            listed = self.value.get(key)
            for entry in listed if isinstance(listed, list) else ():
                path = entry if isinstance(entry, str) else text(at(entry, "path"))
                yield ("" if "\n" in path else path), entry

    def gathered(self, *keys: str) -> Iterator[str]:
        """The identities of the files and directories listed under these keys."""
        for key in keys:
            listed = self.value.get(key)
            yield from (self.locate(path) for path in _texts(listed))

    def locate(self, path: str) -> str:
        """The identity of a listed file."""
        return identity(join(self.folder, path))

    def leaves_its_folder(self) -> bool:
        """Whether it reads a file outside its directory, which kustomize allows only with a flag."""
        inside = join(identity(self.folder), "")
        patches = (self.locate(path) for path, _ in self.entries() if path)
        files = (path for path in self.gathered("resources") if is_file(path))
        return any(not path.startswith(inside) for path in (*patches, *files))

    def refusal(self) -> str:
        """Why its files cannot be checked without building it; empty if it changes nothing, or only by patches."""
        if not self.file.is_kustomization and any(True for _ in self.entries()):
            return f"a kustomization with a name that kustomize does not look for: rename it to {KUSTOMIZATIONS[0]}"
        changes = ", ".join(self._changes())
        return f"a kustomization that sets {changes}: build it first, `{command(self.folder)}`" if changes else ""

    def changes_the_cni(self) -> bool:
        """Whether a key other than patches mentions the CNI, as ``images`` may."""
        keys = self._changes() if self.file.is_kustomization else [*self._changes(), *_PATCHES]
        return any(mentions.in_value(self.value.get(key)) for key in keys)

    def _changes(self) -> list[str]:
        """Its keys that change the collected files, except patches."""
        return [key for key in self.value if key not in _GATHERS and key not in _PATCHES]


def _texts(listed: Any) -> list[str]:
    return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []


def nearest(file: File) -> str:
    """The directory of a file if it holds a kustomization, else a placeholder."""
    folder = folder_of(file.path)
    return folder if is_kustomized(folder) and not file.is_stdin else PLACEHOLDER


def command(folder: str, *, unrestricted: bool = False) -> str:
    """The command that builds a directory and checks the result."""
    quoted = shlex.quote(name_of(folder))
    return f"kubectl kustomize {f'{quoted} {_UNRESTRICTED}' if unrestricted else quoted} | cni-guard check -"
