"""VER-001, VER-004 and VER-008: what tells a release, and what is only a claim."""

import pytest

from tests.changes import evaluated
from tests.rules.ask import Object, changed, levels, main, pod, said
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.model import Finding
from webhook.policy import Policy, Versions

REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
CNI = f"{REGISTRY}/amazon-k8s-cni"
SAYS = "cni-guard.dev/cni-version"
ONE, TWO = ("sha256:" + digit * 64 for digit in "12")


def cni(image: str, says: str | None = None) -> Object:
    def put(daemonset: Object) -> None:
        main(daemonset)["image"] = f"{CNI}{image}"
        if says is not None:
            daemonset["metadata"]["annotations"] = {SAYS: says}

    return changed(stock(), put)


MOVING = [":latest", "", ":main", ":release-1.23", ":v1.23", ":stable"]


@pytest.mark.parametrize("tag", MOVING)
@pytest.mark.parametrize("says", [None, "1.23.1", "v1.23.1-eksbuild.1", "junk"])
def test_a_moving_tag_is_said_whatever_an_annotation_says(tag: str, says: str | None) -> None:
    found = said("VER-001", cni(tag, says))
    assert levels(found) == {"deny"}
    assert ("counts only for an image given by digest" in found[0].message) == (says is not None)


BESIDE = {"aws-vpc-cni-init": "amazon-k8s-cni-init", "aws-eks-nodeagent": "amazon/aws-network-policy-agent"}


def with_image(daemonset: Object, role: str, image: str, name: str | None = None) -> Object:
    def put(copy: Object) -> None:
        for holder in pod(copy)["initContainers"] + pod(copy)["containers"]:
            if holder["name"] == role:
                holder |= {"image": image, "name": name or role}

    return changed(daemonset, put)


@pytest.mark.parametrize("registry", [REGISTRY, "registry.corp/mirror"])
@pytest.mark.parametrize("name", [None, "renamed"])
@pytest.mark.parametrize("says", [None, "1.23.1"])
@pytest.mark.parametrize("tag", MOVING)
@pytest.mark.parametrize("role", BESIDE)
def test_a_moving_tag_beside_aws_node_is_said_of_each_container(
    role: str, tag: str, says: str | None, name: str | None, registry: str
) -> None:
    moving = with_image(cni(":v1.23.1", says), role, f"{registry}/{BESIDE[role]}{tag}", name)
    (found,) = said("VER-001", moving)
    assert found.level == "deny"
    assert found.problem.evidence == ((f"{role} image", f"{registry}/{BESIDE[role]}{tag}"),)
    assert levels(said("VER-001", moving, moving)) == {"warn"}
    mended = with_image(moving, name or role, f"{registry}/{BESIDE[role]}:v1.23.1", role)
    assert said("VER-001", mended, moving) == []


@pytest.mark.parametrize("role", BESIDE)
def test_an_image_beside_aws_node_that_does_not_move_is_fine(role: str) -> None:
    for rest in (":v1.4.2", ":1.4.2", ":v1.4.2-eksbuild.3", ":v1.4.2-corp.1", f"@{ONE}", f":latest@{ONE}"):
        assert said("VER-001", with_image(stock(), role, f"{REGISTRY}/{BESIDE[role]}{rest}")) == []
    # Of an image that is not the CNI's, IMG-001 and IMG-003 say more.
    assert said("VER-001", with_image(stock(), role, f"{REGISTRY}/eks/pause:latest")) == []


def test_a_moving_tag_is_said_of_all_three_containers() -> None:
    moving = cni(":latest")
    for role, repository in BESIDE.items():
        moving = with_image(moving, role, f"{REGISTRY}/{repository}:latest")
    assert len(said("VER-001", moving)) == 3
    assert len(said("VER-001", cni(":latest"), moving)) == 1
    assert levels(said("VER-001", cni(":latest"), moving)) == {"warn"}


@pytest.mark.parametrize("tag", [":v1.22.4-rc1", ":v1.22.4-dirty", ":v1.22.4-3-g0a1b2c3"])
def test_a_build_that_nobody_released_is_denied_and_all_other_rules_go_on(tag: str) -> None:
    assert levels(said("VER-009", cni(tag))) == {"deny"}
    assert said("VER-001", cni(tag)) == []
    assert levels(said("VER-007", cni(tag))) == {"deny"}
    assert levels(said("VER-004", cni(tag), cni(":v1.20.5"))) == {"deny"}


