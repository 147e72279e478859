"""One container of aws-node: its image, and the environment of its process.

A value that is not known at admission (`valueFrom`, `envFrom`, `$(VAR)`, a number where a string belongs) raises
`UnknownValueError` when a rule reads it, so that no rule can mistake it for absent. The runner then tries each possible
value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from webhook.cni import images, values, variables
from webhook.cni.images import Image
from webhook.cni.limits import CONTAINER_LISTS, too_long
from webhook.cni.possible import possible
from webhook.cni.version import Tag, parse_tag
from webhook.model import CouldNotCheckError, Evidence, Json, Path, UnknownKey, UnknownValueError, text
from webhook.printable import named

Assumed = dict[UnknownKey, str | None]
"""The values that the runner currently assumes for unknown ones."""

_REFERENCE = re.compile(r"(\$+)\(")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is not known at admission, and why."""

    says: str
    """``comes from valueFrom (configMapKeyRef)``, ``is a number where a string belongs``."""
    malformed: bool = False
    """It is not a string, which the API server rejects."""
    origin: str = ""
    """The ConfigMap or Secret key that it comes from, else empty. Values with the same origin are equal."""
    optional: bool = False
    """Whether the variable is absent if its source is."""


class Container:
    """A container: its image, and the environment of its process."""

    def __init__(self, name: str, raw: dict[str, Any], path: Path, assumed: Assumed | None = None) -> None:
        self.name = name
        self._assumed: Assumed = {} if assumed is None else assumed
        self.role = name
        """Which container of the CNI this is: by its name, else by its image."""
        self.raw = raw
        self.path = path
        self._env: dict[str, str | Unknown] = {}
        self.index: dict[str, int] = {}
        """The position of each name in `env`; if a name is listed twice, that of the last entry, which wins."""
        self.repeated: dict[str, list[Json]] = {}
        """The values of each name with several entries, in order."""
        self.defects: list[tuple[Path, str]] = []
        """Entries that are not variables: their paths, and what is wrong."""
        self.too_long = tuple(
            replace(found, name=f"{found.name} of container {self.label}")
            for found in too_long(raw, path, CONTAINER_LISTS)
        )
        """Lists with more entries than are read."""
        self._env_is_unread = any(found.path[-1] == "env" for found in self.too_long)
        self.prefixes = _prefixes(raw.get("envFrom"))
        """The name prefix of each source in `envFrom`."""
        self._read(raw.get("env"))

    def _read(self, entries: Json) -> None:
        if entries is None or self._env_is_unread:
            return
        if not isinstance(entries, list):
            self.defects.append(((*self.path, "env"), f"env of container {self.label} is not a list"))
            return
        for index, entry in enumerate(entries):
            name = entry.get("name") if isinstance(entry, dict) else None
            if not name or not isinstance(name, str):
                self.defects.append(
                    ((*self.path, "env", index), f"entry {index} of env in container {self.label} has no name")
                )
                continue
            if name in self._env:
                self.repeated.setdefault(name, [entries[self.index[name]].get("value")]).append(entry.get("value"))
            value = entry.get("value")
            self._env[name] = value if type(value) is str and value and "$(" not in value else _value(entry)
            self.index[name] = index

    @property
    def env(self) -> Mapping[str, str | Unknown]:
        """All variables. Raises CouldNotCheckError if the list is too long to be read."""
        if self._env_is_unread:
            raise CouldNotCheckError(f"env of container {self.label} is too long to be read")
        return self._env

    @property
    def label(self) -> str:
        """Its name, or its position if it has none: ``containers[2]``."""
        return named(self.name) if self.name else f"{self.path[-2]}[{self.path[-1]}]"

    @property
    def image_text(self) -> str:
        """The image as written; empty if there is none."""
        return text(self.raw.get("image"))

    @cached_property
    def image(self) -> Image | None:
        """The parsed image reference."""
        return images.parse_image(self.image_text)

    @cached_property
    def tag(self) -> Tag | None:
        """The image's tag as a release; None if it names none."""
        return parse_tag(self.image.tag) if self.image and self.image.tag else None

    def get(self, name: str) -> str | None:
        """The value of a variable; None if it is absent.

        Raises:
            UnknownValueError: The value is unknown at admission.
            CouldNotCheckError: The list is too long to be read.
        """
        value: str | Unknown | None = self._env.get(name)
        if type(value) is str:
            return value
        value = self.env.get(name)
        if value is None and self.may_have(name):
            value = Unknown("may come from envFrom", origin=self._sources, optional=True)
        return self._assume(name, value) if isinstance(value, Unknown) else value

    @cached_property
    def _sources(self) -> str:
        return repr(self.raw.get("envFrom"))

    def _assume(self, name: str, value: Unknown) -> str | None:
        key = (self.role, name, value.origin or str(id(self)))
        if key not in self._assumed:
            row = variables.by_name(self.role).get(name)
            tried = possible(row, may_be_absent=value.optional)
            raise UnknownValueError(key, tried, f"{self.name} env {name} {value.says}")
        return self._assumed[key]

    def lacks(self, name: str) -> bool:
        """Whether a variable is absent. Raises like `get` if it may come from a source."""
        return name not in self.env and self.get(name) is None

    def may_have(self, name: str) -> bool:
        """Whether the process may have a variable: from `env`, or from a source of `envFrom`."""
        return self._env_is_unread or name in self._env or name.startswith(self.prefixes)

    def flag(self, name: str) -> bool:
        """A boolean variable as the CNI reads it: the default if it is absent, empty or invalid."""
        value = self.get(name)
        read = values.go_bool(value) if value else None
        return read if read is not None else variables.by_name(self.role)[name].default == "true"

    @cached_property
    def known(self) -> tuple[tuple[str, str], ...]:
        """Name and value of each variable whose value is known."""
        return tuple((name, value) for name, value in self.env.items() if isinstance(value, str))

    def where(self, name: str) -> Path:
        """The path of a variable's entry, or of `env` if it has none."""
        here = (*self.path, "env")
        return (*here, self.index[name]) if name in self.index else here

    def known_text(self, name: str) -> str | None:
        """The literal value of a variable; None if it is absent or unknown."""
        value = self.env.get(name)
        return value if isinstance(value, str) else None

    def written(self, name: str) -> str | Unknown | None:
        """A variable as written, for messages and evidence only; None if the list is too long to be read."""
        return self._env.get(name)

    def evidence(self, *names: str) -> Evidence:
        """The values of variables, as evidence."""
        found: list[tuple[str, str | None]] = []
        for name in names:
            value = self.written(name)
            found.append((f"{self.name} env {name}", value.says if isinstance(value, Unknown) else value))
        return tuple(found)

    def as_read(self, *names: str) -> Evidence:
        """Variables as the CNI reads them, as evidence: for those that a problem depends on, but is not about.

        Two spellings of one flag or target are equal, so that correcting the spelling does not make the problem new.
        """
        return tuple((f"{self.name} env {name}", self._read_as(name)) for name in names)

    def _read_as(self, name: str) -> str | None:
        value, row = self.written(name), variables.by_name(self.role).get(name)
        if isinstance(value, Unknown):
            return value.says
        if row is not None and row.parser in {"bool", "bool-quiet", "bool-true"}:
            read = values.go_bool(value or "")
            return row.default if read is None else str(read).lower()
        if row is not None and row.parser == "target":
            return str(values.warm_target(value, int(row.default or 0)))
        return value


