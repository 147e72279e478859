"""The reference for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator

from webhook.catalogue import FAMILIES, Catalogue, family
from webhook.catalogue.rule import Rule
from webhook.reference.entry import Entry, yaml_of
from webhook.reference.shown import Shown

_EXAMPLES = 2
"""Examples of each kind that are printed; JSON has all of them."""


def by_family(catalogue: Catalogue) -> Iterator[tuple[str, str, list[Rule]]]:
    """The families that have rules: prefix, name, rules."""
    for prefix, name in FAMILIES.items():
        if rules := [rule for rule in catalogue if family(rule.id) == prefix]:
            yield prefix, name, rules


def index(catalogue: Catalogue) -> str:
    """The rules by family: ID, highest level, title."""
    longest = max(len(rule.id) for rule in catalogue)
    blocks = []
    for _, name, rules in by_family(catalogue):
        rows = (f"  {rule.id:{longest}}  {rule.level:4}  {rule.title}" for rule in rules)
        blocks.append("\n".join((name, *rows)))
    return "\n\n".join(blocks)


def explain(found: Entry, width: int) -> str:
    """One rule: the reason, its traits, examples with the change to paste, what cni-guard says, and the remedy."""
    rule = found.rule
    longest = max(len(label) for label, _ in found.traits)
    return "\n".join(
        (
            f"{rule.id}  {rule.title}",
            "",
            *(f"{label + ':':{longest + 1}} {value}" for label, value in found.traits),
            "",
            rule.why,
            "",
            *_examples("Rejected", found.rejected, width),
            *_examples("Allowed", found.allowed, width),
            f"See also: {rule.link}",
        )
    )


def _examples(title: str, examples: tuple[Shown, ...], width: int) -> Iterator[str]:
    for number, shown in enumerate(examples[:_EXAMPLES], 1):
        yield f"{title}, example {number}: {shown.start}"
        yield ""
        yield from _indented(_change(shown))
        yield ""
        if shown.message:
            yield textwrap.fill(
                f"{shown.level}: {shown.message}", width, break_long_words=False, break_on_hyphens=False
            )
            yield ""
        if shown.remedy:
            yield f"The webhook adds {', '.join(shown.defaults)}. Add it to the manifest:"
            yield ""
            yield from _indented(yaml_of(shown.remedy).split("\n"))
            yield ""


def _change(shown: Shown) -> Iterator[str]:
    if shown.before is not None:
        yield "# before"
        yield from yaml_of(shown.before).split("\n")
        yield "# the change"
    if shown.command:
        yield shown.command
    elif shown.change is None:
        yield "# no difference from the official manifest"
    else:
        yield from yaml_of(shown.change).split("\n")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)
