"""ENV-013: a variable that is set more than once in one container."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import same_before
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.container import Container
from webhook.model import Json, Problem
from webhook.printable import named


@rule(
    "ENV-013",
    "A variable that is set twice",
    level="deny",
    link=links.VARIABLES,
    formerly=("ENV-006",),
    bad=(
        Example(DaemonSet(repeat=("WARM_ENI_TARGET",)), level="warn"),
        Example(DaemonSet(fields={"env": [{"name": "MAX_ENI", "value": "3"}, {"name": "MAX_ENI", "value": "4"}]})),
    ),
)
def repeated(case: AwsNodeCase) -> Iterator[Problem]:
    """The last entry wins on a node, while apply may drop either: which value takes effect is undefined.

    The API server warns of it, and server-side apply refuses it. Where all values are equal it is only untidy.
    """
    for holder in case.new.roles:
        for name, listed in holder.repeated.items() if holder.env else ():
            times = f"{len(listed)} times" if listed[2:] else "twice"
            differ = any(one != listed[0] for one in listed)
            yield Problem(
                path=holder.where(name),
                evidence=((f"{holder.name} env {name}", repr(_left_of(case, holder, listed, name))),),
                level="deny" if differ else "warn",
                wrong=f"{named(name)} is set {times} in container {holder.label}",
                effect="which value takes effect is undefined" if differ else "a later apply may drop one of them",
                remedy="Keep one of the entries",
            )


def _left_of(case: AwsNodeCase, holder: Container, listed: list[Json], name: str) -> list[Json]:
    """The entries of a name as they were, where this change did nothing but remove some; else as they are."""
    old = same_before(case, holder)
    before = old.repeated.get(name, []) if old is not None else []
    following = iter(before)
    return before if all(entry in following for entry in listed) else listed
