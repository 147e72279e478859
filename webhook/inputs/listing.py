"""All kustomizations of a run: the files that they list as patches, and which of them need to be built.

A patch cannot be evaluated without its base, so it is evaluated in the output of kustomize.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from webhook.inputs import mentions
from webhook.inputs.contents import UnreadableError, content, name_of
from webhook.inputs.kustomizations import PLACEHOLDER, Kustomization, command
from webhook.inputs.paths import identity
from webhook.inputs.walk import File
from webhook.model import text


@dataclass(frozen=True, slots=True)
class Build:
    """A kustomization to build because its patches change aws-node or an ENIConfig."""

    file: str
    line: int
    patches: int
    command: str
    """The command that builds it and passes the result to cni-guard."""


class Listing:
    """All kustomizations of a run."""

    def __init__(self, kustomizations: Iterable[Kustomization]) -> None:
        """Record the files listed as patches, and count the entries that mention the CNI themselves."""
        self._all = tuple(kustomizations)
        self._listed: dict[str, list[Kustomization]] = {}
        self._resources = {path for one in self._all for path in one.gathered("resources", "bases")}
        self._folders = {identity(one.folder): one for one in self._all}
        self._identity = cache(identity)
        # Cached, since several overlays may share a base.
        self._leaves = cache(lambda folder: self._folders[identity(folder)].leaves_its_folder())
        for one in self._all:
            for path, entry in one.entries():
                if path:
                    self._listed.setdefault(one.locate(path), []).append(one)
                if _says(path, entry):
                    one.found += 1
                elif path:
                    one.pending[one.locate(path)] = one.pending.get(one.locate(path), 0) + 1

    @property
    def folders(self) -> Collection[str]:
        """The identities of the directories with a kustomization of the run."""
        return self._folders.keys()

    def lists(self, file: File) -> bool:
        """Whether a file is listed as a patch, but not as a resource."""
        key = self._identity(file.path)
        return not file.is_stdin and key in self._listed and key not in self._resources

    def concerns_the_cni(self, file: File) -> None:
        """Count the entries for a patch file that is about the CNI."""
        key = self._identity(file.path)
        for one in self._listed[key]:
            one.found += one.pending.pop(key, 0)

    def look_beside(self, seen: Collection[str]) -> None:
        """Read the patch files that are not part of the run, as when the run has only changed files."""
        for one in self._all:
            for key in [key for key in one.pending if key not in seen]:
                with suppress(UnreadableError, ValueError):  # a NUL in a name
                    if mentions.in_bytes(content(key, None)):
                        one.found += one.pending.pop(key)

    def builds(self) -> Iterator[Build]:
        """Each kustomization with patches that are about the CNI."""
        for one in self._all:
            if one.found:
                yield Build(name_of(one.file.path), one.line, one.found, self._command(one))

    def _command(self, one: Kustomization) -> str:
        root = self._root(one)
        parts = self._built_with(root or one)
        unrestricted = any(self._leaves(part.folder) for part in parts)
        return command(root.folder if root else PLACEHOLDER, unrestricted=unrestricted)

    def _built_with(self, root: Kustomization) -> list[Kustomization]:
        """The kustomizations of the run that are part of a build, including its root."""
        found: dict[str, Kustomization] = {}
        waiting = [identity(root.folder)]
        while waiting:
            folder = waiting.pop()
            if folder in self._folders and folder not in found:
                found[folder] = self._folders[folder]
                waiting += found[folder].gathered("resources", "bases", "components")
        return list(found.values())

    def _root(self, one: Kustomization) -> Kustomization | None:
        """The kustomization to build: itself, or for a component one of the run that uses it."""
        if not one.is_component:
            return one
        home = identity(one.folder)
        for user in self._all:
            if not user.is_component and home in user.gathered("components"):
                return user
        return None


def _says(path: str, entry: Any) -> bool:
    """Whether a target or an inline patch mentions the CNI; a file name does not count."""
    if isinstance(entry, str):
        return not path and mentions.in_text(entry)
    if not isinstance(entry, dict):
        return False
    beside = {key: value for key, value in entry.items() if key != "path"}
    return mentions.in_value(beside) or mentions.in_text(text(entry.get("patch")))
