"""What a rule, an example and a family of rules are, and the catalogue that holds the rules."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from webhook.catalogue.rule import Rule, Target
from webhook.model import Operation

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
        "DEF": "Defaults of the policy",
    }
)
"""The families by the prefix of their ids, in the order in which messages and pages list them."""


def family(rule_id: str) -> str:
    """The prefix of an id."""
    return rule_id.partition("-")[0]


def _place(rule: Rule) -> tuple[int, str]:
    prefix, order = family(rule.id), list(FAMILIES)
    return order.index(prefix) if prefix in FAMILIES else len(order), rule.id


class Catalogue:
    """Rules by id, by family and number."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(sorted(rules, key=_place))
        self._about: dict[tuple[Target, Operation, bool], tuple[Rule, ...]] = {}
        self._by_id = {rule.id: rule for rule in self.rules}
        if len(self._by_id) != len(self.rules):
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

    @property
    def former(self) -> Mapping[str, tuple[str, ...]]:
        """The ids of the minor version before that are split or gone, each with what it has become."""
        became: dict[str, list[str]] = {}
        for rule in self.rules:
            for old in rule.formerly:
                became.setdefault(old, [old] if old in self._by_id else []).append(rule.id)
        return {old: tuple(ids) for old, ids in became.items()}

    def get(self, rule_id: str) -> Rule | None:
        """The rule of an id, in any case; None where there is none."""
        return self._by_id.get(rule_id.upper())
