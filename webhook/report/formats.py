"""The formats of `cni-guard check -o`: a format is a module with a function `render`, and an entry here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from webhook.report import as_json, text
from webhook.report.layout import Renderer

FORMATS: Final[Mapping[str, Renderer]] = MappingProxyType({"text": text.render, "json": as_json.render})
"""The renderers by name, the default first."""

DEFAULT: Final = next(iter(FORMATS))
