"""The catalogue: every rule, in the order in which messages name them.

A theme is a file; a new theme is one more line here.
"""

from collections.abc import Iterator
from types import ModuleType

from webhook.model import Operation
from webhook.rules import (
    compatibility,
    def_values,
    deletion,
    discovery,
    eniconfigs,
    images,
    ip6_family,
    limits,
    names,
    pod_identity,
    pod_probes,
    policies,
    provisioning,
    refused,
    registries,
    rollout,
    snat,
    sources,
    targets,
    values,
    ver_probes,
    versions,
)
from webhook.rules.rule import Rule, Target

THEMES: tuple[ModuleType, ...] = (
    limits,
    versions,
    compatibility,
    ver_probes,
    pod_probes,
    pod_identity,
    ip6_family,
    def_values,
    images,
    registries,
    targets,
    snat,
    names,
    values,
    policies,
    sources,
    provisioning,
    discovery,
    rollout,
    eniconfigs,
    refused,
    deletion,
)


class Catalogue:
    """Rules by id, in their order."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._about: dict[tuple[Target, Operation, bool], tuple[Rule, ...]] = {}
        self._by_id = {rule.id: rule for rule in rules}
        if len(self._by_id) != len(rules):
            raise ValueError("two rules have one id")

    def about(self, target: Target, operation: Operation, *, in_file: bool) -> tuple[Rule, ...]:
        """The rules that concern a change: of what, by which operation, and whether it comes from a file."""
        asked = target, operation, in_file
        if asked not in self._about:
            self._about[asked] = tuple(
                rule
                for rule in self.rules
                if rule.target == target and operation in rule.operations and (in_file or not rule.files_only)
            )
        return self._about[asked]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def ids(self) -> frozenset[str]:
        """The ids that exist."""
        return frozenset(self._by_id)

    def get(self, rule_id: str) -> Rule | None:
        """The rule of an id, in any case; None where there is none."""
        return self._by_id.get(rule_id.upper())


def _rules(theme: ModuleType) -> Iterator[Rule]:
    """The rules of a theme, in the order in which they are written."""
    return (value for value in vars(theme).values() if isinstance(value, Rule))


CATALOGUE = Catalogue(tuple(rule for theme in THEMES for rule in _rules(theme)))
