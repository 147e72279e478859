"""The policy: what it takes, and how it says no."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhook import policy
from webhook import policy as policies
from webhook.policy import PolicyError, load
from webhook.rules import CATALOGUE

FULL = """\
apiVersion: cni-guard.dev/v1alpha1
mode: observe
cluster: {name: prod, region: eu-west-1, kubernetes: "1.33", nodes: 40, scopedByName: true}
versions:
  maxMinorSkip: 2
  allowSkip: true
  floor: 1.16.4
  floors: {"1.34": 1.19.4}
  blocked: [{release: 1.20.3, reason: our load tests, use: 1.20.5}]
  digests:
    sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef: 1.23.1
rollout: {maxUnavailable: 10}
images: {registries: [registry.example.com/eks]}
targets: {profile: small-subnet, largeCluster: 200, podsPerNode: 10}
securityGroups: {enforcingMode: standard}
environment: [{name: OUR_SETTING, container: aws-vpc-cni-init}]
rules: {SNAT-001: deny, ENV-005: "off"}
defaults: {env: {aws-node: {CLUSTER_NAME: prod}}}
exceptions:
  - {rule: IPT-004, resource: DaemonSet kube-system/aws-node, owner: net, reason: migration, until: 2026-12-31}
acknowledge: [ROLL-003, SNAT-001]
onCrash: warn
"""


def read(text: str) -> policy.Policy:
    return load(text, "policy.yaml", CATALOGUE.ids)


def test_reads_everything_that_there_is() -> None:
    read_ = read(FULL)
    assert read_.exceptions[0].until == date(2026, 12, 31)
    assert set(yaml.safe_load(FULL)) == {field.encode_name for field in msgspec.structs.fields(policy.Policy)}
    assert read("mode: enforce") == policy.BUILT_IN
    assert read("mode: enforce\nrules: {SNAT-001: off}\n").rules == {"SNAT-001": "off"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "policy.yaml:1:1: the policy is empty; set at least `mode: observe`"),
        ("# nothing\n", "policy.yaml:1:1: the policy is empty"),
        ("{}", "policy.yaml:1:1: the policy is empty"),
        ("mode: enforce\nmaxMinorSkip: 2\n", "policy.yaml:2:1: unknown key maxMinorSkip"),
        (
            "mode: enforce\nversions:\n  maxMinorSkp: 2\n",
            "policy.yaml:3:3: unknown key versions.maxMinorSkp; did you mean maxMinorSkip?",
        ),
        (
            "mode: enforce\nexceptions:\n- rul: X\n",
            "policy.yaml:3:3: unknown key exceptions[0].rul; did you mean rule?",
        ),
        ("mode: enforce\nfoo: 1\n", "unknown key foo; allowed here: acknowledge, apiVersion, cluster"),
        ("mode: audit\n", 'policy.yaml:1:1: mode is "audit"; use one of enforce, observe'),
        ("mode: enforce\nrules: {IPT-001: Deny}\n", 'rules.IPT-001 is "Deny"; did you mean deny?'),
        (
            "mode: enforce\ncluster: {kubernetes: 1.33}\n",
            "policy.yaml:2:11: cluster.kubernetes is 1.33; quote the value",
        ),
        ("rules: {}\n", "policy.yaml:1:1: mode is missing; set it to one of enforce, observe"),
        ("mode: enforce\nrules: {IPT-999: warn}\n", "there is no rule IPT-999; did you mean IPT-0"),
        ("mode: enforce\nrules:\n  IPT-001: maybe\n", "policy.yaml:3:3: "),
        ("mode: enforce\nversions: {blocked: [{release: v1.2.3, reason: x}]}\n", "policy.yaml:2:"),
        (
            "mode: enforce\nexceptions: [{rule: IPT-001, resource: x, owner: net, reason: z, until: soon}]\n",
            "; write the date as YYYY-MM-DD, such as 2026-12-31",
        ),
        ("mode: enforce\nacknowledge: [ROLL-0003]\n", "policy.yaml:2:"),
        ("mode: enforce\nmode: observe\n", "policy.yaml:2:1: "),
        ("mode: enforce\n---\nmode: observe\n", "policy.yaml:3:1: a second YAML document"),
        ("- mode\n", "policy.yaml:1:"),
        ("mode: [enforce\n", "policy.yaml:"),
        ("mode: enforce\n\tx: 1\n", "indented with a tab"),
    ],
)
def test_refuses_with_file_line_and_the_way_out(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as error:
        read(text)
    assert said in str(error.value)
    assert str(error.value).startswith("policy.yaml:")


def test_the_published_schema_is_fresh_and_takes_what_the_loader_takes() -> None:
    published = json.loads(Path(policy.__file__).parent.with_suffix(".schema.json").read_text())
    assert published == json.loads(json.dumps(policy.schema())), "run `make rules`"
    document: Any = yaml.safe_load(FULL)
    document["exceptions"][0]["until"] = "2026-12-31"
    jsonschema.validate(document, published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"mode": "enforce", "modes": 1}, published)


@given(
    st.text(max_size=60)
    | st.sampled_from(FULL.splitlines()).flatmap(lambda line: st.text(max_size=10).map(line.__add__))
)
def test_any_text_is_a_policy_or_an_error(text: str) -> None:
    try:
        said = ""
        read(text)
    except PolicyError as error:
        said = str(error)
    assert not said or said.startswith("policy.yaml:")


# --- ids of the minor version before ---------------------------------------------------------------------------------

BEFORE = """\
mode: enforce
rules: {B8: off, ENV-006: deny, P1: off, IPT-004: off, IP6-005: warn}
acknowledge: [ROLL-003, VER-001]
exceptions:
  - {rule: ENV-004, resource: DaemonSet kube-system/aws-node, owner: net, reason: moving, until: 2099-01-01}
