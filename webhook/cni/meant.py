"""Reads the names in a malformed object as its author meant them, to recognize a broken aws-node.

With the space after a colon missing, ``name:aws-node`` is a string: in place of a mapping, at the end of the value
above, or as a key without a value. The API server rejects such an object, so it only occurs in files.
"""

from collections.abc import Iterator, Mapping

from webhook.model import Json, text

_NAMES = ("name", "namespace", "generateName")
_ACCOUNTS = ("serviceAccountName", "serviceAccount")


def metadata(raw: Json) -> dict[str, str]:
    """Name, generateName and namespace; `raw` may be a list of them instead of a mapping."""
    return _fields(raw if isinstance(raw, list) else [raw], _NAMES)


def accounts(pod: Json) -> tuple[str, ...]:
    """The service account of a pod, from both fields."""
    return tuple(_fields([pod], _ACCOUNTS).values())


def containers(listed: Json) -> Iterator[Mapping[str, Json]]:
    """The containers of a list; a mapping instead of the list is one container, or has them by name."""
    if isinstance(listed, dict):
        named = [{"name": name, **one} for name, one in listed.items() if isinstance(one, dict)]
        listed = [listed, *named]
    for entry in listed if isinstance(listed, list) else [listed]:
        yield entry if isinstance(entry, dict) and "image" in entry else _fields([entry], ("name", "image"))


def _fields(parts: list[Json], names: tuple[str, ...]) -> dict[str, str]:
    """The first word of each of these fields; proper fields win over fields found in strings."""
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
