"""The official manifests in every partition, and in a cluster that has everything: no rule about networking speaks."""

from copy import deepcopy
from itertools import pairwise

import pytest

from tests.changes import evaluated
from webhook.catalogue import family
from webhook.cni.identity import change_of
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock
from webhook.cni.version import Version
from webhook.facts import NOTHING_KNOWN, EniConfig, Fact, Facts, Node, Service, Workload

RELEASES = [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST]
FAMILIES = {"IPT", "SNAT", "CN", "ENIC", "IP6", "SGP", "NP"}
EVERYTHING = Facts(
    kubernetes=Fact((1, 33), "cluster"),
    nodes=Fact(tuple(Node(name=f"n{index}", instance_type="t3.large", pods=17) for index in range(300)), "cluster"),
    eni_configs=Fact((EniConfig(name="other"),), "cluster"),
    kube_proxy_mode=Fact("ipvs", "cluster"),
    workloads=Fact((Workload(kind="DaemonSet", namespace="kube-system", name="calico-node"),), "cluster"),
    services=Fact((Service(namespace="a", name="b", type="NodePort", local=True),), "cluster"),
    config_map=Fact({}, "cluster"),
    security_group_policies=Fact(("a/b",), "cluster"),
    policy_endpoints=Fact(value=True, source="cluster"),
    network_policies=Fact(value=False, source="cluster"),
)


@pytest.mark.parametrize("facts", [NOTHING_KNOWN, EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("region", ["us-west-2", "cn-north-1", "us-gov-west-1", "ap-east-1"])
def test_an_official_manifest_passes_without_a_word(region: str, facts: Facts) -> None:
    """As a new object, restarted, labelled, and by the step from the release before."""
    for before, release in pairwise([RELEASES[0], *RELEASES]):
        whole = stock(release, region=region)
        restarted, labelled = deepcopy(whole), deepcopy(whole)
        restarted["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
        labelled["metadata"]["labels"]["team"] = "net"
        changes = [change_of("DaemonSet", whole), change_of("DaemonSet", whole, stock(before, region=region), "UPDATE")]
        changes += [change_of("DaemonSet", now, whole, "UPDATE") for now in (restarted, labelled)]
        for change in changes:
            verdict = evaluated(change, facts=facts)
            found = {one.rule for one in verdict.findings} | {one.rule for one in verdict.skipped}
            assert not {rule for rule in found if family(rule) in FAMILIES}, (str(release), change.operation)


def test_the_newest_of_them_is_told_of_with_its_features_on() -> None:
    """What makes the law mean something: the same cluster, and one setting more."""
    whole = stock(Version(1, 23, 1))
    main = whole["spec"]["template"]["spec"]["containers"][0]
    main["env"] = [
        {"name": "ENABLE_POD_ENI", "value": "true"},
        *(e for e in main["env"] if e["name"] != "ENABLE_POD_ENI"),
    ]
    verdict = evaluated(change_of("DaemonSet", whole), facts=EVERYTHING)
    assert {"SGP-002", "SGP-003"} <= {one.rule for one in verdict.findings}
