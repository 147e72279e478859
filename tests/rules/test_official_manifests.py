"""The official manifests of all releases, in every partition, cause no finding but about their release."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.changes import MANIFESTS, daemonset, evaluated
from tests.rules.ask import changed
from webhook.cni.identity import change_of
from webhook.cni.images import PARTITIONS, partition_of, registry_for
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.model import Change, Source

ABOUT_THE_RELEASE = {"VER-002"}
RELEASES = [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST]
REGIONS = ("us-west-2", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1")


def states(whole: dict[str, Any]) -> Iterator[Change]:
    """As a file, as a new object, restarted, and with another label."""

    def restart(copy: dict[str, Any]) -> None:
        template = copy["spec"]["template"]["metadata"]
        template["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-06-01T12:00:00Z"}

    yield change_of("DaemonSet", whole, source=Source("aws-node.yaml"))
    yield change_of("DaemonSet", whole)
    yield change_of("DaemonSet", changed(whole, restart), whole, "UPDATE")
    labelled = changed(whole, lambda copy: copy["metadata"]["labels"].update(team="net"))
    yield change_of("DaemonSet", labelled, whole, "UPDATE")


def test_the_regions_are_of_different_partitions() -> None:
    assert len({partition_of(region).name for region in REGIONS}) == len(REGIONS) >= len(PARTITIONS) - 2
    assert all(registry_for(region) for region in REGIONS)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("release", RELEASES, ids=str)
def test_no_rule_speaks_of_an_official_manifest(release: Any, region: str) -> None:
    for change in states(stock(release, region=region)):
        verdict = evaluated(change)
        assert {finding.rule for finding in verdict.said} <= ABOUT_THE_RELEASE
        assert {one.rule for one in verdict.skipped} <= ABOUT_THE_RELEASE


@pytest.mark.skipif(not MANIFESTS.is_dir(), reason="the official manifests are not beside this checkout")
@pytest.mark.parametrize("manifest", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_rule_speaks_of_an_official_file(manifest: Any) -> None:
    for change in states(daemonset(manifest)):
        assert {finding.rule for finding in evaluated(change).said} <= ABOUT_THE_RELEASE


@pytest.mark.parametrize(("before", "after"), list(pairwise(RELEASES)), ids=str)
def test_the_next_official_manifest_is_not_denied(before: Any, after: Any) -> None:
    verdict = evaluated(change_of("DaemonSet", stock(after), stock(before), "UPDATE"))
    assert {finding.rule for finding in verdict.said if finding.level == "deny"} <= ABOUT_THE_RELEASE
