"""DELETE of aws-node: refused by name and as a collection, allowed with the permit that the refusal explains."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from tests.controlplane.guarded import DAEMONSETS, THE_AWS_NODE, Guarded
from webhook.cni.stock import stock

DELETE = ("delete", *THE_AWS_NODE)
ALLOW = "cni-guard.dev/allow-delete"
UNPERMITTED = "DEL-001: DaemonSet kube-system/aws-node is deleted without a permit"


@pytest.fixture(autouse=True)
def there(guarded: Guarded) -> None:
    """The official aws-node runs."""
    guarded.store(stock("1.22.4"))


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def permit(guarded: Guarded, until: str) -> None:
    answer = guarded.kubectl("annotate", *THE_AWS_NODE, "--overwrite", f"{ALLOW}={until}")
    assert answer.passed
    assert answer.err == ""


@pytest.mark.parametrize("flags", [(), ("--cascade=orphan",), ("--force", "--grace-period=0")], ids=" ".join)
def test_refused_by_name(guarded: Guarded, flags: tuple[str, ...]) -> None:
    answer = guarded.kubectl(*DELETE, *flags)
    assert answer.denied == [UNPERMITTED]
    assert guarded.exists()


def test_the_refusal_says_what_would_happen_and_the_way_out(guarded: Guarded) -> None:
    answer = guarded.kubectl(*DELETE)
    until = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    expected = (
        'Error from server (Forbidden): admission webhook "aws-node.cni-guard.dev" denied the request: '
        f"{UNPERMITTED}: all nodes lose ipamd: no new pod can start, and new nodes stay NotReady. To replace it, apply "
        "the new version over it. To delete it all the same: "
        f"`kubectl -n kube-system annotate daemonset aws-node --overwrite {ALLOW}=UNTIL`, then "
        "`kubectl -n kube-system delete daemonset aws-node`. "
        "https://docs.aws.amazon.com/eks/latest/best-practices/vpc-cni.html\n"
    )
    assert re.sub(f"(?<={ALLOW}=){until}", "UNTIL", answer.err) == expected


def test_the_two_commands_of_the_refusal_work_word_for_word(guarded: Guarded) -> None:
    refused = guarded.kubectl(*DELETE)
    annotate, delete = re.findall(r"`(kubectl [^`]*)`", refused.err)
    for command in (annotate, delete):
        program, *words = shlex.split(command)
        assert program == "kubectl"
        answer = guarded.kubectl(*words)
        assert answer.passed, answer.err
    assert answer.out.startswith('daemonset.apps "aws-node" deleted')
    (warned,) = answer.warned
    assert warned.startswith(f"DEL-001: aws-node is deleted, permitted by annotation {ALLOW} until ")
    assert not guarded.exists()


@pytest.mark.parametrize(
    ("until", "why"),
    [
        (lambda: in_minutes(-1), "ended at"),
        (lambda: "tomorrow", "is not an RFC 3339 time"),
        (lambda: "true", "is not an RFC 3339 time"),
        (lambda: in_minutes(15).removesuffix("Z"), "is not an RFC 3339 time"),
    ],
    ids=["expired", "malformed", "not-a-time", "no-zone"],
)
def test_refused_with_a_permit_that_does_not_count(guarded: Guarded, until: object, why: str) -> None:
    assert callable(until)
    said = until()
    permit(guarded, said)
    (denied,) = guarded.kubectl(*DELETE).denied
    assert denied.startswith("DEL-001: DaemonSet kube-system/aws-node is deleted, and its permit ")
    assert said in denied
    assert why in denied
    assert guarded.exists()


def test_a_permit_that_lies_too_far_ahead_is_not_stored(guarded: Guarded) -> None:
    """The command of the refusal, carried out word for word, is accepted."""
    late = in_minutes(90)
    refused = guarded.kubectl("annotate", *THE_AWS_NODE, f"{ALLOW}={late}")
    (denied,) = refused.denied
    assert (
        denied == f"DEL-001: annotation {ALLOW} permits the deletion of aws-node until {late}, more than an hour ahead"
    )
    (command,) = re.findall(r"`kubectl ([^`]*)`", refused.err)
    assert guarded.kubectl(*shlex.split(command)).passed
    assert guarded.kubectl(*DELETE).passed


def test_a_permit_that_a_writer_of_the_status_wrote_does_not_count(guarded: Guarded) -> None:
    patch = json.dumps({"metadata": {"annotations": {ALLOW: in_minutes(15)}}})
    written = guarded.kubectl("patch", *THE_AWS_NODE, "--subresource=status", "--type=merge", f"--patch={patch}")
    assert written.passed, written.err
    (denied,) = guarded.kubectl(*DELETE).denied
    assert "was written through the status of the object" in denied
    permit(guarded, in_minutes(20))
    assert guarded.kubectl(*DELETE).passed


def test_refused_as_part_of_a_collection(guarded: Guarded) -> None:
    answer = guarded.kubectl("delete", "--raw", DAEMONSETS)
    assert answer.denied == [UNPERMITTED]
    assert guarded.exists()


def test_refused_as_one_of_all(guarded: Guarded) -> None:
    answer = guarded.kubectl("delete", "daemonset", "--all", "--namespace=kube-system")
    assert answer.denied == [UNPERMITTED]
    assert guarded.exists()


def test_a_permitted_one_goes_with_its_collection(guarded: Guarded) -> None:
    permit(guarded, in_minutes(15))
    answer = guarded.kubectl("delete", "--raw", DAEMONSETS)
    assert answer.passed, answer.err
    guarded.cluster.wait_for(lambda: not guarded.exists(), "aws-node to be gone")


def test_a_permit_in_another_time_zone(guarded: Guarded) -> None:
    until = datetime.now(UTC).astimezone(tz=None) + timedelta(minutes=15)
    permit(guarded, until.isoformat(timespec="seconds"))
    assert guarded.kubectl(*DELETE).passed


def test_the_api_server_s_own_controllers_finish_what_was_allowed(guarded: Guarded) -> None:
    cleaner = "system:serviceaccount:kube-system:namespace-controller"
    answer = guarded.kubectl(*DELETE, user=cleaner, groups=["system:masters"])
    assert answer.passed
    assert answer.err == ""
