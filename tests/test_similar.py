"""What a wrong name was probably meant to be, for all names that messages may suggest."""

from collections.abc import Iterator

import pytest

from webhook import policy
from webhook.cni.eniconfig import SPEC_KEYS
from webhook.cni.tables import KNOWN
from webhook.rules import CATALOGUE
from webhook.similar import misspelled, nearest

SCHEMA = policy.schema()
KEYS = [frozenset(one["properties"]) for one in SCHEMA["$defs"].values() if "properties" in one]
SETS = [*KEYS, frozenset(SPEC_KEYS), CATALOGUE.ids]
VARIABLES = KNOWN.variables["aws-node"]
FOLDED = {name: name.casefold() for name in VARIABLES}


def typing_errors(name: str) -> Iterator[str]:
    """The name with a letter left out, doubled, or exchanged with the next one, and in another case."""
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]
        yield name[:at] + name[at] + name[at:]
    for at in range(len(name) - 1):
        yield name[:at] + name[at + 1] + name[at] + name[at + 2 :]


@pytest.mark.parametrize("known", SETS, ids=min)
def test_a_known_name_is_nearest_to_its_typing_errors(known: frozenset[str]) -> None:
    for right in known:
        assert nearest(right, known) == (right,)
        for wrong in typing_errors(right):
            found = nearest(wrong, known, most=len(known))
            assert right in found, wrong
            assert nearest(wrong, known) == found[:1]


def test_nearest_is_stable_and_limited() -> None:
    assert nearest("IPT-04", CATALOGUE.ids, most=3) == ("IPT-004", "IP6-004", "IPT-001")
    assert nearest("securityGroup", SPEC_KEYS, most=3) == ("securityGroups",)
    assert nearest("subnetId", SPEC_KEYS) == ("subnet",)


@pytest.mark.parametrize("name", ["", "x", "tolerations", "\x1b[2J", "s" * 10**6])
def test_nothing_is_near_a_name_of_another_kind(name: str) -> None:
    assert nearest(name, SPEC_KEYS, most=3) == ()
    assert misspelled(name, FOLDED) is None


@pytest.mark.parametrize("right", VARIABLES)
def test_a_variable_is_recognized_behind_a_typing_error(right: str) -> None:
    assert misspelled(right.lower(), FOLDED) == misspelled(right, FOLDED) == right
    assert all(misspelled(wrong, FOLDED) for wrong in typing_errors(right))


def test_a_name_of_its_own_is_not_a_misspelling_even_where_it_is_near() -> None:
    own = "WARM_IP_TARGET_NOTE"
    assert nearest(own, VARIABLES)
    assert misspelled(own, FOLDED) is None
