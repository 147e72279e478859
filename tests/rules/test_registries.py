"""Which folders of the host a container mounts is read as far as the limit; what lies beyond counts as harmful."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from tests.changes import evaluated
from webhook.catalogue.examples import DaemonSet, Example
from webhook.cni.identity import change_of
from webhook.cni.limits import CONTAINER_LISTS, POD_LISTS
from webhook.model import Finding, Json

IMAGE = "docker.io/example/helper:1"
LISTS = {"volumes": POD_LISTS["volumes"], "volumeMounts": CONTAINER_LISTS["volumeMounts"]}
MOUNTS: list[Json] = [{"name": "cni-bin-dir", "mountPath": "/bin"}]


def made(more: Mapping[str, int], mounts: list[Json] = MOUNTS, image: str = IMAGE) -> dict[str, Any]:
    """An aws-node with a sidecar and its mounts, behind so many more entries of these lists."""
    fields = {"volumeMounts": [*mounts]}
    daemonset: dict[str, Any] = deepcopy(Example(DaemonSet(sidecar=image, sidecar_fields=fields)).change().object)
    pod = daemonset["spec"]["template"]["spec"]
    holders: dict[str, Json] = {"volumes": pod, "volumeMounts": pod["containers"][-1]}
    for name, count in more.items():
        entries = [{"name": f"more-{number}", "emptyDir": {}} for number in range(count)]
        holders[name][name] = entries + holders[name][name]
    return daemonset


def asked(new: dict[str, Any], old: dict[str, Any] | None = None) -> list[Finding]:
    change = change_of("DaemonSet", new, old, "UPDATE" if old else "CREATE")
    return list(evaluated(change).findings)


def denied(found: list[Finding]) -> str:
    """What IMG-003 denies."""
    return "; ".join(one.problem.wrong for one in found if one.rule == "IMG-003" and one.enforced == "deny")


@pytest.mark.parametrize("name", LISTS)
def test_what_lies_beyond_a_limit_counts_as_the_host_s(name: str) -> None:
    assert "mounts the host's /opt/cni/bin" in denied(asked(made({name: LISTS[name] - 50})))
    found = asked(made({name: LISTS[name]}))
    assert f"beyond the {LISTS[name]} that are read" in denied(found)
    assert any(one.rule == "POD-013" and one.enforced == "deny" for one in found)


def test_a_list_that_was_too_long_before_hides_nothing_new() -> None:
    more = {"volumes": LISTS["volumes"]}
    assert f"beyond the {LISTS['volumes']} that are read" in denied(asked(made(more), made(more, [])))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_was_too_long_before_may_get_shorter(name: str) -> None:
    old = made({name: LISTS[name] + 50})
    for more in (0, 1, 49, 50):
        assert {one.enforced for one in asked(made({name: LISTS[name] + more}), old)} == {"warn"}


def test_what_is_read_or_of_an_allowed_image_is_not_told() -> None:
    mounted = [{"name": "more-0", "mountPath": "/x"}]
    more = {"volumes": LISTS["volumes"]}
    assert not denied(asked(made(more, mounted)))
    assert not denied(asked(made(LISTS, image="602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/pause:3.10")))
