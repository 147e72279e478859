"""One rule of the reference, as a value that each form (terminal, page, JSON) prints."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from webhook.catalogue import FAMILIES, Catalogue, family
from webhook.catalogue.rule import Rule
from webhook.cni.tables import KNOWN
from webhook.model import Json
from webhook.reference.shown import Shown, bad, good

_LINES = 24
"""Lines of YAML that are printed of one fragment."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule with its examples."""

    rule: Rule
    rejected: tuple[Shown, ...]
    """Changes in which it finds something."""
    allowed: tuple[Shown, ...]

    @property
    def traits(self) -> tuple[tuple[str, str], ...]:
        """What holds for the rule, as a label and a value."""
        rule = self.rule
        return (
            ("Family", f"{family(rule.id)} ({FAMILIES[family(rule.id)]})"),
            ("About", ", ".join(rule.targets) + (", in manifest files only" if rule.files_only else "")),
            ("Operations", ", ".join(rule.operations)),
            ("Since", since(rule)),
            ("Highest level", rule.level),
            ("Can be excepted", "yes, unless the fault is certain"),
            ("Can be acknowledged", "yes" if rule.acknowledgeable else "if the policy lists the rule"),
            ("For the EKS add-on", "denied too" if rule.binds_addon_manager else "warned, unless the fault is certain"),
        )


def since(rule: Rule) -> str:
    """The first release that a rule is about."""
    first = KNOWN.first_with(rule.since)
    return f"CNI {first} ({rule.since})" if first else "all releases"


def entry(rule: Rule, rules: Catalogue) -> Entry:
    """Look up a rule, with its examples evaluated."""
    return Entry(rule, tuple(bad(rule, one, rules) for one in rule.bad), tuple(map(good, rule.good)))


def yaml_of(value: Json) -> str:
    """A value as YAML, the first 24 lines of it."""
    lines = yaml.safe_dump(value, sort_keys=False, width=110, allow_unicode=True).rstrip().split("\n")
    more = len(lines) - _LINES
    return "\n".join([*lines[:_LINES], *([f"# ... {more} more lines"] if more > 0 else [])])


def as_row(rule: Rule) -> dict[str, Any]:
    """A rule for the JSON index: its data, without examples."""
    return {
        "id": rule.id,
        "title": rule.title,
        "family": family(rule.id),
        "targets": list(rule.targets),
        "operations": list(rule.operations),
        "since": str(first) if (first := KNOWN.first_with(rule.since)) else None,
        "level": rule.level,
        "needs": sorted(rule.needs),
        "acknowledgeable": rule.acknowledgeable,
        "binds_addon_manager": rule.binds_addon_manager,
        "binds_rollbacks": rule.binds_rollbacks,
        "files_only": rule.files_only,
        "formerly": list(rule.formerly),
        "link": rule.link,
    }


def as_json(found: Entry) -> dict[str, Any]:
    """A rule for `explain -o json`, with all examples."""
    examples = (("rejected", found.rejected), ("allowed", found.allowed))
    return {
        **as_row(found.rule),
        "why": found.rule.why,
        **{name: [dict(_of_example(shown)) for shown in listed] for name, listed in examples},
    }


def _of_example(shown: Shown) -> Iterator[tuple[str, Any]]:
    yield "start", shown.start
    yield "before", shown.before
    yield ("patch" if shown.is_patch else "object"), shown.change
    yield "command", shown.command
    if shown.message:
        yield "level", shown.level
        yield "certain", shown.certain
        yield "message", shown.message
        yield "defaults", list(shown.defaults)
        yield "remedy", shown.remedy
