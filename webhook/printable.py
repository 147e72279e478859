"""Text of files and objects, made harmless for terminals, headers and logs."""


def clean(text: str) -> str:
    r"""The text with whatever is not printable (ANSI, newlines, bidirectional marks) as an escape, ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def shorten(text: str, length: int) -> str:
    """The text, cut at a length and marked where it was."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