def test_an_annotation_serves_an_image_given_by_digest() -> None:
    assert said("VER-001", cni(f"@{ONE}", "1.23.1")) == []
    assert said("VER-001", cni(f":latest@{ONE}", "1.23.1")) == []
    assert levels(said("VER-001", cni(f"@{ONE}"))) == {"deny"}
    assert levels(said("VER-001", cni(f"@{ONE}", "soon"))) == {"deny"}
    assert levels(said("VER-001", cni(f":latest@{ONE}"))) == {"deny"}
    assert said("VER-008", cni(f":latest@{ONE}")) == []


def test_what_an_image_by_digest_lacks_is_said_of_a_digest() -> None:
    (found,) = said("VER-001", cni(f"@{ONE}"))
    assert "moving" not in found.problem.effect
    assert "by digest" not in found.problem.remedy
    (found,) = said("VER-001", cni(f"@{ONE}", "latest"))
    assert 'is "latest", not a release such as' in found.message

    def on_the_template(daemonset: Object) -> None:
        daemonset["spec"]["template"]["metadata"]["annotations"] = {SAYS: "1.23.1"}

    (found,) = said("VER-001", changed(cni(f"@{ONE}"), on_the_template))
    assert "not in the pod template" in found.message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (cni(f"@{ONE}", "1.23.1"), cni(f"@{TWO}", "1.23.1"), {"warn"}),
        (cni(f"@{ONE}", "1.23.0"), cni(f"@{TWO}", "1.23.1"), set()),
        (cni(f"@{ONE}", "1.23.1"), cni(f"@{ONE}", "1.23.1"), set()),
        (cni(":v1.23.1", "1.23.1"), cni(f"@{TWO}", "1.23.1"), {"warn"}),
    ],
)
def test_an_annotation_that_outlives_its_digest_is_said(old: Object, new: Object, expected: set[str]) -> None:
    assert levels(said("VER-008", new, old)) == expected
    known = Policy(mode="enforce", versions=Versions(digests={TWO: "1.23.1"}))
    assert said("VER-008", new, old, policy=known) == []


def test_the_remedy_of_a_moving_tag_is_accepted() -> None:
    (found,) = said("VER-001", cni(":latest"))
    assert "give the image by digest" in found.problem.remedy
    known = Policy(mode="enforce", versions=Versions(digests={ONE: "1.23.1"}))
    assert said("VER-001", cni(f"@{ONE}"), policy=known) == []


def twin(image: str, *, name: str = "twin", namespace: str = "team", container: str = "aws-node") -> Object:
    """A DaemonSet that runs an image in the place of aws-node's."""

    def put(daemonset: Object) -> None:
        daemonset["metadata"] |= {"name": name, "namespace": namespace}
        pod(daemonset)["initContainers"] = []
        pod(daemonset)["containers"] = [{"name": container, "image": image}]

    return changed(stock(), put)


OR_DELETE = ", or delete the DaemonSet if it is meant to go"


def told(new: Object, old: Object | None) -> list[Finding]:
    """What is said of an image without a release, and of a missing container aws-node."""
    missing = [one for one in said("POD-001", new, old) if "container aws-node" in one.problem.wrong]
    return [*said("VER-001", new, old), *missing]


@pytest.mark.parametrize("container", ["aws-node", "cni"])
@pytest.mark.parametrize("image", ["registry.corp/pause:latest", "registry.corp/pause:v3", "Not An Image"])
def test_a_daemonset_that_stops_running_the_cni_may_be_deleted(image: str, container: str) -> None:
    """The cluster's own is not deleted without a permit, and what never ran the CNI does not stop."""
    before = twin(f"{CNI}:v1.23.1", container=container)
    (found,) = told(twin(image, container=container), before)
    assert found.level == "deny"
    assert found.problem.remedy.endswith(OR_DELETE)
    gone = evaluated(change_of("DaemonSet", None, before, "DELETE"))
    assert gone.denials == ()
    its_own = {"name": "aws-node", "namespace": "kube-system"}
    (found,) = told(twin(image, container=container, **its_own), twin(f"{CNI}:v1.23.1", **its_own))
    assert OR_DELETE not in found.problem.remedy
    for old in (None, twin("registry.corp/pause:v2", **its_own)):
        for one in told(twin(image, container=container, **its_own), old):
            assert OR_DELETE not in one.problem.remedy
    (found,) = told(twin(f"{CNI}:latest"), before)
    assert OR_DELETE not in found.problem.remedy