"""
"""A policy as it was written for the minor version before."""


def test_a_policy_of_the_version_before_counts_for_what_its_rules_became() -> None:
    loaded = policies.read(BEFORE, "policy.yaml", CATALOGUE.ids, CATALOGUE.former)
    policy = loaded.policy
    assert policy.rules == {
        "POD-008": "off",
        "ENV-006": "deny",
        "ENV-013": "deny",
        "ENV-014": "deny",
        "DEF-001": "off",
        "IPT-004": "off",
        "IP6-005": "warn",
    }
    assert set(policy.acknowledge or ()) == {"ROLL-003", "VER-001", "VER-008", "VER-009", "POD-001", "POD-011"}
    assert {one.rule for one in policy.exceptions} == {"ENV-004", "ENV-011", "ENV-012", "SGP-001", "NP-001"}
    assert tuple(map(str, loaded.warnings)) == (
        f"policy.yaml:2:9: B8 counts as POD-008, {NO_LONGER}",
        f"policy.yaml:2:18: ENV-006 also counts as ENV-013, ENV-014, {NO_LONGER}",
        f"policy.yaml:2:33: P1 counts as DEF-001, {NO_LONGER}",
        f"policy.yaml:3:25: VER-001 also counts as VER-008, VER-009, POD-001, POD-011, {NO_LONGER}",
        f"policy.yaml:5:6: ENV-004 also counts as SGP-001, NP-001, ENV-011, ENV-012, {NO_LONGER}",
    )


NO_LONGER = "and no longer does from the next minor version on; name the rules that you mean"


def of_before(text: str) -> policies.Loaded:
    return policies.read(f"mode: enforce\n{text}\n", "policy.yaml", CATALOGUE.ids, CATALOGUE.former)


@pytest.mark.parametrize(
    "text",
    [
        "rules: {ENV-006: warn, ENV-013: warn, ENV-014: off}",
        "acknowledge: [ENV-014, ENV-006, ENV-013]",
        "exceptions:\n"
        + "".join(
            f"- {{rule: {name}, resource: x, owner: net, reason: z, until: 2099-01-01}}\n"
            for name in ("ENV-006", "ENV-013", "ENV-014")
        ),
    ],
)
def test_a_policy_that_names_all_that_a_rule_became_is_up_to_date(text: str) -> None:
    """It is also read as it is written: the same as after the next minor version."""
    loaded = of_before(text)
    assert loaded.warnings == ()
    assert loaded.policy == read(f"mode: enforce\n{text}\n")


def test_only_what_a_policy_does_not_name_is_warned_about() -> None:
    (warning,) = of_before("acknowledge: [ENV-006, ENV-013]").warnings
    assert "ENV-006 also counts as ENV-014, and" in str(warning)
    (warning,) = of_before("rules: {B8: off, POD-008: warn}").warnings
    assert "B8 is gone, and refused from the next minor version on; remove it" in str(warning)


def test_each_rule_is_acknowledged_once() -> None:
    assert of_before("acknowledge: [VER-009, VER-001, VER-002]").policy.acknowledge == (
        "VER-009",
        "VER-001",
        "VER-008",
        "POD-001",
        "POD-011",
        "VER-002",
    )


def test_an_exception_that_the_policy_names_for_a_resource_keeps_its_own_terms() -> None:
    text = "exceptions: [{rule: ENV-006, resource: a, owner: net, reason: z, until: 2099-01-01}, "
    text += "{rule: ENV-013, resource: a, owner: net, reason: z, until: 2026-01-01}, "
    text += "{rule: ENV-006, resource: b, owner: net, reason: z, until: 2098-01-01}]"
    found = [(one.rule, one.resource, one.until.year) for one in of_before(text).policy.exceptions]
    assert found == [
        ("ENV-006", "a", 2099),
        ("ENV-014", "a", 2099),
        ("ENV-013", "a", 2026),
        ("ENV-006", "b", 2098),
        ("ENV-013", "b", 2098),
        ("ENV-014", "b", 2098),
    ]


@pytest.mark.parametrize(
    ("one", "other", "strictest"),
    [("off", "deny", "deny"), ("off", "warn", "warn"), ("warn", "deny", "deny"), ("warn", "warn", "warn")],
)
def test_the_strictest_level_of_two_former_ids_counts(one: str, other: str, strictest: str) -> None:
    """VER-009 was a part of both."""
    for first, second in ((one, other), (other, one)):
        for names in (("VER-001", "VER-002"), ("VER-002", "VER-001")):
            levels = of_before(f"rules: {{{names[0]}: {first}, {names[1]}: {second}}}").policy.rules
            assert levels["VER-009"] == strictest
            assert (levels[names[0]], levels[names[1]], levels["VER-008"]) == (first, second, levels["VER-001"])
            named = of_before(f"rules: {{{names[0]}: {first}, VER-009: off, {names[1]}: {second}}}").policy.rules
            assert named["VER-009"] == "off"


def test_every_former_id_names_rules_that_exist() -> None:
    assert {"B1", "B3", "B8", "P1"} <= CATALOGUE.former.keys()
    assert all(set(new) <= CATALOGUE.ids for new in CATALOGUE.former.values())
    with pytest.raises(PolicyError, match="there is no rule B2"):
        policies.read("mode: enforce\nrules: {B2: off}\n", "policy.yaml", CATALOGUE.ids, CATALOGUE.former)
