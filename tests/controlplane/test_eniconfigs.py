"""ENIConfigs: created badly, edited badly, misspelled, deleted."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.guarded import ENICONFIGS, Guarded, Object

SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
NAME = "us-west-2a"


def eniconfig(**spec: Any) -> Object:
    return {
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": NAME},
        "spec": {"subnet": SUBNET, "securityGroups": [GROUP]} | spec,
    }


@pytest.fixture(autouse=True)
def cleared(guarded: Guarded) -> Iterator[None]:
    """No ENIConfig is there before and after."""
    guarded.past_the_guard("DELETE", ENICONFIGS)
    yield
    guarded.past_the_guard("DELETE", ENICONFIGS)


def stored(guarded: Guarded) -> Object | None:
    reply = guarded.request("GET", f"{ENICONFIGS}/{NAME}")
    found: Object | None = reply.body["spec"] if reply.answer.passed else None
    return found


def put_past_the_guard(guarded: Guarded, manifest: Object) -> None:
    assert guarded.past_the_guard("POST", ENICONFIGS, manifest).answer.passed


def test_a_good_one_is_created_edited_and_deleted(guarded: Guarded) -> None:
    created = guarded.apply(eniconfig())
    assert created.out == f"eniconfig.crd.k8s.amazonaws.com/{NAME} created\n"
    assert created.err == ""
    edited = guarded.apply(eniconfig(subnet="subnet-01234567"))
    assert edited.passed
    assert edited.warned == []
    assert edited.denied == []
    assert stored(guarded) == {"subnet": "subnet-01234567", "securityGroups": [GROUP]}
    assert guarded.kubectl("delete", "eniconfig", NAME).passed
    assert stored(guarded) is None


BAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("no-id", {"subnet": "subnet-123"}, f'ENIC-001: spec.subnet of ENIConfig {NAME} is "subnet-123", not a subnet ID'),
    ("empty", {"subnet": ""}, f'ENIC-001: spec.subnet of ENIConfig {NAME} is "", not a subnet ID'),
    (
        "a-name",
        {"securityGroups": [GROUP, "web"]},
        f'ENIC-002: "web" in ENIConfig {NAME} is not a security group ID',
    ),
    ("twice", {"securityGroups": [GROUP, GROUP]}, f"ENIC-002: {GROUP} is listed twice in ENIConfig {NAME}"),
)


@pytest.mark.parametrize(("spec", "denied"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_created_badly(guarded: Guarded, spec: dict[str, Any], denied: str) -> None:
    answer = guarded.apply(eniconfig(**spec))
    assert not answer.passed
    assert answer.denied == [denied]
    assert 'admission webhook "eniconfig.cni-guard.dev" denied the request: ' in answer.err
    assert stored(guarded) is None


@pytest.mark.parametrize(("spec", "denied"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_edited_badly(guarded: Guarded, spec: dict[str, Any], denied: str) -> None:
    assert guarded.apply(eniconfig()).passed
    assert guarded.apply(eniconfig(**spec)).denied == [denied]
    assert stored(guarded) == eniconfig()["spec"]


def test_kubectl_edit(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guarded.apply(eniconfig()).passed
    # At the second opening, which shows the refusal, nothing is left to change, and kubectl gives up.
    monkeypatch.setenv("KUBE_EDITOR", f"sed -i '/^[^#]/s/{SUBNET}/subnet-none/'")
    answer = guarded.kubectl("edit", "eniconfig", NAME)
    assert not answer.passed
    assert f'ENIC-001: spec.subnet of ENIConfig {NAME} is "subnet-none", not a subnet ID' in answer.err
    assert stored(guarded) == eniconfig()["spec"]


def test_without_security_groups_is_a_warning(guarded: Guarded) -> None:
    answer = guarded.apply(eniconfig(securityGroups=[]))
    assert answer.passed
    assert answer.warned == [f"ENIC-002: ENIConfig {NAME} has no securityGroups"]


def test_a_misspelled_key_is_refused_by_the_api_server(guarded: Guarded) -> None:
    misspelled = eniconfig()
    misspelled["spec"]["securityGroup"] = misspelled["spec"].pop("securityGroups")
    answer = guarded.apply(misspelled)
    assert not answer.passed
    assert 'strict decoding error: unknown field "spec.securityGroup"' in answer.err


def test_a_misspelled_key_that_the_api_server_drops(guarded: Guarded) -> None:
    """Without kubectl's strict validation the key never reaches the guard, which sees it in what kubectl noted."""
    misspelled = eniconfig()
    misspelled["spec"]["securityGroup"] = misspelled["spec"].pop("securityGroups")
    answer = guarded.apply(misspelled, "--validate=ignore")
    assert answer.passed
    assert stored(guarded) == {"subnet": SUBNET}
    assert set(answer.warned) == {
        "ENIC-003: an ENIConfig has no field spec.securityGroup (did you mean securityGroups?)",
        f"ENIC-002: ENIConfig {NAME} has no securityGroups",
    }


