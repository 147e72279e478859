"""ENIC-008: an ENIConfig larger than anything that the CNI could need."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import ENIConfig, Example
from webhook.catalogue.parts import too_many
from webhook.catalogue.rule import EniConfigCase, rule
from webhook.model import Problem

_GROUPS = [f"sg-{number:017x}" for number in range(101)]


@rule(
    "ENIC-008",
    "An ENIConfig larger than the CNI could ever need",
    level="deny",
    target="ENIConfig",
    link=links.CUSTOM_NETWORKING,
    bad=(Example(ENIConfig(spec={"subnet": "subnet-0123456789abcdef0", "securityGroups": _GROUPS})),),
)
def too_large(case: EniConfigCase) -> Iterator[Problem]:
    """The guard reads no more fields and security groups than any ENIConfig can have."""
    before = {found.name: found.count for found in case.old.too_long()} if case.old is not None else {}
    for found in case.new.too_long():
        yield too_many(found, "deny" if found.count > before.get(found.name, 0) else "warn")
