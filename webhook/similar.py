"""The known names that a wrong one was probably meant to be: "did you mean …?".

There are two measures, since a wrong guess costs differently. Where only known names are allowed, the reader has to
change the name anyway, so a distant guess still helps: `nearest`. Where a name may also be someone's own, a guess turns
it into a mistake, so only a typing error counts: `misspelled`.
"""

from collections.abc import Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import Indel, Levenshtein

_ALIKE = 0.5
"""Share of the letters of both names that must be common to them, in the same order."""

_TYPING_ERROR = 2
"""Letters by which a misspelled name may differ."""

_LONGEST = 80
"""Characters of a name that is compared; no known name is nearly as long."""


def nearest(name: str, known: Iterable[str], most: int = 1) -> tuple[str, ...]:
    """The known names most similar to a name that is not allowed, the most similar first.

    Args:
        name: The name; upper and lower case differ.
        known: All names that are allowed.
        most: How many to return at most.
    """
    if len(name) > _LONGEST:
        return ()
    found = process.extract(name, sorted(known), scorer=Indel.normalized_similarity, score_cutoff=_ALIKE, limit=most)
    return tuple(right for right, *_ in found)


def misspelled(name: str, known: Mapping[str, str]) -> str | None:
    """The known name of which a name is a misspelling, in any case; None if it may be a name of its own.

    Args:
        name: The name.
        known: All known names, each with the same name in lower case (`str.casefold`).
    """
    if len(name) > _LONGEST:
        return None
    found = process.extractOne(name.casefold(), known, scorer=Levenshtein.distance, score_cutoff=_TYPING_ERROR)
    return found[2] if found else None
