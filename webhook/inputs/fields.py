"""The fields that rules read: a ``$`` in them is a template reference, in other fields it is text."""

from collections.abc import Iterator
from typing import Any, Final

from webhook.cni import images, probes, variables
from webhook.cni.aws_node import POD_SPEC, VERSION_ANNOTATION
from webhook.cni.identity import AWS_NODE
from webhook.documents.templates import has_references, looks_like_template
from webhook.model import Path, at, text

_EACH: Final = "*"
"""In a path, matches each item of a list."""

IDENTITY: Final[tuple[Path, ...]] = (
    ("metadata", "name"),
    ("metadata", "namespace"),
    (*POD_SPEC, "serviceAccountName"),
    (*POD_SPEC, "serviceAccount"),
)
"""The fields that identify aws-node among DaemonSets, apart from its images."""

_DAEMONSET: Final[tuple[Path, ...]] = (
    *IDENTITY,
    ("metadata", "annotations", VERSION_ANNOTATION),
    (*POD_SPEC, "containers"),
    (*POD_SPEC, "initContainers"),
)
_ANY_CONTAINER: Final[tuple[Path, ...]] = (("name",), ("image",))
_CONTAINER: Final[tuple[Path, ...]] = (
    *_ANY_CONTAINER,
    ("env", _EACH, "name"),
    ("env", _EACH, "valueFrom", "fieldRef", "fieldPath"),
    ("envFrom", _EACH, "prefix"),
)
_FLAGS: Final[tuple[Path, ...]] = (
    ("command", _EACH),
    ("args", _EACH),
    *((kind, "exec", "command", _EACH) for kind in probes.KINDS),
)
"""Rules read only flags in these fields; the rest may be a shell script, where a ``$`` belongs to the shell."""

_ENICONFIG: Final[tuple[Path, ...]] = (
    ("metadata", "name"),
    ("spec", "subnet"),
    ("spec", "securityGroups", _EACH),
)
_TYPE: Final[tuple[Path, ...]] = (("apiVersion",), ("kind",))

_REPOSITORIES: Final = frozenset(name.rpartition("/")[2] for name in images.REPOSITORIES.values())
_SETTINGS: Final = frozenset(row.name for row in variables.VARIABLES)


def read_in(kind: str, value: Any) -> Iterator[tuple[Path, str]]:
    """The strings that rules read in an object of this kind, with their paths; also a string in place of a list."""
    is_daemonset = kind == AWS_NODE[1]
    patterns = _DAEMONSET if is_daemonset else _ENICONFIG
    for pattern in (*_TYPE, *patterns):
        yield from _strings(value, pattern)
    if is_daemonset:
        for path, container in _containers(value):
            yield from _of_container(container, path)


def in_braces(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The strings with ``{{ … }}`` in an object, except in annotations, which may quote templates."""
    if isinstance(value, str) and looks_like_template(value):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from in_braces(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "annotations":
                yield from in_braces(item, (*path, key))


def hides_its_name(value: Any) -> bool:
    """Whether a field that identifies aws-node is a template."""
    return any(_is_templated(found) for pattern in IDENTITY for _, found in _strings(value, pattern))


def hides_an_image(value: Any) -> bool:
    """Whether the containers, or one of their images, are a template."""
    found = [text for key in ("containers", "initContainers") for _, text in _strings(value, (*POD_SPEC, key))]
    found += [text for _, one in _containers(value) for _, text in _strings(one, ("image",))]
    return any(map(_is_templated, found))


def _is_templated(value: str) -> bool:
    return looks_like_template(value) or has_references(value)


def _containers(value: Any) -> Iterator[tuple[Path, Any]]:
    for key in ("initContainers", "containers"):
        listed = at(value, *POD_SPEC, key)
        for index, container in enumerate(listed if isinstance(listed, list) else ()):
            yield (*POD_SPEC, key, index), container


def _of_container(container: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if not _may_be_the_cni(container):
        for pattern in _ANY_CONTAINER:
            yield from _strings(container, pattern, path)
        return
    for pattern in _CONTAINER:
        yield from _strings(container, pattern, path)
    for pattern in _FLAGS:
        yield from ((where, word) for where, word in _strings(container, pattern, path) if _is_flag(word))
    env = at(container, "env")
    for index, entry in enumerate(env if isinstance(env, list) else ()):
        if text(at(entry, "name")) in _SETTINGS:
            yield from _strings(entry, ("value",), (*path, "env", index))


def _may_be_the_cni(container: Any) -> bool:
    """Whether rules read the environment of a container: those of the CNI, by name or by image."""
    image = text(at(container, "image"))
    parsed = images.parse_image(image)
    known = parsed is not None and parsed.basename in _REPOSITORIES
    return text(at(container, "name")) in images.REPOSITORIES or known or _is_templated(image)


def _is_flag(word: str) -> bool:
    """Whether a word is a flag, or a reference that may become one, and not a script."""
    return word.startswith("-") or not any(map(str.isspace, word))


def _strings(value: Any, pattern: Path, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The strings at a path; also a string in place of a list or mapping, since a template may expand to it."""
    if isinstance(value, str):
        yield path, value
    elif not pattern:
        return
    elif pattern[0] == _EACH:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _strings(item, pattern[1:], (*path, index))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _strings(value[str(pattern[0])], pattern[1:], (*path, pattern[0]))
