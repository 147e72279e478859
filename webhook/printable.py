"""Escaping of text from files and objects, to make it safe for terminals, headers and logs."""

from collections.abc import Iterable


def clean(text: str) -> str:
    r"""Escape characters that are not printable (ANSI, newlines, bidirectional marks), as in ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def named(text: str) -> str:
    """A name or a value for a message: in quotes where blanks, or what is not printable, would hide its ends."""
    plain = text.isprintable() and not any(one.isspace() for one in text)
    return text if text and plain else f'"{text}"'


def shorten(text: str, length: int) -> str:
    """Truncate the text to a number of characters; the last one is then an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def dotted(path: Iterable[str | int]) -> str:
    """Format a path: ``spec.template.spec.containers[0].env[3].value``."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        elif step.replace("-", "_").isidentifier():
            words += f".{step}" if words else step
        else:
            words += '["' + step.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return words
