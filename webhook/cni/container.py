"""One container of aws-node: its image, and the environment that its process will see.

Values that can not be known at admission (`valueFrom`, `envFrom`, `$(VAR)`, a number where a string belongs) raise
`CouldNotCheckError` when a rule reads them, so that no rule can take them for absent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from webhook.cni import images, values, variables
from webhook.cni.images import Image
from webhook.cni.version import Tag, parse_tag
from webhook.model import CouldNotCheckError, Evidence, Json, Path, text

_REFERENCE = re.compile(r"(\$+)\(")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that can not be known at admission, and why."""

    says: str
    """``comes from valueFrom (configMapKeyRef)``, ``is a number where a string belongs``."""
    malformed: bool = False
    """It is no string: the API server would refuse it."""


class Container:
    """A container by name: its image and the environment that its process will see."""

    def __init__(self, name: str, raw: dict[str, Any], path: Path) -> None:
        self.name = name
        self.role = name
        """Which of the CNI's containers this is: that of its name, unless its image tells."""
        self.raw = raw
        self.path = path
        self.env: dict[str, str | Unknown] = {}
        self.index: dict[str, int] = {}
        """The position in `env` of each name; of the last entry where a name stands twice, as it wins."""
        self.repeated: list[str] = []
        self.defects: list[tuple[Path, str]] = []
        """What is no environment at all: paths, and what is wrong there."""
        self.bulk = raw.get("envFrom") not in (None, [])
        self._read(raw.get("env"))

    def _read(self, entries: Json) -> None:
        if entries is None:
            return
        if not isinstance(entries, list):
            self.defects.append(((*self.path, "env"), f"env of container {self.name} is not a list"))
            return
        for index, entry in enumerate(entries):
            name = entry.get("name") if isinstance(entry, dict) else None
            if not name or not isinstance(name, str):
                self.defects.append(
                    ((*self.path, "env", index), f"entry {index} of env in container {self.name} has no name")
                )
                continue
            if name in self.env:
                self.repeated.append(name)
            value = entry.get("value")
            self.env[name] = value if type(value) is str and value and "$(" not in value else _value(entry)
            self.index[name] = index

    @property
    def image_text(self) -> str:
        """The image as it is written; empty where there is none."""
        return text(self.raw.get("image"))

    @cached_property
    def image(self) -> Image | None:
        """The parsed image reference."""
        return images.parse_image(self.image_text)

    @cached_property
    def tag(self) -> Tag | None:
        """The image's tag as a release; None where it names none."""
        return parse_tag(self.image.tag) if self.image and self.image.tag else None

    def get(self, name: str) -> str | None:
        """The text of a variable, None where it is unset. Raises CouldNotCheckError where nobody can know."""
        value = self.env.get(name)
        if isinstance(value, Unknown):
            raise CouldNotCheckError(f"{self.name} env {name} {value.says}")
        if value is None and self.bulk:
            raise CouldNotCheckError(f"{self.name} env {name} may come from envFrom")
        return value

    def flag(self, name: str) -> bool:
        """A boolean variable as the CNI reads it: its own default where it is unset, empty or invalid."""
        value = self.get(name)
        read = values.go_bool(value) if value else None
        return read if read is not None else variables.by_name(self.role)[name].default == "true"

    @cached_property
    def known(self) -> tuple[tuple[str, str], ...]:
        """Name and text of each variable whose value is known."""
        return tuple((name, value) for name, value in self.env.items() if isinstance(value, str))

    def values_of(self, name: str) -> list[Json]:
        """What each entry of a name says, in their order."""
        entries = self.raw.get("env")
        return (
            [entry.get("value") for entry in entries if isinstance(entry, dict) and entry.get("name") == name]
            if isinstance(entries, list)
            else []
        )

    def where(self, name: str) -> Path:
        """The path of a variable's entry, or of the place where it would stand."""
        here = (*self.path, "env")
        return (*here, self.index[name]) if name in self.index else here

    def evidence(self, *names: str) -> Evidence:
        """The values of variables, as evidence."""
        found: list[tuple[str, str | None]] = []
        for name in names:
            value = self.env.get(name)
            found.append((f"{self.name} env {name}", value.says if isinstance(value, Unknown) else value))
        return tuple(found)


def _value(entry: Mapping[str, Any]) -> str | Unknown:
    value = entry.get("value")
    if isinstance(value, str) and value:
        return Unknown("comes from the expansion of $(…)") if _expands(value) else value
    if value is not None and not isinstance(value, str):
        return Unknown(f"is a {_type(value)} where a string belongs", malformed=True)
    origin = entry.get("valueFrom")
    if origin is None:
        return ""
    keys = ", ".join(key for key in origin if isinstance(key, str)) if isinstance(origin, dict) else ""
    return Unknown(f"comes from valueFrom ({keys})" if keys else "comes from valueFrom")


def _expands(value: str) -> bool:
    """Whether the kubelet replaces a part of it: ``$(NAME)``, where ``$$`` stands for a dollar. In linear time."""
    last = value.rfind(")")
    return any(len(found[1]) % 2 == 1 and found.end() <= last for found in _REFERENCE.finditer(value))


def _type(value: Json) -> str:
    names = {bool: "boolean", int: "number", float: "number", dict: "mapping", list: "list"}
    return names.get(type(value), "value")
