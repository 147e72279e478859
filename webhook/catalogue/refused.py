"""What the API server itself rejects in any object: wrong types, names and labels."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from webhook.cni.dns import LONGEST_LABEL, LONGEST_SUBDOMAIN, is_label, is_subdomain
from webhook.cni.shapes import Misshapen
from webhook.model import Evidence, Json, Path, Problem, at, text
from webhook.printable import dotted

_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
"""The value of a label, and the name in a key (k8s.io/apimachinery/pkg/util/validation)."""


_MANY, _LONGEST_VALUE = 20, 100
"""Problems of one kind that are reported, and characters of a value that are quoted."""


_LONGEST_GENERATED = 58
"""Characters of generateName that are kept before the five random ones (k8s.io/apiserver/pkg/storage/names)."""


_EFFECT = "the API server rejects the object"


def wrong_shapes(found: Iterable[Misshapen]) -> Iterator[Problem]:
    """Fields whose value has the wrong type."""
    for one in islice(found, _MANY):
        where = dotted(one.path)
        remedy = "Put the value in quotes" if one.wanted == "a string" else f"Write {one.wanted}"
        yield refused_by_api_server(
            one.path,
            ((where, repr(one.value)[:_LONGEST_VALUE]),),
            f"{where} is {_shown(one.value)}, not {one.wanted}",
            _blank(one.value, remedy),
        )


def _blank(value: Json, otherwise: str) -> str:
    return "Put a space after the colon" if isinstance(value, str) and ":" in value else otherwise


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return f'the string "{value[:_LONGEST_VALUE]}"'
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else json.dumps(value)


def wrong_metadata(raw: Json) -> Iterator[Problem]:
    """Missing and invalid names; with generateName, the API server makes the name."""
    metadata = {} if raw.get("metadata") is None else raw["metadata"]
    if not isinstance(metadata, dict):
        return  # reported as a wrong type
    name, prefix = (None if metadata.get(key) == "" else metadata.get(key) for key in ("name", "generateName"))
    if name is None and prefix is None:
        yield refused_by_api_server(
            ("metadata", "name"), (("metadata.name", None),), "metadata.name is missing", "Write a name"
        )
    for key, value, fits in (("name", name, is_subdomain), ("generateName", prefix, _is_prefix)):
        if isinstance(value, str) and not fits(value):
            yield refused_by_api_server(
                ("metadata", key),
                ((f"metadata.{key}", repr(value)),),
                f"metadata.{key} {quoted(value)} is not a valid name",
                "Write lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part",
            )


def _is_prefix(prefix: str) -> bool:
    """Whether generateName is valid: it, apart from a trailing hyphen, and the generated name must be valid names."""
    if len(prefix) > LONGEST_SUBDOMAIN:
        return False
    made = f"{prefix[:_LONGEST_GENERATED]}a"
    return is_subdomain(made) and (prefix.endswith("-") or is_subdomain(prefix))


def quoted(value: Json) -> str:
    """A string in quotes; for any other value, that it is not a string."""
    return f'"{value}"' if isinstance(value, str) else "that is not a string"


def wrong_namespace(raw: Json) -> Iterator[Problem]:
    """An invalid namespace; a manifest without one gets the namespace of the command line."""
    namespace = text(at(raw, "metadata", "namespace"))
    if namespace and not is_label(namespace):
        yield refused_by_api_server(
            ("metadata", "namespace"),
            (("metadata.namespace", repr(namespace)),),
            f"metadata.namespace {quoted(namespace)} is not a valid name of a namespace",
            _blank(namespace, "Write lower-case letters, digits and hyphens, up to 63 characters"),
        )


def wrong_labels(raw: Json, holder: Path) -> Iterator[Problem]:
    """Invalid keys and values of labels, and invalid keys of annotations."""
    for kind in ("labels", "annotations"):
        path = (*holder, "metadata", kind)
        held = at(raw, *path)
        found = ((key, value) for key, value in held.items()) if isinstance(held, dict) else ()
        told = ((key, wrong) for key, value in found if (wrong := _wrong_label(kind, key, value)) is not None)
        for key, wrong in islice(told, _MANY):
            said = f"the key {quoted(wrong)}" if wrong == key else f"the value {quoted(wrong)} of {key}"
            yield refused_by_api_server(
                (*path, key),
                ((f"{dotted(path)} {key[:_LONGEST_VALUE]}", repr(wrong)[:_LONGEST_VALUE]),),
                f"{said} in {dotted(path)} is not valid",
                _blank(wrong, "Use letters and digits, with - _ . between them"),
            )


def _wrong_label(kind: str, key: str, value: Json) -> str | None:
    """The invalid key or value; None if both are valid. Keys of annotations may be in upper case."""
    if not _is_key(key if kind == "labels" else key.lower()):
        return key
    return text(value) if kind == "labels" and not _is_value(text(value)) else None


def _is_key(key: str) -> bool:
    """Whether it is a qualified name: up to 63 characters, optionally after a DNS prefix and a slash."""
    prefix, slash, name = key.rpartition("/")
    return bool(name) and _is_value(name) and (not slash or is_subdomain(prefix))


def _is_value(value: str) -> bool:
    """Whether it is a valid label value."""
    return len(value) <= LONGEST_LABEL and _VALUE.fullmatch(value) is not None


def refused_by_api_server(path: Path, evidence: Evidence, wrong: str, remedy: str) -> Problem:
    """A problem with a value that the API server rejects."""
    return Problem(path=path, evidence=evidence, level="deny", wrong=wrong, effect=_EFFECT, remedy=remedy)
