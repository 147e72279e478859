"""Which folders of the host a container mounts is read no further than a list can be long, and never silently."""

import pytest

from tests.changes import NOW
from webhook.cni.limits import CONTAINER_LISTS, POD_LISTS
from webhook.judge import judge
from webhook.model import NOTHING_KNOWN, Json, Verdict
from webhook.policy import BUILT_IN
from webhook.rules import CATALOGUE
from webhook.rules.examples import DaemonSet, Example

IMAGE = "docker.io/example/helper:1"
LISTS = {"volumes": POD_LISTS["volumes"], "volumeMounts": CONTAINER_LISTS["volumeMounts"]}


def asked(*, image: str, **more: int) -> Verdict:
    """What is said of a sidecar that mounts a folder of the host, behind so many more entries of these lists."""
    mounts = [{"name": "cni-bin-dir", "mountPath": "/bin"}]
    resource = Example(DaemonSet(sidecar=image, sidecar_fields={"volumeMounts": mounts})).resource()
    pod = resource.object["spec"]["template"]["spec"]
    holders: dict[str, Json] = {"volumes": pod, "volumeMounts": pod["containers"][-1]}
    for name, count in more.items():
        entries = [{"name": f"more-{number}", "emptyDir": {}} for number in range(count)]
        holders[name][name] = entries + holders[name][name]
    return judge(resource, BUILT_IN, NOTHING_KNOWN, CATALOGUE, NOW)


def levels(verdict: Verdict) -> set[str]:
    return {finding.level for finding in verdict.findings if finding.rule == "IMG-003"}


def skipped(verdict: Verdict) -> list[str]:
    return [one.reason for one in verdict.skipped if one.rule == "IMG-003"]


@pytest.mark.parametrize("name", LISTS)
def test_what_stands_behind_a_limit_is_not_read_and_said_so(name: str) -> None:
    short = asked(image=IMAGE, **{name: LISTS[name] - 50})
    assert levels(short) == {"deny"}
    assert skipped(short) == []
    long = asked(image=IMAGE, **{name: LISTS[name]})
    assert levels(long) == {"warn"}
    assert [reason.startswith(f"too long to be read: {name}") for reason in skipped(long)] == [True]
    assert any(finding.rule == "POD-013" and finding.level == "deny" for finding in long.findings)


def test_nothing_is_skipped_where_the_image_is_fine() -> None:
    fine = "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/pause:3.10"
    assert skipped(asked(image=fine, **LISTS)) == []
