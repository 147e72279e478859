"""Reads the objects to evaluate, with their positions, from files, directories and stdin.

Anything that is not read is reported with the reason. Nothing here blocks: pipes and devices are never read.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from webhook.documents import Unread
from webhook.inputs.contents import STDIN, UnreadableError, content, decode, name_of
from webhook.inputs.gather import Gathered
from webhook.inputs.listing import Build, Listing
from webhook.inputs.paths import absolute, identity
from webhook.inputs.sorting import separated
from webhook.inputs.walk import File, expand
from webhook.model import Change

__all__ = ["STDIN", "Build", "Reading", "UnreadableError", "content", "decode", "name_of", "read"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The result of a run: what was read, and what was not."""

    changes: tuple[Change, ...]
    """The DaemonSets and ENIConfigs."""
    unread: tuple[Unread, ...]
    files: int
    objects: int
    """Objects of all kinds."""
    builds: tuple[Build, ...] = ()
    """The kustomizations of the run whose patches change objects that cni-guard evaluates."""


def read(paths: Sequence[str], stdin: io.BufferedIOBase | None) -> Inputs:
    """Read manifests from files, directories (recursively) and, for ``-``, stdin; each file once."""
    gathered = Gathered()
    seen: set[str] = set()
    for found in (found for path in paths for found in expand(path)):
        if isinstance(found, Unread):
            gathered.found.append(found)
        elif (key := _key(found)) not in seen:
            seen.add(key)
            gathered.take(found, stdin)
    listing = Listing(gathered.kustomizations)
    changes, unread = separated(gathered.found, listing)
    listing.look_beside({identity(path) for path in seen})
    return Inputs(changes, unread, gathered.files, gathered.objects, tuple(listing.builds()))


def _key(file: File) -> str:
    """What makes two paths one file. Links are not resolved: to the user, two names are two files."""
    return file.path if file.is_stdin else absolute(file.path)
