"""Levels of rules that no level changes."""

from collections.abc import Iterator

from webhook.catalogue import Catalogue
from webhook.catalogue.rule import Rule
from webhook.policy import Diagnostic, Loaded


def levels_in_vain(loaded: Loaded, rules: Catalogue) -> Iterator[Diagnostic]:
    """Each level of a rule that only finds what is certain to fail."""
    for name, level in loaded.as_written.rules.items():
        rule = rules.get(name)
        # A rule about releases is not certain about one that is newer than the tables: the level counts there.
        if rule and is_always_certain(rule) and not rule.rests_on_releases:
            yield loaded.written.warning(
                ("rules", name),
                f"the level {level} of {name} has no effect: what the rule finds is certain to fail, and always denied",
                "remove it",
            )


def is_always_certain(rule: Rule) -> bool:
    """Whether a rule finds only what is certain to fail, as its examples show."""
    return bool(rule.bad) and all(example.certain for example in rule.bad)
