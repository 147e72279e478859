"""ENV-001: a variable in the wrong container, and copies that commands without a container leave behind."""

import pytest

from tests.rules.ask import Object, levels, said
from webhook.catalogue.examples import Variables, container, set_env
from webhook.cni.stock import stock

MAIN, INIT, AGENT = "aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"


def written(**changes: Variables) -> Object:
    """The official manifest with variables set: `main`, `init` and `agent` say where."""
    whole = stock()
    for holder, change in changes.items():
        set_env(container(whole, {"main": MAIN, "init": INIT, "agent": AGENT}[holder]), change)
    return whole


FIVE: Variables = {"WARM_IP_TARGET": "5"}
THREE: Variables = {"WARM_IP_TARGET": "3"}


@pytest.mark.parametrize("before", [None, {}, {"init": THREE}, {"main": THREE, "init": THREE, "agent": THREE}])
@pytest.mark.parametrize("now", [{"main": FIVE, "init": THREE}, {"main": FIVE, "init": THREE, "agent": FIVE}])
def test_what_the_right_container_has_too_only_warns(
    now: dict[str, Variables], before: dict[str, Variables] | None
) -> None:
    """Whatever the copies say: the remedy of a misplaced variable is to write it where it belongs."""
    found = said("ENV-001", written(**now), written(**before) if before is not None else None)
    assert levels(found) == {"warn"}
    (stale,) = [finding.message for finding in found if "another value" in finding.message]
    assert "WARM_IP_TARGET is also set in aws-vpc-cni-init" in stale
    assert "with another value than in aws-node: only the value in aws-node counts" in stale


def test_copies_that_agree_are_one_warning() -> None:
    (finding,) = said("ENV-001", written(main=FIVE, init=FIVE, agent=FIVE))
    assert "another value" not in finding.message
    assert "is also set in aws-vpc-cni-init and aws-eks-nodeagent" in finding.message


def test_writing_a_misplaced_variable_to_all_containers_passes() -> None:
    misplaced = written(init=THREE)
    assert levels(said("ENV-001", misplaced)) == {"deny"}
    assert levels(said("ENV-001", written(main=FIVE, init=FIVE, agent=FIVE), misplaced)) == {"warn"}
    assert levels(said("ENV-001", written(main=FIVE, init=THREE), misplaced)) == {"warn"}


def test_removing_the_original_of_copies_passes() -> None:
    copied = written(main=FIVE, init=FIVE, agent=FIVE)
    assert levels(said("ENV-001", written(init=FIVE, agent=FIVE), copied)) == {"warn"}
    assert said("ENV-001", written(), copied) == []
    assert levels(said("ENV-001", written(init=THREE), copied)) == {"deny"}
