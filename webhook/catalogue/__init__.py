"""What a rule, an example and a family of rules are, and the catalogue that holds the rules."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from webhook.catalogue.rule import Rule
from webhook.model import Operation, Target

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "VER": "Versions",
        "IMG": "Images",
        "IPT": "IP targets",
        "PFX": "Prefix delegation",
        "SNAT": "Source NAT",
        "CN": "Custom networking",
        "ENIC": "ENIConfigs",
        "POD": "The pod of aws-node",
        "ROLL": "Rollouts",
        "IP6": "Address families",
        "SGP": "Security groups for pods",
        "NP": "Network policy",
        "ENV": "Environment variables",
        "DEL": "Deletion",
        "WH": "Webhooks of others",
        "DEF": "Defaults of the policy",
    }
)
"""The families by ID prefix, in the order in which messages and pages list them."""


def family(rule_id: str) -> str:
    """The prefix of a rule ID."""
    return rule_id.partition("-")[0]


def _place(rule: Rule) -> tuple[int, str]:
    prefix, order = family(rule.id), list(FAMILIES)
    return order.index(prefix) if prefix in FAMILIES else len(order), rule.id


class Catalogue:
    """The rules, sorted by family and number."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(sorted(rules, key=_place))
        self._about: dict[tuple[Target, Operation, bool], tuple[Rule, ...]] = {}
        self._by_id = {rule.id: rule for rule in self.rules}
        if len(self._by_id) != len(self.rules):
            raise ValueError("two rules have the same ID")

    def about(self, target: Target, operation: Operation, *, in_file: bool) -> tuple[Rule, ...]:
        """The rules that apply to a change, given its target, its operation and whether it comes from a file."""
        asked = target, operation, in_file
        if asked not in self._about:
            self._about[asked] = tuple(
                rule
                for rule in self.rules
                if target in rule.targets and operation in rule.operations and (in_file or not rule.files_only)
            )
        return self._about[asked]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def ids(self) -> frozenset[str]:
        """The IDs of all rules."""
        return frozenset(self._by_id)

    @property
    def former(self) -> Mapping[str, tuple[str, ...]]:
        """The IDs of the previous minor version that were split or removed, each with the IDs that replace it."""
        became: dict[str, list[str]] = {}
        for rule in self.rules:
            for old in rule.formerly:
                became.setdefault(old, [old] if old in self._by_id else []).append(rule.id)
        return {old: tuple(ids) for old, ids in became.items()}

    def get(self, rule_id: str) -> Rule | None:
        """Look up a rule by ID, ignoring case; None if there is no such rule."""
        return self._by_id.get(rule_id.upper())
