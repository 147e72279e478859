"""Files, folders and stdin to resources with positions, or to the reason why something was not read.

Nothing is passed over in silence, and nothing here waits: of a pipe or a device no byte is read.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

from webhook.documents import Unread
from webhook.files.contents import STDIN, UnreadableError, content, decode, name_of
from webhook.files.gather import Gathered
from webhook.files.kustomizations import identity as kustomize_identity
from webhook.files.listing import Build, Listing
from webhook.files.walk import expand
from webhook.model import Resource

__all__ = ["STDIN", "Build", "Reading", "UnreadableError", "content", "decode", "name_of", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found, and what was not read."""

    resources: tuple[Resource, ...]
    """The DaemonSets and ENIConfigs."""
    unread: tuple[Unread, ...]
    files: int
    objects: int
    """Objects of all kinds."""
    builds: tuple[Build, ...] = ()
    """The kustomizations of the run whose patches change what the guard evaluates."""


def read(paths: Sequence[str], stdin: io.BufferedIOBase | None) -> Reading:
    """Read manifests from files, folders (recursively) and, for ``-``, stdin; a file that is met twice once."""
    gathered = Gathered()
    seen: set[str] = set()
    for path in paths:
        for found in expand(path):
            if isinstance(found, Unread):
                gathered.found.append(found)
                continue
            # Not resolved: two names of one file are two files to a reader.
            identity = found.path if found.is_stdin else os.path.abspath(found.path)  # noqa: PTH100
            if identity not in seen:
                seen.add(identity)
                gathered.take(found, stdin)
    listing = Listing(gathered.kustomizations)
    resources, unread = gathered.sorted(listing)
    listing.look_beside({kustomize_identity(path) for path in seen})
    return Reading(tuple(resources), tuple(unread), gathered.files, gathered.objects, tuple(listing.builds()))
