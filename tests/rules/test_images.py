"""IMG-001 and IMG-003: every container of the pod is looked at, each by itself."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.changes import evaluated
from tests.rules.ask import Object, changed, levels, pod, said
from webhook.cni.identity import change_of
from webhook.cni.images import ACCOUNTS, PARTITIONS, EcrHost, partition_of
from webhook.cni.limits import POD_LISTS
from webhook.cni.stock import stock
from webhook.model import text
from webhook.policy import Cluster, Images, Policy

OREGON = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
FOREIGN = "docker.io/example/helper:1"

HOST = {"volumeMounts": [{"name": "x", "mountPath": "/x"}]}
POWERS: dict[str, tuple[Object, str]] = {
    "privileged": ({"securityContext": {"privileged": True}}, "/x"),
    "capability": ({"securityContext": {"capabilities": {"add": ["BPF"]}}}, "/x"),
    "folder": (HOST, "/etc/cni/net.d"),
    "root": (HOST, "/"),
    "above-the-logs": (HOST, "/var/log"),
    "out-of-the-logs": (HOST, "/var/log/aws-routed-eni/../../run"),
    "beside-the-logs": (HOST, "/var/log/aws-routed-eni/../pods"),
    "called-like-the-logs": (HOST, "/var/log/aws-routed-eni2"),
    "no-absolute-path": (HOST, "var/log/aws-routed-eni"),
    "no-path": (HOST, ""),
}
IMPOSTORS: dict[str, tuple[Object, str]] = {
    "container-name": ({"name": "aws-vpc-cni-init"}, "/x"),
    "image-name": ({"image": "docker.io/x/aws-network-policy-agent:v1.4.2"}, "/x"),
    "image-of-the-cni": ({"image": "docker.io/x/amazon-k8s-cni:latest"}, "/x"),
}
HARMLESS: dict[str, tuple[Object, str]] = {
    "nothing": ({}, "/x"),
    "not-privileged": ({"securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}}}, "/x"),
    **{
        f"logs-{index}": (HOST, path)
        for index, path in enumerate(
            (
                "/var/log/aws-routed-eni",
                "/var/log/aws-routed-eni/",
                "//var/log//aws-routed-eni/.",
                "/var/log/x/../aws-routed-eni",
                "/var/log/aws-routed-eni/ipamd.log",
                "/var/log/aws-routed-eni/a/b/",
            )
        )
    },
}


def with_one_more(fields: Object, path: str = "/x", kind: str = "containers", image: str = FOREIGN) -> Object:
    def add(daemonset: Object) -> None:
        pod(daemonset).setdefault(kind, []).append({"name": "helper", "image": image} | fields)
        pod(daemonset)["volumes"].append({"name": "x", "hostPath": {"path": path}})

    return changed(stock(), add)


KINDS = ["containers", "initContainers"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", POWERS)
def test_a_foreign_container_with_rights_over_the_node_is_denied(power: str, kind: str) -> None:
    fields, path = POWERS[power]
    assert levels(said("IMG-003", with_one_more(fields, path, kind))) == {"deny"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", HARMLESS)
def test_a_foreign_container_without_any_is_warned_about(power: str, kind: str) -> None:
    fields, path = HARMLESS[power]
    assert levels(said("IMG-003", with_one_more(fields, path, kind))) == {"warn"}


SPEAKS = {"containers": "POD-011", "initContainers": "IMG-003"}
SILENT = {"containers": "IMG-003", "initContainers": "POD-011"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_a_foreign_container_that_looks_like_the_cni_gets_one_message(impostor: str, kind: str) -> None:
    """Beside aws-node it is a second CNI; an init container has ended before, so that only its origin counts."""
    whole = with_one_more(*IMPOSTORS[impostor], kind)
    assert levels(said(SPEAKS[kind], whole)) == {"deny"}
    assert said(SILENT[kind], whole) == []
    assert levels(said(SPEAKS[kind], whole, whole)) == {"warn"}
    assert said(SILENT[kind], whole, whole) == []
    off = Policy(mode="enforce", rules={SPEAKS[kind]: "off"})
    assert said(SILENT[kind], whole, policy=off) != []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("impostor", IMPOSTORS)
@pytest.mark.parametrize("power", POWERS)
def test_rights_over_the_node_are_told_of_a_second_cni_too(power: str, impostor: str, kind: str) -> None:
    """A container that had none before, and was no more than warned about, cannot take them."""
    fields, path = POWERS[power]
    whole = with_one_more({**IMPOSTORS[impostor][0], **fields}, path, kind)
    before = with_one_more(IMPOSTORS[impostor][0], path, kind)
    assert "deny" in levels(said("IMG-003", whole))
    assert "deny" in levels(said("IMG-003", whole, before))


def test_more_second_containers_than_are_named_hide_no_foreign_one() -> None:
    def flooded(daemonset: Object) -> None:
        for kind in KINDS:
            rest = POD_LISTS[kind] - len(pod(daemonset)[kind]) - 1
            pod(daemonset)[kind] += [
                {"name": f"{kind}-{n}", "image": f"{OREGON}/amazon-k8s-cni:v1.23.1"} for n in range(rest)
            ]

    before = changed(stock(), flooded)
    one = {"name": "x", "image": "docker.io/x/amazon-k8s-cni:v1.23.1"}
    after = changed(before, lambda copy: pod(copy)["containers"].append(one))
    found = [finding.level for rule in ("POD-011", "IMG-003") for finding in said(rule, after, before)]
    assert "deny" in found


@pytest.mark.parametrize("power", [*POWERS, *HARMLESS])
def test_an_image_of_amazon_s_or_of_an_allowed_registry_is_fine(power: str) -> None:
    fields, path = (POWERS | HARMLESS)[power]
    official = fields | {"image": f"{OREGON}/eks/pause:3.10"}
    assert said("IMG-003", with_one_more(official, path)) == []
    allowed = Policy(mode="enforce", images=Images(registries=("docker.io/example", "docker.io/x")))
    assert said("IMG-003", with_one_more(fields, path), policy=allowed) == []


def test_giving_up_one_of_two_powers_passes_and_taking_a_third_does_not() -> None:
    def context(*capabilities: str) -> Object:
        return {"securityContext": {"privileged": True, "capabilities": {"add": list(capabilities)}}}

    before = with_one_more(context("BPF", "SYS_ADMIN"))
    assert levels(said("IMG-003", with_one_more(context("BPF")), before)) == {"warn"}
    assert levels(said("IMG-003", with_one_more(context("SYS_ADMIN", "BPF")), before)) == {"warn"}
    assert "deny" in levels(said("IMG-003", with_one_more(context("BPF", "SYS_ADMIN", "SYS_TIME")), before))
    assert "deny" in levels(said("IMG-003", with_one_more(context("BPF")), with_one_more({})))
    assert "deny" in levels(said("IMG-003", with_one_more(context("BPF"), image="docker.io/other/helper:1"), before))


def images(daemonset: Object, **new: str) -> Object:
    def put(copy: Object) -> None:
        for holder in pod(copy)["initContainers"] + pod(copy)["containers"]:
            holder["image"] = new.get(holder["name"].replace("-", "_"), holder["image"])

    return changed(daemonset, put)


def test_mending_one_of_two_images_passes() -> None:
    both = images(stock(), aws_node="docker.io/x/amazon-k8s-cni:v1.23.1", aws_vpc_cni_init="x/amazon-k8s-cni-init:v1")
    one = images(both, aws_node=f"{OREGON}/amazon-k8s-cni:v1.23.1")
    assert len(said("IMG-003", both)) == 2
    assert levels(said("IMG-003", one, both)) == {"warn"}
    swapped = images(stock(), aws_node=f"{OREGON}/eks/coredns:v1.23.1", aws_vpc_cni_init=f"{OREGON}/eks/pause:v1.23.1")
    assert len(said("IMG-001", swapped)) == 2
    assert levels(said("IMG-001", images(swapped, aws_node=f"{OREGON}/amazon-k8s-cni:v1.23.1"), swapped)) == {"warn"}


def test_images_with_one_fault_have_one_effect_and_one_remedy() -> None:
    both = images(stock(), aws_node="docker.io/x/amazon-k8s-cni:v1.23.1", aws_vpc_cni_init="x/amazon-k8s-cni-init:v1")
    found = said("IMG-003", with_one_more({"securityContext": {"privileged": True}})) + said("IMG-003", both)
    assert len({(finding.problem.effect, finding.problem.remedy) for finding in found}) == 1


HOSTS = [
    "docker.io/x",
    "123456789012.dkr.ecr.us-west-2.amazonaws.com",
    "123456789012.dkr.ecr.xx-new-9.amazonaws.com",
    "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "602401143452.dkr.ecr.eu-west-1.amazonaws.com",
    OREGON,
]
STRAYS: list[Object] = [{}, {"securityContext": {"privileged": True}}, HOST]


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(*[st.sampled_from(HOSTS)] * 3),
    st.lists(st.tuples(st.sampled_from(HOSTS), st.sampled_from(STRAYS)), max_size=3),
    st.sampled_from(["", "us-west-2", "cn-north-1", "xx-new-9"]),
)
def test_an_object_gets_one_message(roles: tuple[str, ...], strays: list[tuple[str, Object]], region: str) -> None:
    main, init, agent = roles
    daemonset = images(
        stock(),
        aws_node=f"{main}/amazon-k8s-cni:v1.23.1",
        aws_vpc_cni_init=f"{init}/amazon-k8s-cni-init:v1.23.1",
        aws_eks_nodeagent=f"{agent}/amazon/aws-network-policy-agent:v1.4.2",
    )
    for index, (host, fields) in enumerate(strays):
        pod(daemonset)["containers"].append({"name": f"helper{index}", "image": f"{host}/helper:1"} | fields)
    pod(daemonset)["volumes"].append({"name": "x", "hostPath": {"path": "/x"}})
    policy = Policy(mode="enforce", cluster=Cluster(region=region))
    verdict = evaluated(change_of("DaemonSet", daemonset), policy)
    found = [finding for finding in verdict.findings if finding.rule == "IMG-003"]
    told = [message for message in (*verdict.denials, *verdict.warnings) if message.startswith("IMG-003")]
    assert len(told) == bool(found)
    assert len({finding.problem.evidence for finding in found}) == len(found)
    if "deny" in levels(found):
        assert told[0] in verdict.denials


def suggested(daemonset: Object, region: str | None = None) -> str:
    policy = Policy(mode="enforce", cluster=Cluster(region=region))
    (remedy,) = {finding.problem.remedy for finding in said("IMG-003", daemonset, policy=policy)}
    return remedy


def test_the_remedy_names_the_region_that_the_nodes_pull_from() -> None:
    abroad = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    mine = images(stock(), aws_node=f"{abroad}/amazon-k8s-cni:v1.23.1")
    assert f"Use the images of {OREGON}" in suggested(mine)
    assert f"Use the images of {OREGON.replace('us-west-2', 'eu-central-1')}" in suggested(mine, "eu-central-1")
    everywhere = at_host(EcrHost("123456789012", "eu-west-1", "aws"))
    assert f"Use the images of {OREGON.replace('us-west-2', 'eu-west-1')}" in suggested(everywhere)
    pod(everywhere)["containers"].append({"name": "helper", "image": f"{OREGON}/eks/pause:3.10"})
    assert f"Use the images of {OREGON}" in suggested(everywhere)
    nowhere = images(stock(), aws_node="x/amazon-k8s-cni:v1", aws_vpc_cni_init="x/amazon-k8s-cni-init:v1")
    assert "ACCOUNT.dkr.ecr.REGION" in suggested(images(nowhere, aws_eks_nodeagent="x/aws-network-policy-agent:v1"))


@pytest.mark.parametrize("gone", ["renamed", "removed"])
def test_what_runs_as_aws_node_is_told_without_an_init_container(gone: str) -> None:
    daemonset = images(stock(), aws_node=f"{OREGON}/eks/coredns:v1.23.1", aws_vpc_cni_init=f"{OREGON}/eks/pause:3.10")
    pod(daemonset)["initContainers"][0]["name"] = "init"
    if gone == "removed":
        del pod(daemonset)["initContainers"]
    assert levels(said("IMG-001", daemonset)) == {"deny"}


def test_what_runs_as_the_init_container_is_told_without_aws_node() -> None:
    daemonset = images(stock(), aws_vpc_cni_init=f"{OREGON}/eks/pause:3.10")
    pod(daemonset)["containers"] = []
    assert levels(said("IMG-001", daemonset)) == {"deny"}


def at_host(host: EcrHost, tag: str = "v1.23.1", prefix: str = "") -> Object:
    return images(
        stock(),
        aws_node=f"{host.host}/{prefix}amazon-k8s-cni:{tag}",
        aws_vpc_cni_init=f"{host.host}/{prefix}amazon-k8s-cni-init:{tag}",
        aws_eks_nodeagent=f"{host.host}/{prefix}amazon/aws-network-policy-agent:v1.4.2",
    )


NEW_REGIONS = [pytest.param(f"{partition.regions or 'xx-'}new-9", id=partition.name) for partition in PARTITIONS]


@pytest.mark.parametrize("region", NEW_REGIONS)
def test_an_account_in_an_unlisted_region_is_denied_with_the_line_for_the_policy(region: str) -> None:
    host = EcrHost("123456789012", region, partition_of(region).name)
    found = said("IMG-003", at_host(host), policy=Policy(mode="enforce", cluster=Cluster(region=region)))
    assert levels(found) == {"deny"}
    assert len(found) == 3
    assert len({finding.problem.remedy for finding in found}) == 1
    assert f"`images: {{registries: [{host.host}]}}`" in found[0].message
    allowed = Policy(mode="enforce", images=Images(registries=(host.host,)))
    assert said("IMG-003", at_host(host), policy=allowed) == []


@pytest.mark.parametrize("region", NEW_REGIONS)
def test_another_image_in_an_unlisted_region_is_told_the_line_for_the_policy(region: str) -> None:
    policy = Policy(mode="enforce", cluster=Cluster(region=region))
    (found,) = said("IMG-003", with_one_more({}), policy=policy)[-1:]
    assert found.message.count("ACCOUNT.dkr.ecr.") == 1
    assert f"`images: {{registries: [ACCOUNT.dkr.ecr.{region}.{partition_of(region).domain}]}}`" in found.message


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("dual_stack", [False, True])
def test_the_policy_names_an_account_by_any_of_its_hosts(fips: bool, dual_stack: bool) -> None:
    plain = EcrHost("123456789012", "xx-new-9", "aws")
    host = EcrHost("123456789012", "xx-new-9", "aws", fips, dual_stack)
    for named, used in ((plain, host), (host, plain)):
        allowed = Policy(mode="enforce", images=Images(registries=(f"{named.host}/",)))
        assert said("IMG-003", at_host(used), policy=allowed) == []
        below = Policy(mode="enforce", images=Images(registries=(f"{named.host}/mirror",)))
        assert said("IMG-003", at_host(used, prefix="mirror/"), policy=below) == []
        assert levels(said("IMG-003", at_host(used), policy=below)) == {"deny"}


@pytest.mark.parametrize(
    "registry", ["registry.corp/mirror", "Registry.CORP/mirror", "REGISTRY.corp:5000", OREGON.upper()]
)
def test_the_host_of_a_registry_is_read_in_any_case(registry: str) -> None:
    policy = Policy(mode="enforce", images=Images(registries=(registry,)))
    host, slash, path = registry.partition("/")
    for spelled in (host, host.lower(), host.upper(), host.title()):
        allowed = with_one_more({}, image=f"{spelled}{slash}{path}/helper:1")
        assert said("IMG-003", allowed, policy=policy) == [], spelled
        assert said("IMG-003", with_one_more({}, image=f"x{spelled}{slash}{path}/helper:1"), policy=policy), spelled


def test_an_upgrade_in_an_unlisted_region_only_warns() -> None:
    here, there = (EcrHost(account, "xx-new-9", "aws") for account in ("123456789012", "210987654321"))
    assert levels(said("IMG-003", at_host(here), at_host(here, "v1.22.4"))) == {"warn"}
    assert levels(said("IMG-003", at_host(here, prefix="mirror/"), at_host(here, "v1.22.4"))) == {"warn"}
    assert levels(said("IMG-003", at_host(here), at_host(there))) == {"deny"}
    stranger = images(at_host(here), aws_node=f"{here.host}/other:1")
    assert "deny" in levels(said("IMG-003", at_host(here), stranger))


@pytest.mark.parametrize("region", sorted(ACCOUNTS))
def test_amazon_s_own_account_is_fine_in_every_region(region: str) -> None:
    assert said("IMG-003", at_host(EcrHost(ACCOUNTS[region], region, partition_of(region).name))) == []
    other = "123456789012"
    assert levels(said("IMG-003", at_host(EcrHost(other, region, partition_of(region).name)))) == {"deny"}


names = st.sampled_from(["aws-node", "aws-eks-nodeagent", "helper", ""])
junk = st.none() | st.booleans() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
mounts = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["x", "log-dir"]) | junk}) | junk, max_size=2) | junk
contexts = st.fixed_dictionaries({"privileged": junk, "capabilities": st.fixed_dictionaries({"add": junk}) | junk})
containers = st.fixed_dictionaries(
    {"name": names | junk, "image": st.sampled_from([FOREIGN, "?", ""]) | junk},
    optional={"volumeMounts": mounts, "securityContext": contexts | junk},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(containers | junk, max_size=3), st.lists(junk | st.dictionaries(st.text(max_size=2), junk), max_size=2))
def test_any_shape_of_a_container_has_an_answer(more: list[Any], volumes: list[Any]) -> None:
    def add(daemonset: Object) -> None:
        pod(daemonset)["containers"] += more
        pod(daemonset)["volumes"] += volumes

    foreign = {text(holder["name"]) for holder in more if isinstance(holder, dict) and holder["image"] == FOREIGN}
    whole = changed(stock(), add)
    told = {pair for rule in ("IMG-003", "POD-011") for one in said(rule, whole) for pair in one.problem.evidence}
    for name in foreign:
        assert {(f"{name} image repository", "docker.io/example/helper"), (f"second container {name}", FOREIGN)} & told
