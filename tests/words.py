"""`python -m tests.words`: finds phrases in product texts that plain technical English does not use.

Tests are not looked through: they quote what must not be written.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TEXTS: Final = ("README.md", "CONTRIBUTING.md", "Makefile", "Dockerfile", "webhook", "certs", "manifests")
"""Files, and directories with everything in them."""

_GAP: Final = r"(?:[\s#]|[fr]{0,2}[\"'])+"
"""What separates two words: white space, also where a line of a comment, docstring or string literal ends."""


def _phrase(words: str) -> str:
    return r"\b" + _GAP.join(words.split()) + r"\b"


def _negation(verb: str) -> str:
    """`is no X`, except in "there is no X", which matches with a group, and in "is no longer"."""
    return rf"(?:\b(there){_GAP})?{_phrase(f'{verb} no')}(?={_GAP})(?!{_GAP}longer\b)"


PHRASES: Final = (
    (_phrase("can not"), "cannot"),
    (_negation("is"), "is not a"),
    (_negation("are"), "are not"),
    (_phrase("anew"), "again, or the verb: recreated, regenerated"),
    (_phrase("for ever"), "forever"),
    (_phrase("stands twice"), "is listed twice"),
    (_phrase("nobody"), "no one, or the fact: undefined, unused"),
    (_phrase("whoever"), "anyone who, or the noun: the user, the caller"),
    (_phrase("unjudged"), "not evaluated"),
)
"""Regular expressions, each with what to write instead; a match with a group is accepted English."""

_PATTERNS: Final = tuple((re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in PHRASES)


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A phrase in a file."""

    file: str
    line: int
    phrase: str
    instead: str

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: "{self.phrase}": write {self.instead}'


def phrases(text: str, file: str) -> Iterator[Found]:
    """The phrases of one text, each with the line on which it begins."""
    for pattern, instead in _PATTERNS:
        for match in pattern.finditer(text):
            if any(match.groups()):
                continue
            phrase = " ".join(re.findall(r"\w{2,}", match[0])).lower()
            yield Found(file, text.count("\n", 0, match.start()) + 1, phrase, instead)


def texts(root: Path) -> Iterator[Path]:
    """The product texts below a root; compiled Python is left out."""
    for name in TEXTS:
        top = root / name
        below = top.rglob("*") if top.is_dir() else (top,)
        yield from (path for path in below if path.is_file() and path.suffix != ".pyc")


def main(root: Path = ROOT) -> int:
    """Print each phrase with its file and line; 1 if there is any."""
    found: Iterable[Found] = sorted(
        one for path in texts(root) for one in phrases(path.read_text(), path.relative_to(root).as_posix())
    )
    for one in found:
        sys.stdout.write(f"{one}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