def beside(digest: str) -> Object:
    def put(daemonset: Object) -> None:
        for holder in pod(daemonset)["initContainers"] + pod(daemonset)["containers"]:
            holder["image"] += f"@{digest}"

    return changed(stock(), put)


def test_a_tag_beside_a_digest_is_said_of_all_three_containers_in_one_way() -> None:
    found = said("VER-008", beside(ONE))
    assert len(found) == 3
    assert levels(found) == {"warn"}
    assert len({(finding.problem.effect, finding.problem.remedy) for finding in found}) == 1
    assert said("VER-001", beside(ONE)) == []
    known = Policy(mode="enforce", versions=Versions(digests={ONE: "1.23.1"}))
    assert said("VER-008", beside(ONE), policy=known) == []


@pytest.mark.parametrize("role", ["aws-node", *BESIDE])
def test_a_tag_that_names_no_release_is_no_claim(role: str) -> None:
    """No rule about versions uses it."""
    repository = {"aws-node": "amazon-k8s-cni", **BESIDE}[role]
    whole = with_image(cni(f"@{ONE}", "1.23.1"), role, f"{REGISTRY}/{repository}:latest@{ONE}")
    (found,) = said("VER-008", whole)
    assert found.problem.effect == "nodes pull the digest; the tag names no release and does not affect what runs"


def test_the_digest_decides_where_the_policy_maps_it() -> None:
    known = Policy(mode="enforce", versions=Versions(digests={ONE: "1.20.5"}))
    assert levels(said("VER-004", stock("1.23.1"), cni(f":v1.22.4@{ONE}"), policy=known)) == {"deny"}
    assert said("VER-004", stock("1.23.1"), cni(f":v1.22.4@{ONE}")) == []


NEWEST = str(KNOWN.newest)

STEPS = [
    pytest.param(cni(f"@{ONE}", "1.20.5"), cni(f"@{ONE}", "1.21.2"), {"deny"}, id="a-claim-of-one-minor"),
    pytest.param(cni(f"@{ONE}", "1.20.5"), cni(f"@{ONE}", "1.23.1"), {"deny"}, id="a-claim-of-three"),
    pytest.param(cni(f":v1.20.5@{ONE}"), cni(f":v1.21.2@{ONE}"), {"deny"}, id="by-the-tag-beside-the-digest"),
    pytest.param(cni(f":v1.20.5@{ONE}"), cni(f"@{ONE}", "1.21.2"), {"deny"}, id="from-the-tag-to-the-annotation"),
    pytest.param(cni(f"@{ONE}", "1.21.0"), cni(f"@{ONE}", "1.21.2"), set(), id="a-patch"),
    pytest.param(cni(f"@{ONE}", "1.23.1"), cni(f"@{ONE}", "1.21.2"), set(), id="a-correction-downwards"),
    pytest.param(cni(f"@{ONE}"), cni(f"@{ONE}", "1.23.1"), set(), id="said-for-the-first-time"),
    pytest.param(cni(f"@{ONE}", "1.22.4"), cni(f"@{TWO}", "1.23.1"), set(), id="a-step"),
    pytest.param(cni(f"@{ONE}", "1.21.2"), cni(f"@{TWO}", "1.23.1"), {"deny"}, id="a-step-that-skips"),
    pytest.param(cni(f"@{ONE}", "1.21.2"), cni(":v1.23.1"), {"deny"}, id="from-the-old-annotation"),
    pytest.param(cni(f"@{ONE}", "1.22.4"), cni(f"@{ONE}", "1.22.4"), set(), id="nothing"),
    pytest.param(cni(f"@{ONE}", NEWEST), cni(f"@{ONE}", f"{NEWEST}9"), {"deny"}, id="a-claim-that-no-table-knows"),
    pytest.param(cni(":v1.18.6"), cni(":v2.0.0"), {"deny"}, id="past-the-rest-of-a-major"),
    pytest.param(cni(f":v{NEWEST}"), cni(":v2.0.0"), set(), id="to-the-next-major"),
    pytest.param(cni(f":v{NEWEST}"), cni(":v2.1.0"), {"deny"}, id="to-the-next-major-and-past-its-first-minor"),
    pytest.param(cni(":v2.0.0"), cni(":v1.18.6"), set(), id="back-a-major"),
]


