"""Why the CNI does not accept a value as written, by how it reads the variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from webhook.cni.gojson import fit_in_string, go_tags
from webhook.cni.reading import Effect, Parser, Reading
from webhook.cni.values import go_bool, go_int, go_int_any_base, go_lower

_RESERVED_TAG = "k8s.amazonaws.com"
_SHELL = frozenset("\\~\n")
"""Characters with a meaning in the sed command that writes the value."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a value is not used as written, and what happens with it."""

    effect: Effect
    wanted: str
    """What the value must be: ``an integer from 576 to 9001``."""
    sure: bool = True
    """Whether the code proves the effect for every such value."""
    taken: str = ""
    """What the CNI uses instead, if it is neither the default nor nothing."""
    to: Literal["value", "log", "conflist"] = "value"
    """What does not accept it: the parser, a plugin that logs there, or the CNI's configuration file."""


def objections(reading: Reading, text: str, *, ipv6: bool) -> Iterator[Objection]:
    """All objections to a value that is not empty."""
    if wanted := _wanted(reading, text, ipv6=ipv6):
        yield Objection(reading.on_bad, wanted, taken=_taken(reading, text))
    if reading.log_of and go_lower(text) == "stdout":
        yield Objection("breaks", _NO_STDOUT, to="log")
    if reading.conflist:
        yield from _conflist(reading.conflist, text)


_NO_STDOUT = 'a file, not "stdout"'
_INSIDE = "a text without quotes, backslashes or control characters"


def _conflist(effect: Effect, text: str) -> Iterator[Objection]:
    """Objections to a value that breaks the CNI's configuration file; in the shell script, sed interprets it first."""
    if effect == "breaks" and _SHELL & set(text):
        yield Objection(effect, _INSIDE, sure=False, to="conflist")
        return
    fit = fit_in_string(text)
    if fit != "fits":
        yield Objection(effect, _INSIDE, sure=fit == "breaks", to="conflist")


def _wanted(reading: Reading, text: str, *, ipv6: bool) -> str:
    """What the value must be; empty if this one is accepted, or a separate rule checks such values."""
    if reading.parser in {"target", "integer", "clamped", "mark"}:
        return _number(reading, text, ipv6=ipv6)
    reader = _READERS.get(reading.parser)
    return reader(reading, text) if reader else ""


def _bool(_: Reading, text: str) -> str:
    return "true or false" if go_bool(text) is None else ""


def _word(_: Reading, text: str) -> str:
    read = go_bool(text)
    return '"true" or "false", in lower case' if read is None or (read and text != "true") else ""


def _choice(reading: Reading, text: str) -> str:
    given = go_lower(text) if reading.any_case else text
    return "" if given in reading.choices else f"one of {', '.join(reading.choices)}"


def _tags(_: Reading, text: str) -> str:
    fits = go_tags(text) is not None and not reserved_tags(text)
    return "" if fits else f'a JSON object of strings without "{_RESERVED_TAG}" in a key'


def reserved_tags(text: str) -> tuple[str, ...]:
    """The keys of a JSON object that the CNI ignores."""
    return tuple(key for key in go_tags(text) or () if _RESERVED_TAG in key)


def _number(reading: Reading, text: str, *, ipv6: bool) -> str:
    minimum = (reading.minimum6 if ipv6 else None) or reading.minimum or 0
    maximum = 2**63 - 1 if reading.maximum is None else reading.maximum
    number = go_int_any_base(text) if reading.parser == "mark" else go_int(text)
    # A minus sign is refused even before a zero: its author means something else.
    signed = text.startswith("-") and reading.parser in {"target", "mark"}
    if number is not None and minimum <= number <= maximum and not signed:
        return ""
    return (
        f"an integer from {minimum} to {maximum}"
        if reading.maximum is not None
        else f"an integer of at least {minimum}"
    )


def _text(reading: Reading, text: str) -> str:
    if reading.longest is not None and len(text.encode("utf-8", "surrogatepass")) > reading.longest:
        return f"at most {reading.longest} characters long"
    given = go_lower(text) if reading.any_case else text
    if given not in reading.forbidden:
        return ""
    return _NO_STDOUT if reading.log_of else f"another word than {', '.join(reading.forbidden)}"


_READERS: Mapping[Parser, Callable[[Reading, str], str]] = MappingProxyType(
    {"bool": _bool, "bool-quiet": _bool, "bool-true": _word, "choice": _choice, "json": _tags, "text": _text}
)


def _taken(reading: Reading, text: str) -> str:
    if reading.parser == "clamped":
        number = go_int(text)
        limit = None if number is None else reading.minimum if number < (reading.minimum or 0) else reading.maximum
        return "" if limit is None else str(limit)
    if reading.parser == "json":
        return "no tags at all" if go_tags(text) is None else "only the tags whose keys are not reserved"
    return ""