def test_a_field_beside_the_spec_is_refused(guarded: Guarded) -> None:
    """The API server would store it, strict or not, and the CNI does not read it."""
    beside = eniconfig()
    beside["securityGroups"] = beside["spec"].pop("securityGroups")
    assert guarded.apply(beside).denied == [f"ENIC-003: ENIConfig {NAME} has securityGroups beside spec"]
    put_past_the_guard(guarded, beside)
    assert guarded.request("GET", f"{ENICONFIGS}/{NAME}").body["securityGroups"] == [GROUP]
    assert guarded.kubectl("label", "eniconfig", NAME, "team=net").passed
    assert guarded.apply(eniconfig()).passed


@pytest.mark.parametrize("flags", [(), ("--validate=ignore",)], ids=["strict", "lax"])
def test_a_spec_that_is_a_string(guarded: Guarded, flags: tuple[str, ...]) -> None:
    answer = guarded.apply(eniconfig() | {"spec": SUBNET}, *flags)
    assert not answer.passed
    assert 'spec: Invalid value: "string": spec in body must be of type object: "string"' in answer.err
    assert stored(guarded) is None


def test_a_bad_one_from_before_is_no_obstacle(guarded: Guarded) -> None:
    put_past_the_guard(guarded, eniconfig(subnet="none"))
    wrong = f'ENIC-001: spec.subnet of ENIConfig {NAME} is "none", not a subnet ID'
    labelled = guarded.kubectl("label", "eniconfig", NAME, "team=net")
    assert labelled.passed
    assert labelled.warned == [wrong]
    unrelated = guarded.kubectl(
        "patch", "eniconfig", NAME, "--type=merge", '-p={"spec":{"securityGroups":["sg-01234567"]}}'
    )
    assert unrelated.passed
    assert unrelated.warned == [wrong]
    touched = guarded.kubectl("patch", "eniconfig", NAME, "--type=merge", '-p={"spec":{"subnet":"nowhere"}}')
    assert touched.denied == [f'ENIC-001: spec.subnet of ENIConfig {NAME} is "nowhere", not a subnet ID']
    mended = guarded.kubectl("patch", "eniconfig", NAME, "--type=merge", f'-p={{"spec":{{"subnet":"{SUBNET}"}}}}')
    assert mended.passed
    assert mended.warned == []


def test_a_bad_one_is_deleted(guarded: Guarded) -> None:
    put_past_the_guard(guarded, eniconfig(subnet="none"))
    answer = guarded.kubectl("delete", "eniconfig", NAME)
    assert answer.passed
    assert answer.warned == [f"ENIC-005: ENIConfig {NAME} is deleted, and whether nodes use it is not known"]


def test_all_are_deleted_at_once(guarded: Guarded) -> None:
    put_past_the_guard(guarded, eniconfig())
    assert guarded.kubectl("delete", "--raw", ENICONFIGS).passed
    assert stored(guarded) is None


def test_a_dry_run_stores_nothing(guarded: Guarded) -> None:
    assert guarded.apply(eniconfig(), "--dry-run=server").passed
    assert stored(guarded) is None
    assert guarded.apply(eniconfig(subnet="none"), "--dry-run=server").denied