@pytest.mark.parametrize(("old", "new", "expected"), STEPS)
def test_steps_are_counted_from_what_was_said_before(old: Object, new: Object, expected: set[str]) -> None:
    assert levels(said("VER-004", new, old)) == expected


@pytest.mark.parametrize("rule_id", ["VER-002", "ROLL-003"])
def test_a_claim_beside_one_digest_is_no_rollback(rule_id: str) -> None:
    """A rollback is only warned about, and another annotation is not one: nodes run what they ran."""

    def set_up(daemonset: Object) -> None:
        main(daemonset)["env"].append({"name": "WARM_IP_TARGET", "value": "5"})

    def reset(daemonset: Object) -> None:
        main(daemonset)["env"] = [{"name": f"OTHER_{n}", "value": "x"} for n in range(9)]

    before = changed(cni(f"@{ONE}", "1.22.4"), set_up)
    assert levels(said(rule_id, changed(cni(f"@{ONE}", "1.22.1"), reset), before)) == {"deny"}
    assert levels(said(rule_id, changed(cni(f"@{TWO}", "1.22.1"), reset), before)) == {"warn"}


BUILDS = [
    pytest.param(":v1.23.1-eksbuild.2", ":v1.23.1-eksbuild.1", "warn", id="an-older-build"),
    pytest.param(":v1.23.1-eksbuild.10", ":v1.23.1-eksbuild.9", "warn", id="by-number"),
    pytest.param(f":v1.23.1-eksbuild.2@{ONE}", f":v1.23.1-eksbuild.1@{TWO}", "warn", id="of-another-digest"),
    pytest.param(":v1.23.0-eksbuild.2", ":v1.23.1-eksbuild.1", "deny", id="of-a-newer-release"),
    pytest.param(":v1.23.1-eksbuild.1", ":v1.23.1-eksbuild.2", "deny", id="a-newer-build"),
    pytest.param(":v1.23.1-eksbuild.2", ":v1.23.1", "deny", id="the-manifest-of-upstream-over-the-add-on"),
    pytest.param(":v1.23.1", ":v1.23.1-eksbuild.1", "deny", id="the-add-on-over-the-manifest-of-upstream"),
    pytest.param(f":v1.23.1-eksbuild.2@{ONE}", f":v1.23.1-eksbuild.1@{ONE}", "deny", id="a-claim-beside-one-digest"),
    pytest.param(f"@{ONE}", ":v1.23.1", "deny", id="the-manifest-of-upstream-over-a-digest"),
    pytest.param(":v1.23.1", f"@{ONE}", "deny", id="a-digest-over-the-manifest-of-upstream"),
]


@pytest.mark.parametrize(("old", "new", "level"), BUILDS)
def test_a_step_down_to_an_older_build_is_a_rollback(old: str, new: str, level: str) -> None:
    """Neither a digest nor a tag without a build is older than another image of the release."""

    def set_up(daemonset: Object) -> None:
        main(daemonset)["env"].append({"name": "WARM_IP_TARGET", "value": "5"})

    before = changed(cni(old, "1.23.1"), set_up)
    assert levels(said("ROLL-003", cni(new, "1.23.1"), before)) == {level}


def test_a_wrong_claim_is_mended_in_the_policy() -> None:
    known = Policy(mode="enforce", versions=Versions(digests={ONE: "1.23.1"}))
    assert said("VER-004", cni(f"@{ONE}", "1.23.1"), cni(f"@{ONE}", "1.20.5"), policy=known) == []
