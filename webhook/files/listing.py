"""All kustomizations of a run: which files they list as patches, and what each has to be built for.

What a patch changes is written elsewhere, so it is evaluated in what kustomize builds.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from webhook.files import mentions
from webhook.files.contents import UnreadableError, content, name_of
from webhook.files.kustomizations import PLACEHOLDER, Kustomization, command, identity
from webhook.files.walk import File
from webhook.model import text


@dataclass(frozen=True, slots=True)
class Build:
    """The patches of one kustomization that change aws-node or an ENIConfig: they are evaluated once it is built."""

    file: str
    line: int
    patches: int
    command: str
    """What builds it and hands the result to the guard."""


class Listing:
    """All kustomizations of a run."""

    def __init__(self, kustomizations: Iterable[Kustomization]) -> None:
        """Note which files they list as patches, and which patches say by themselves that they are about the CNI."""
        self._all = tuple(kustomizations)
        self._listed: dict[str, list[Kustomization]] = {}
        self._resources = {path for one in self._all for path in one.gathered("resources", "bases")}
        self._folders = {identity(one.folder): one for one in self._all}
        self._identity = cache(identity)
        # A base is asked for each overlay of it.
        self._leaves = cache(lambda folder: self._folders[identity(folder)].leaves_its_folder())
        for one in self._all:
            for path, entry in one.entries():
                if path:
                    self._listed.setdefault(one.locate(path), []).append(one)
                if _says(path, entry):
                    one.found += 1
                elif path:
                    one.pending[one.locate(path)] = one.pending.get(one.locate(path), 0) + 1

    def lists(self, file: File) -> bool:
        """Whether they list a file as a patch alone, and not as a resource too."""
        key = self._identity(file.path)
        return not file.is_stdin and key in self._listed and key not in self._resources

    def concerns_the_cni(self, file: File) -> None:
        """Count the entries that list a file: what it holds is about the CNI."""
        key = self._identity(file.path)
        for one in self._listed[key]:
            one.found += one.pending.pop(key, 0)

    def look_beside(self, seen: Collection[str]) -> None:
        """Look into the patches that the run does not name, such as where it names only what changed."""
        for one in self._all:
            for key in [key for key in one.pending if key not in seen]:
                with suppress(UnreadableError, ValueError):  # a NUL in a name
                    if mentions.in_bytes(content(key, None)):
                        one.found += one.pending.pop(key)

    def builds(self) -> Iterator[Build]:
        """A line for each kustomization that has such patches."""
        for one in self._all:
            if one.found:
                yield Build(name_of(one.file.path), one.line, one.found, self._command(one))

    def _command(self, one: Kustomization) -> str:
        root = self._root(one)
        parts = self._built_with(root or one)
        unrestricted = any(self._leaves(part.folder) for part in parts)
        return command(root.folder if root else PLACEHOLDER, unrestricted=unrestricted)

    def _built_with(self, root: Kustomization) -> list[Kustomization]:
        """The kustomizations of the run that are built with one, itself among them."""
        found: dict[str, Kustomization] = {}
        waiting = [identity(root.folder)]
        while waiting:
            folder = waiting.pop()
            if folder in self._folders and folder not in found:
                found[folder] = self._folders[folder]
                waiting += found[folder].gathered("resources", "bases", "components")
        return list(found.values())

    def _root(self, one: Kustomization) -> Kustomization | None:
        """What builds it: itself, or for a component the kustomization of the run that uses it."""
        if not one.is_component:
            return one
        home = identity(one.folder)
        for user in self._all:
            if not user.is_component and home in user.gathered("components"):
                return user
        return None


def _says(path: str, entry: Any) -> bool:
    """Whether a target, or a patch in place, mentions the CNI; the name of a file proves nothing."""
    if isinstance(entry, str):
        return not path and mentions.in_text(entry)
    if not isinstance(entry, dict):
        return False
    beside = {key: value for key, value in entry.items() if key != "path"}
    return mentions.in_value(beside) or mentions.in_text(text(entry.get("patch")))
