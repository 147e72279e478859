"""The reference of a rule holds what a person can paste, and the same in every form."""

import json

import pytest

from webhook.catalogue.rule import Rule
from webhook.reference import entry, markdown, text
from webhook.rules import CATALOGUE

RULES = pytest.mark.parametrize("rule", CATALOGUE.rules, ids=lambda rule: rule.id)


@RULES
def test_each_rejected_example_has_its_change_and_its_message(rule: Rule) -> None:
    found = entry.entry(rule, CATALOGUE)
    assert len(found.rejected) == len(rule.bad)
    assert len(found.allowed) == len(rule.good)
    for shown, example in zip(found.rejected, rule.bad, strict=True):
        assert shown.message.startswith(f"{rule.id}: ")
        assert (shown.level, shown.certain) == (example.level or rule.level, example.certain)
        assert bool(shown.remedy) == bool(shown.defaults) == (example.fixed is not None)
        official = example.now is not None and example.before is None and shown.change is None
        assert shown.command or shown.change is not None or official or "update from" in shown.start


@RULES
def test_text_json_and_page_say_the_same(rule: Rule) -> None:
    found = entry.entry(rule, CATALOGUE)
    machine = json.loads(json.dumps(entry.as_json(found)))
    told = text.explain(found, 10_000)
    assert machine["id"] == rule.id
    assert [one["message"] for one in machine["rejected"]] == [shown.message for shown in found.rejected]
    for one in machine["rejected"][:2]:
        assert one["message"] in told
    assert rule.link in told


def test_the_index_lists_each_rule_once_under_its_family() -> None:
    listed = [line.split()[0] for line in text.index(CATALOGUE).split("\n") if line.startswith("  ")]
    assert listed == [rule.id for rule in CATALOGUE]
    page = markdown.page(CATALOGUE)
    for rule in CATALOGUE:
        assert page.count(f"\n| [{rule.id}](") == 1
        assert page.count(f"\n### {rule.id} ") == 1
