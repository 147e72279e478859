"""Facts are given to the rules that need them, and to no others."""

from collections.abc import Iterator
from typing import get_args

import pytest

from tests.changes import evaluated
from webhook.catalogue import Catalogue
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, Rule, rule
from webhook.facts import NOTHING_KNOWN, Fact, FactName, Facts, Node, need
from webhook.model import CouldNotCheckError, Problem

NODES = Facts(nodes=Fact((Node(name="a"),), "cluster"), kubernetes=Fact((1, 33), "cluster"))


def asking(*needs: FactName, rule_id: str = "ENV-999") -> Rule:
    @rule(rule_id, "Asks for nodes", level="deny", link="https://example.com", bad=(), needs=needs)
    def check(case: AwsNodeCase) -> Iterator[Problem]:
        """It asks."""
        yield Problem(
            path=("spec",),
            evidence=(("nodes", str(len(need(case.facts.nodes, "nodes")))),),
            level="deny",
            wrong="asked",
            effect="asked",
            remedy="Ask",
        )

    return check


def test_a_rule_is_given_the_facts_that_it_needs() -> None:
    assert evaluated(Example(DaemonSet()).change(), facts=NODES, rules=Catalogue((asking("nodes"),))).findings


@pytest.mark.parametrize(
    ("needs", "facts"), [((), NODES), (("kubernetes",), NODES), (("nodes",), NOTHING_KNOWN)], ids=str
)
def test_it_is_given_no_others(needs: tuple[FactName, ...], facts: Facts) -> None:
    verdict = evaluated(Example(DaemonSet()).change(), facts=facts, rules=Catalogue((asking(*needs),)))
    assert verdict.findings == ()
    how = "give a snapshot of the cluster (--facts FILE; `cni-guard facts` writes one)"
    assert [one.reason for one in verdict.skipped] == [f"needs the nodes of the cluster: {how}"]


def test_rules_of_one_evaluation_are_each_given_their_own() -> None:
    needs: list[tuple[FactName, ...]] = [("nodes",), ("kubernetes",), (), ("nodes", "kubernetes"), ("nodes",)]
    rules = Catalogue(asking(*names, rule_id=f"ENV-90{index}") for index, names in enumerate(needs))
    verdict = evaluated(Example(DaemonSet()).change(), facts=NODES, rules=rules)
    assert [one.rule for one in verdict.findings] == ["ENV-900", "ENV-903", "ENV-904"]
    assert [one.rule for one in verdict.skipped] == ["ENV-901", "ENV-902"]


@pytest.mark.parametrize("name", get_args(FactName))
def test_every_absent_fact_is_named_with_how_to_give_it(name: FactName) -> None:
    assert getattr(NOTHING_KNOWN, name) is None
    with pytest.raises(CouldNotCheckError, match=r"^needs .+: .*--facts FILE"):
        need(None, name)
