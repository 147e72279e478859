"""POD-013: objects larger than anything that the CNI could need."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import too_many
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Problem

_FLOOD = {f"NAME_{number}": "" for number in range(300)}


@rule(
    "POD-013",
    "A list longer than the CNI could ever need",
    level="deny",
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(env=_FLOOD)),
        Example(DaemonSet(env=_FLOOD | {"ONE_MORE": ""}), before=DaemonSet(env=_FLOOD)),
    ),
    reads=("env", "rest"),
)
def too_long(case: AwsNodeCase) -> Iterator[Problem]:
    """The guard reads no list beyond a limit that no real aws-node reaches, so what it holds is not evaluated.

    The limits bound the time and memory of every other rule. A list that was too long before and does not grow is only
    warned about.
    """
    before = {found.name: found.count for found in case.old.too_long()} if case.old is not None else {}
    for found in case.new.too_long():
        yield too_many(found, "deny" if found.count > before.get(found.name, 0) else "warn")