def _value(entry: Mapping[str, Any]) -> str | Unknown:
    value = entry.get("value")
    if isinstance(value, str) and value:
        return Unknown("comes from the expansion of $(…)") if _expands(value) else value
    if value is not None and not isinstance(value, str):
        return Unknown(f"is a {_type(value)} where a string belongs", malformed=True)
    source = entry.get("valueFrom")
    return "" if source is None else _referred(source)


def _referred(source: Json) -> Unknown:
    if isinstance(source, dict) and len(source) == 1 and "fieldRef" in source:
        return _OF_THE_POD
    if not isinstance(source, dict):
        return Unknown("comes from valueFrom")
    kinds = [kind for kind in source if isinstance(kind, str)]
    says = f"comes from valueFrom ({', '.join(kinds)})" if kinds else "comes from valueFrom"
    # Fields of the pod and resources of a container may differ between the two sides of a change.
    kept = source if set(kinds) <= {"configMapKeyRef", "secretKeyRef"} else {}
    optional = any(isinstance(ref, dict) and ref.get("optional") is True for ref in source.values())
    return Unknown(says, origin=repr(kept) if kept else "", optional=optional)


_OF_THE_POD = Unknown("comes from valueFrom (fieldRef)")


def _prefixes(sources: Json) -> tuple[str, ...]:
    """The prefix of each source in `envFrom`; empty, and thus matching every name, if it has none."""
    if sources is None:
        return ()
    if not isinstance(sources, list) or len(sources) > CONTAINER_LISTS["envFrom"]:
        return ("",)
    return tuple(dict.fromkeys(text(source.get("prefix")) if isinstance(source, dict) else "" for source in sources))


def _expands(value: str) -> bool:
    """Whether the kubelet expands a reference ``$(NAME)`` in it (``$$`` is a dollar sign). Takes linear time."""
    last = value.rfind(")")
    return any(len(found[1]) % 2 == 1 and found.end() <= last for found in _REFERENCE.finditer(value))


def _type(value: Json) -> str:
    names = {bool: "boolean", int: "number", float: "number", dict: "mapping", list: "list"}
    return names.get(type(value), "value")
