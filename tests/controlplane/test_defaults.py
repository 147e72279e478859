"""Approved defaults: filled in where a request leaves them out, seen in what the API server stores."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.controlplane.guarded import LAST_APPLIED, THE_AWS_NODE, Guarded, Object, container, env
from webhook.catalogue.examples import DaemonSet
from webhook.cni.stock import stock

MINIMUM = DaemonSet(release="1.22.4", env={"MINIMUM_IP_TARGET": "5"}).build


def probes(stored: Object) -> Any:
    return container(stored)["livenessProbe"]["exec"]["command"], container(stored)["readinessProbe"]["exec"]["command"]


FILLED: tuple[tuple[str, DaemonSet, Callable[[Object], Any], Any, list[str]], ...] = (
    (
        "T1",
        DaemonSet(env={"MINIMUM_IP_TARGET": "5"}),
        lambda stored: env(stored)["WARM_IP_TARGET"],
        "2",
        [
            "IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET",
        ],
    ),
    (
        "T3",
        DaemonSet(env={"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": None}),
        lambda stored: env(stored)["WARM_PREFIX_TARGET"],
        "1",
        [
            (
                "PFX-001: ENABLE_PREFIX_DELEGATION is on, but WARM_PREFIX_TARGET, WARM_IP_TARGET and "
                "MINIMUM_IP_TARGET are all zero, unset or written with a sign"
            )
        ],
    ),
    (
        "B1",
        DaemonSet(env={"ENABLE_IPv4": None, "ENABLE_IPv6": None}),
        lambda stored: (env(stored)["ENABLE_IPv4"], env(stored)["ENABLE_IPv6"]),
        ("true", "false"),
        [
            "IP6-001: ENABLE_IPv4 and ENABLE_IPv6 are both absent",
        ],
    ),
    (
        "B3",
        DaemonSet(env={"MY_NODE_NAME": None}),
        lambda stored: next(entry for entry in container(stored)["env"] if entry["name"] == "MY_NODE_NAME"),
        {"name": "MY_NODE_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}},
        [
            "POD-007: MY_NODE_NAME is absent in container aws-node",
        ],
    ),
    (
        "I1",
        DaemonSet(
            env={"ENABLE_IMDS_ONLY_MODE": "true", "ENABLE_SUBNET_DISCOVERY": None},
            annotations={"cni-guard.dev/pre-provisioned": "true"},
        ),
        lambda stored: env(stored)["ENABLE_SUBNET_DISCOVERY"],
        "false",
        [
            "ENV-008: ENABLE_IMDS_ONLY_MODE=true with ENABLE_SUBNET_DISCOVERY=unset",
        ],
    ),
    (
        "B8",
        DaemonSet(without=("livenessProbe", "readinessProbe")),
        probes,
        probes(stock("1.23.1")),
        [
            "POD-008: container aws-node has no livenessProbe",
            "POD-008: container aws-node has no readinessProbe",
        ],
    ),
)


@pytest.mark.parametrize(
    ("manifest", "read", "value", "warned"), [row[1:] for row in FILLED], ids=[row[0] for row in FILLED]
)
def test_filled_into_what_is_stored_and_a_second_apply_changes_nothing(
    guarded: Guarded, manifest: DaemonSet, read: Callable[[Object], Any], value: Any, warned: list[str]
) -> None:
    guarded.remove()
    first = guarded.apply(manifest.build())
    assert first.passed, first.err
    assert first.warned == warned
    assert first.err.count(": set it in your manifest too.") == len(warned)
    stored = guarded.aws_node
    assert read(stored) == value

    second = guarded.apply(manifest.build())
    # kubectl sends the order of the list, and says "configured" of whatever it sends.
    said = "unchanged" if read is probes else "configured"
    assert second.out == f"daemonset.apps/aws-node {said}\n"
    assert second.err == ""
    assert guarded.aws_node["metadata"]["generation"] == stored["metadata"]["generation"]
    assert guarded.aws_node["spec"] == stored["spec"]


def test_a_later_change_of_the_manifest_keeps_it(guarded: Guarded) -> None:
    guarded.remove()
    assert guarded.apply(MINIMUM()).passed
    changed = MINIMUM()
    changed["metadata"]["labels"]["team"] = "net"
    answer = guarded.apply(changed)
    assert answer.out == "daemonset.apps/aws-node configured\n"
    assert answer.warned == []
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "2"
    assert guarded.aws_node["metadata"]["generation"] == 1


def test_it_stays_when_its_cause_goes(guarded: Guarded) -> None:
    guarded.store(stock("1.22.4"))
    assert guarded.set_env("MINIMUM_IP_TARGET=5").passed
    answer = guarded.set_env("MINIMUM_IP_TARGET-")
    assert answer.passed
    assert "MINIMUM_IP_TARGET" not in env(guarded.aws_node)
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "2"


@pytest.mark.parametrize("written", ["0", ""])
def test_nothing_that_somebody_wrote_is_replaced(guarded: Guarded, written: str) -> None:
    stored = guarded.store(stock("1.22.4"))
    answer = guarded.set_env("MINIMUM_IP_TARGET=5", f"WARM_IP_TARGET={written}")
    assert answer.denied == ["IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET"]
    assert guarded.aws_node["spec"] == stored["spec"]


def test_server_side_apply_by_another_manager_does_not_conflict(guarded: Guarded) -> None:
    guarded.remove()
    mine = ("--server-side", "--field-manager=argocd")
    assert guarded.apply(MINIMUM(), *mine).passed
    generation = guarded.aws_node["metadata"]["generation"]
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "2"
    assert managers_of("WARM_IP_TARGET", guarded.aws_node) == set()

    again = guarded.apply(MINIMUM(), *mine)
    assert again.passed, again.err
    assert again.warned == []
    assert guarded.aws_node["metadata"]["generation"] == generation

    theirs = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "aws-node", "namespace": "kube-system"},
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "aws-node", "env": [{"name": "WARM_IP_TARGET", "value": "3"}]}]}
            }
        },
    }
    taken = guarded.apply(theirs, "--server-side", "--field-manager=tuner")
    assert taken.passed, taken.err
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "3"
    assert managers_of("WARM_IP_TARGET", guarded.aws_node) == {"tuner"}
    assert guarded.apply(MINIMUM(), *mine).passed
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "3"


def test_client_side_and_server_side_apply_do_not_fight_over_it(guarded: Guarded) -> None:
    guarded.remove()
    assert guarded.apply(MINIMUM()).passed
    generation = guarded.aws_node["metadata"]["generation"]
    other = guarded.apply(MINIMUM(), "--server-side", "--field-manager=argocd")
    assert other.passed, other.err
    assert guarded.apply(MINIMUM()).passed
    assert guarded.aws_node["metadata"]["generation"] == generation
    assert env(guarded.aws_node)["WARM_IP_TARGET"] == "2"


def managers_of(variable: str, stored: Object) -> set[str]:
    """Who owns the value of a variable of container aws-node."""
    listed = (
        (entry["manager"], entry["fieldsV1"].get("f:spec", {}))
        for entry in json.loads(json.dumps(stored["metadata"]["managedFields"]))
    )
    return {manager for manager, fields in listed if f'k:{{\\"name\\":\\"{variable}\\"}}' in json.dumps(fields)}


@pytest.mark.parametrize(
    "words",
    [
        ("rollout", "restart"),
        ("label", "--overwrite", "team=net"),
        ("annotate", "--overwrite", "team=net"),
        ("set", "resources", "--requests=cpu=30m"),
    ],
    ids=lambda words: words[0] if len(words) < 3 else " ".join(words[:2]),
)
def test_nothing_is_filled_in_where_the_cause_was_there_before(guarded: Guarded, words: tuple[str, ...]) -> None:
    guarded.store(MINIMUM())
    verb, flags = (words[:2], words[2:]) if words[0] in {"rollout", "set"} else (words[:1], words[1:])
    answer = guarded.kubectl(*verb, *THE_AWS_NODE, *flags)
    assert answer.passed, answer.err
    about_requests = ["ROLL-006: aws-node requests 60m of cpu instead of 50m"] if "resources" in words else []
    assert answer.warned == [*about_requests, "IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET"]
    assert "WARM_IP_TARGET" not in env(guarded.aws_node)


def test_what_kubectl_noted_as_applied_is_the_author_s_own(guarded: Guarded) -> None:
    guarded.remove()
    assert guarded.apply(MINIMUM()).passed
    noted = json.loads(guarded.aws_node["metadata"]["annotations"][LAST_APPLIED])
    assert "WARM_IP_TARGET" not in env(noted)
