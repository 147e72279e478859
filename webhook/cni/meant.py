"""What the author of an object meant that the API server refuses, as far as it tells aws-node from others.

A blank that is missing after a colon makes a text of ``name:aws-node``: of a whole mapping, of the end of the value
above it, or of a key without a value. Only a file can hold such an object.
"""

from collections.abc import Iterator, Mapping

from webhook.model import Json, text

_NAMES = ("name", "namespace", "generateName")
_ACCOUNTS = ("serviceAccountName", "serviceAccount")


def metadata(raw: Json) -> dict[str, str]:
    """Name, prefix of a name, and namespace; a list where the mapping belongs holds them one by one."""
    return _fields(raw if isinstance(raw, list) else [raw], _NAMES)


def accounts(pod: Json) -> tuple[str, ...]:
    """The service account of a pod, in both of its fields."""
    return tuple(_fields([pod], _ACCOUNTS).values())


def containers(listed: Json) -> Iterator[Mapping[str, Json]]:
    """The containers of a list; a mapping in its place is one container, or holds them by their names."""
    if isinstance(listed, dict):
        named = [{"name": name, **one} for name, one in listed.items() if isinstance(one, dict)]
        listed = [listed, *named]
    for entry in listed if isinstance(listed, list) else [listed]:
        yield entry if isinstance(entry, dict) and "image" in entry else _fields([entry], ("name", "image"))


def _fields(parts: list[Json], names: tuple[str, ...]) -> dict[str, str]:
    """The fields of these names, each with its first word; what is written in a field of its own comes first."""
    found: dict[str, str] = {}
    broken: list[str] = []
    for part in parts:
        if not isinstance(part, dict):
            broken += text(part).split()
            continue
        broken += [key for key, value in part.items() if value is None and isinstance(key, str)]
        for name in names:
            first, *rest = text(part.get(name)).split() or [""]
            broken += rest
            if first:
                found[name] = first
    for word in broken:
        name, _, value = word.partition(":")
        if name in names:
            found.setdefault(name, value.strip("\"'"))
    return found
