"""Approved defaults: what is filled in, and what never is."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.changes import NOW, guard
from webhook.catalogue.examples import DaemonSet, Example, container
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.cni.variables import by_name
from webhook.engine.defaults import EKS_MANAGER, Addition, Completed, PatchError, _apply, _prove, add_defaults, pointer
from webhook.engine.evaluation import Basis, Evaluation
from webhook.engine.pipeline import complete, validate
from webhook.facts import NOTHING_KNOWN
from webhook.model import ADDON_MANAGER, Edit, User, at
from webhook.policy import Defaults, Policy
from webhook.rules import CATALOGUE


def says(example: Example, policy: Policy | None = None) -> list[str]:
    done = complete(example.change(), guard(policy) if policy else guard(), NOW)
    return [edit.says for edit in done.edits]


MINIMUM = DaemonSet(env={"MINIMUM_IP_TARGET": "5"})


@pytest.mark.parametrize(
    ("example", "filled"),
    [
        (Example(MINIMUM), ["aws-node env WARM_IP_TARGET=2"]),
        (Example(MINIMUM, before=DaemonSet()), ["aws-node env WARM_IP_TARGET=2"]),
        (Example(DaemonSet(env={"MINIMUM_IP_TARGET": "5", "WARM_IP_TARGET": "0"})), []),
        (Example(DaemonSet(env={"MINIMUM_IP_TARGET": "5", "WARM_IP_TARGET": ""})), []),
        (Example(DaemonSet(env={"MINIMUM_IP_TARGET": "5", "WARM_IP_TARGET": "x"})), []),
        (
            Example(DaemonSet(env={"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": None})),
            ["aws-node env WARM_PREFIX_TARGET=1"],
        ),
        (Example(DaemonSet(env={"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "0"})), []),
        (
            Example(DaemonSet(env={"ENABLE_IPv4": None, "ENABLE_IPv6": None})),
            ["aws-node env ENABLE_IPv4=true", "aws-node env ENABLE_IPv6=false"],
        ),
        (Example(DaemonSet(env={"ENABLE_IPv4": None, "ENABLE_IPv6": None}, init_env={"ENABLE_IPv6": "true"})), []),
        (Example(DaemonSet(env={"ENABLE_IPv4": None, "ENABLE_IPv6": None}, arguments=("--enable-ipv6=true",))), []),
        (Example(DaemonSet(env={"ENABLE_IPv4": None})), []),
        (
            Example(DaemonSet(env={"MY_NODE_NAME": None, "MY_POD_NAME": None})),
            ["aws-node env MY_NODE_NAME from spec.nodeName", "aws-node env MY_POD_NAME from metadata.name"],
        ),
        (Example(DaemonSet(without=("livenessProbe",))), ["aws-node livenessProbe of the official manifest"]),
        (
            Example(
                DaemonSet(
                    env={"ENABLE_IMDS_ONLY_MODE": "true", "ENABLE_SUBNET_DISCOVERY": None},
                    annotations={"cni-guard.dev/pre-provisioned": "true"},
                )
            ),
            ["aws-node env ENABLE_SUBNET_DISCOVERY=false"],
        ),
    ],
)
def test_fills_in_what_is_absent(example: Example, filled: list[str]) -> None:
    assert says(example) == filled


@pytest.mark.parametrize(
    "example",
    [
        Example(DaemonSet(env=MINIMUM.env, annotations={"a": "b"}), before=MINIMUM),
        Example(MINIMUM, user=User(ADDON_MANAGER)),
        Example(None, before=MINIMUM),
        Example(DaemonSet()),
    ],
    ids=["not of this request", "the add-on's manager", "a deletion", "nothing is missing"],
)
def test_fills_nothing_in(example: Example) -> None:
    assert says(example) == []


def test_mode_observe_changes_nothing() -> None:
    assert says(Example(MINIMUM), Policy(mode="observe")) == []


def test_a_silenced_rule_fills_nothing_in() -> None:
    assert says(Example(MINIMUM), Policy(mode="enforce", rules={"IPT-001": "off"})) == []


def test_what_a_rule_would_refuse_is_not_filled_in() -> None:
    """WARM_ENI_TARGET beside a minimum is refused anyway; the filled-in target must not be what refuses it."""
    policy = Policy(mode="enforce", rules={"IPT-001": "warn"})
    example = Example(DaemonSet(env={"MINIMUM_IP_TARGET": "5", "WARM_ENI_TARGET": "3"}))
    done = complete(example.change(), guard(policy), NOW)
    before = {f.rule for f in validate(example.change(), guard(policy), NOW).findings if f.level == "deny"}
    assert {f.rule for f in validate(done.change, guard(policy), NOW).findings if f.level == "deny"} <= before


@pytest.mark.parametrize("env", [None, []])
def test_a_missing_list_is_made(env: Any) -> None:
    bare = stock()
    main = container(bare, "aws-node")
    main["env"] = env
    done = complete(change_of("DaemonSet", bare), guard(), NOW)
    names = [entry["name"] for entry in container(done.change.object, "aws-node")["env"]]
    assert sorted(names) == ["ENABLE_IPv4", "ENABLE_IPv6", "MY_NODE_NAME", "MY_POD_NAME"]
    assert main["env"] == env


def managed(fields: dict[str, Any]) -> dict[str, Any]:
    daemonset = MINIMUM.build()
    template = {"f:spec": {"f:containers": {'k:{"name":"aws-node"}': fields}}}
    entry = {"manager": EKS_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": template}}}
    daemonset["metadata"]["managedFields"] = [entry]
    return daemonset


def test_a_field_of_the_add_on_is_left_to_it() -> None:
    owned = managed({"f:env": {'k:{"name":"WARM_IP_TARGET"}': {".": {}}}})
    assert complete(change_of("DaemonSet", owned), guard(), NOW).patch == ()
    assert (
        complete(
            change_of("DaemonSet", MINIMUM.build(), owned | {"spec": stock()["spec"]}, "UPDATE"), guard(), NOW
        ).patch
        == ()
    )
    other = managed({"f:env": {'k:{"name":"WARM_ENI_TARGET"}': {".": {}}}})
    assert len(complete(change_of("DaemonSet", other), guard(), NOW).patch) == 1


def test_a_patch_is_proved_before_it_is_sent() -> None:
    change = change_of("DaemonSet", {"a": 1})
    edit = Edit((), "b", 2, "b")
    with pytest.raises(PatchError):
        _prove(change, Completed(change, (Addition("/b", 2),), (), (edit,)))
    with pytest.raises(PatchError):
        _prove(change, Completed(change, (Addition("/x/y", 2),), (), (edit,)))


def test_a_pointer_escapes() -> None:
    assert pointer(("a/b", "c~d", 0, "-")) == "/a~1b/c~0d/0/-"


_NAMES = sorted(name for name, row in by_name("aws-node").items() if row.parser in {"bool", "target"})
_VALUES = st.none() | st.sampled_from(["0", "1", "2", "5", "true", "false", "", "x", "+3"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=6), st.sampled_from([(), ("livenessProbe",)]))
def test_filling_in_settles_replaces_nothing_and_brings_no_denial(
    env: dict[str, str | None], without: tuple[str, ...]
) -> None:
    change = Example(DaemonSet(env=env, without=without)).change()
    kept = deepcopy(change.object)
    done = complete(change, guard(), NOW)
    assert change.object == kept
    assert complete(done.change, guard(), NOW).patch == ()
    wrote = {entry["name"]: entry for entry in at(kept, *POD_SPEC, "containers", 0, "env")}
    now = {entry["name"]: entry for entry in at(done.change.object, *POD_SPEC, "containers", 0, "env")}
    assert now | wrote == now
    refused = {f.rule for f in validate(change, guard(), NOW).findings if f.level == "deny"}
    assert {f.rule for f in validate(done.change, guard(), NOW).findings if f.level == "deny"} <= refused
    json.dumps(done.json_patch)


# --- what runs again -------------------------------------------------------------------------------------------------

_ENTRIES = st.sampled_from(["1", "0", "5", "true", "false", "x", "", None])
_SETTINGS = st.dictionaries(
    st.sampled_from(
        [
            "WARM_IP_TARGET",
            "MINIMUM_IP_TARGET",
            "WARM_ENI_TARGET",
            "WARM_PREFIX_TARGET",
            "ENABLE_PREFIX_DELEGATION",
            "ENABLE_IPv4",
            "ENABLE_IPv6",
            "MY_NODE_NAME",
            "MY_POD_NAME",
            "ENABLE_IMDS_ONLY_MODE",
            "ENABLE_SUBNET_DISCOVERY",
            "CLUSTER_NAME",
            "VPC_CNI_VERSION",
            "ENABLE_POD_ENI",
            "POD_MTU",
        ]
    ),
    _ENTRIES,
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(
    now=_SETTINGS,
    before=st.none() | _SETTINGS,
    wanted=st.dictionaries(
        st.sampled_from(["WARM_ENI_TARGET", "CLUSTER_NAME", "VPC_CNI_VERSION", "POD_MTU", "WARM_IP_TARGET"]),
        st.sampled_from(["1", "3", "9001", "x"]),
    ),
    without=st.sets(st.sampled_from(["livenessProbe", "readinessProbe"])),
    release=st.sampled_from(["1.23.1", "1.22.4", "1.12.6"]),
)
def test_what_runs_again_answers_as_a_whole_evaluation_would(
    now: dict[str, str | None],
    before: dict[str, str | None] | None,
    wanted: dict[str, str],
    without: set[str],
    release: str,
) -> None:
    policy = Policy(mode="enforce", defaults=Defaults(env={"aws-node": wanted}))
    example = Example(
        DaemonSet(release=release, env=now, without=tuple(sorted(without))),
        before=None if before is None else DaemonSet(env=before),
    )
    basis = Basis(policy, NOTHING_KNOWN, CATALOGUE, NOW)
    evaluation = Evaluation(example.change(), basis)
    for finding in evaluation.verdict.findings:
        changed = _apply(Completed(example.change()), finding.problem.fixes)
        assert evaluation.again(changed.change, changed.edits) == Evaluation(changed.change, basis).verdict
    filled = add_defaults(evaluation)
    assert evaluation.again(filled.change, filled.edits) == Evaluation(filled.change, basis).verdict


def test_a_default_that_a_rule_refuses_does_not_keep_the_others_out() -> None:
    policy = Policy(mode="enforce", defaults=Defaults(env={"aws-node": {"POD_MTU": "1", "CLUSTER_NAME": "prod"}}))
    assert says(Example(DaemonSet()), policy) == ["aws-node env CLUSTER_NAME=prod"]
