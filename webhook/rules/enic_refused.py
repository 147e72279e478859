"""ENIC-007: ENIConfigs that the API server itself would refuse."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import ENIConfig, Example
from webhook.catalogue.refused import wrong_labels, wrong_metadata, wrong_shapes
from webhook.catalogue.rule import EniConfigCase, rule
from webhook.cni.shapes import METADATA, misshapen
from webhook.model import Problem

_SPEC = {"subnet": "subnet-0123456789abcdef0", "securityGroups": ["sg-0123456789abcdef0"]}


@rule(
    "ENIC-007",
    "An ENIConfig that the API server refuses",
    level="deny",
    target="ENIConfig",
    link=links.NAMES,
    files_only=True,
    bad=(
        Example(ENIConfig(spec=_SPEC, root={"metadata": "name:us-west-2a"}), file="eniconfig.yaml"),
        Example(ENIConfig(spec=_SPEC, root={"metadata": {}}), file="eniconfig.yaml"),
        Example(ENIConfig(spec=_SPEC, name="us_west_2a"), file="eniconfig.yaml"),
    ),
    good=(
        Example(ENIConfig(spec=_SPEC), file="eniconfig.yaml"),
        Example(ENIConfig(spec=_SPEC, root={"metadata": {"generateName": "zone-"}}), file="eniconfig.yaml"),
    ),
)
def refused_eniconfig(case: EniConfigCase) -> Iterator[Problem]:
    """A file can hold what no cluster takes: a blank is missing after a colon, a name is absent or misspelled.

    The name of an ENIConfig is often that of a zone, which has no capital letters and no underscores.
    """
    raw = case.new.raw
    yield from wrong_shapes(misshapen(raw.get("metadata"), METADATA, ("metadata",)))
    yield from wrong_shapes(misshapen(raw.get("spec"), "{}any", ("spec",)))
    yield from wrong_metadata(raw)
    yield from wrong_labels(raw, ())
