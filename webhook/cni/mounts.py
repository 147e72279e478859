"""Which folders of the host a container sees, and which ones the official manifest of its release shows it."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from webhook.cni.container import Container
from webhook.cni.limits import CONTAINER_LISTS, POD_LISTS
from webhook.cni.reading import Role
from webhook.cni.stock import stock
from webhook.cni.tables import Tables
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, Json, at, text

Volumes = Mapping[str, Json]
"""The volumes of a pod by name."""


@dataclass(frozen=True, slots=True)
class Mount:
    """What a container sees at a path."""

    host: str | None
    """The path of the host; None where it is not the host's."""
    read_only: bool = False
    type: str = ""
    known: bool = True
    """Whether all of it is written out: a sub-path may depend on a variable."""


class Shown(NamedTuple):
    """A path of the host that the official manifest shows a container."""

    volume: str
    path: str
    host: str
    type: str


def volumes(pod: Mapping[str, Json]) -> Volumes:
    """The volumes of a pod. Raises CouldNotCheckError where there are too many to be read."""
    listed = pod.get("volumes")
    entries = listed if isinstance(listed, list) else []
    if len(entries) > POD_LISTS["volumes"]:
        raise CouldNotCheckError("volumes is too long to be read")
    return {text(at(entry, "name")): entry for entry in entries}


def mounted(container: Container, of_pod: Volumes, path: str) -> Mount | None:
    """What a container sees at a path: by the mount there, or by the nearest one above it; None without one.

    Raises CouldNotCheckError where there are too many mounts to be read.
    """
    listed = container.raw.get("volumeMounts")
    entries = listed if isinstance(listed, list) else []
    if len(entries) > CONTAINER_LISTS["volumeMounts"]:
        raise CouldNotCheckError(f"volumeMounts of container {container.label} is too long to be read")
    wanted = plain(path)
    above = [(plain(text(at(entry, "mountPath"))), entry) for entry in entries if at(entry, "mountPath")]
    fits = [(place, entry) for place, entry in above if f"{wanted}/".startswith(f"{place.rstrip('/')}/")]
    if not fits:
        return None
    place, entry = max(fits, key=lambda found: len(found[0]))
    return _mount(entry, of_pod.get(text(at(entry, "name"))), wanted[len(place) :])


def _mount(entry: Json, volume: Json, below: str) -> Mount:
    source = at(volume, "hostPath")
    read_only = at(entry, "readOnly") is True
    if not isinstance(source, dict):
        return Mount(None, read_only)
    parts = (text(source.get("path")), text(at(entry, "subPath")), below)
    host = "/".join(part.strip("/") for part in parts if part.strip("/"))
    return Mount(plain(f"/{host}"), read_only, text(source.get("type")), known=not at(entry, "subPathExpr"))


def plain(path: str) -> str:
    """A path without detours; ``/var/run`` is a link to ``/run``, on nodes and in the images alike."""
    found = f"/{posixpath.normpath(path).lstrip('/')}"
    return found.removeprefix("/var") if f"{found}/".startswith("/var/run/") else found


@lru_cache(maxsize=256)
def shown(role: Role, version: Version, tables: Tables) -> tuple[Shown, ...]:
    """What the official manifest of a release shows a container of the host; nothing where it has no such one."""
    pod = stock(version, releases=tables.releases)["spec"]["template"]["spec"]
    of_pod = volumes(pod)
    holders = [one for one in (*pod["initContainers"], *pod["containers"]) if one["name"] == role]
    return tuple(
        Shown(mount["name"], mount["mountPath"], source["path"], text(source.get("type")))
        for holder in holders
        for mount in holder["volumeMounts"]
        for source in (of_pod[mount["name"]]["hostPath"],)
    )
