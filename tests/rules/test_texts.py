"""What messages say of absent values, and of names and values whose blanks or unprintable characters matter."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.changes import evaluated
from webhook.catalogue.examples import DaemonSet, ENIConfig, Example, container, set_env
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.cni.tables import CONTAINERS, KNOWN
from webhook.model import Json, Source, at
from webhook.policy import Cluster, Policy
from webhook.rules import CATALOGUE

POLICY = Policy(mode="enforce", cluster=Cluster(scoped_by_name=True))
Object = dict[str, Any]


def messages(new: Json, old: Json = None, *, in_file: bool = False) -> list[str]:
    source = Source("x.yaml") if in_file else None
    change = change_of(new["kind"], new, old, "UPDATE" if old else "CREATE", source=source)
    verdict = evaluated(change, POLICY)
    assert not verdict.errors
    return [finding.message for finding in verdict.findings]


def with_env(holder: str, name: str, value: str | None, release: str = "1.23.1") -> Object:
    whole = stock(release)
    set_env(container(whole, holder), {name: value})
    return whole


VALUES = (None, "", "true", "0", "1", "-5", "9002", "x", "stdout", "10.0.0.0/8")


@pytest.mark.parametrize("release", ["1.23.1", "1.16.3", "1.12.0"])
@pytest.mark.parametrize("holder", CONTAINERS)
def test_an_absent_value_is_never_called_none(holder: str, release: str) -> None:
    containers = [
        one["name"] for kind in ("containers", "initContainers") for one in at(stock(release), *POD_SPEC, kind)
    ]
    for name in KNOWN.variables[holder] if holder in containers else ():
        objects = [with_env(holder, name, value, release) for value in VALUES]
        for new in objects:
            for old in (None, objects[0], objects[-1]):
                assert not [message for message in messages(new, old) if "None" in message], name


EXAMPLES = [
    pytest.param(example, id=f"{rule.id}-{index}")
    for rule in CATALOGUE
    for index, example in enumerate((*rule.bad, *rule.good))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_absent_value_of_an_example_is_never_called_none(example: Example) -> None:
    change = example.change()
    assert not [f.message for f in evaluated(change, POLICY).findings if "None" in f.message]


BLANK = "qqq www"
MARK = "qqq\u200bwww"


def put(whole: Object, path: tuple[str | int, ...], value: Json) -> Object:
    changed = deepcopy(whole)
    at(changed, *path[:-1])[path[-1]] = value
    return changed


def odd_names(odd: str) -> Iterator[Object]:
    """Objects with a text in every place where an author may write one that a message repeats."""
    for holder in CONTAINERS:
        for name in KNOWN.variables[holder]:
            yield with_env(holder, name, odd)
            yield with_env(holder, name, f"10.0.0.0/8,{odd}")
        yield with_env(holder, f"WARM_IP_TARGET{odd}", "1")
        yield with_env(holder, odd, "1")
        whole = with_env(holder, odd, "1")
        entries = container(whole, holder)["env"]
        yield put(whole, ("metadata", "labels"), {"x": odd}) | {}
        entries.append({"name": odd, "value": "2"})
        yield whole
    main = (*POD_SPEC, "containers", 0)
    for index, kind in ((0, "containers"), (1, "containers"), (0, "initContainers")):
        here = (*POD_SPEC, kind, index)
        for key in ("image", "name"):
            yield put(stock(), (*here, key), odd)
        yield put(stock(), (*here, "image"), f"602401143452.dkr.ecr.us-west-2.amazonaws.com/{odd}:1")
        yield put(stock(), (*here, "command"), ["sh", f"{odd}=1"])
        yield put(stock(), (*here, "args"), [odd, f"--{odd}=1", f"--enable-network-policy={odd}"])
    for probe in ("livenessProbe", "readinessProbe"):
        yield put(stock(), (*main, probe), {"exec": {"command": ["/app/grpc-health-probe", f"-addr={odd}"]}})
        yield put(stock(), (*main, probe), {"httpGet": {"port": 1, "path": odd, "host": odd}})
    yield DaemonSet(sidecar=odd, sidecar_fields={"name": odd, "securityContext": {"privileged": True}}).build()
    yield DaemonSet(sidecar="docker.io/x/y:1", sidecar_fields={"name": odd}).build()
    yield DaemonSet(annotations={"cni-guard.dev/cni-version": odd, "cni-guard.dev/allow-delete": odd}).build()
    good = {"subnet": "subnet-0123456789abcdef0", "securityGroups": [odd]}
    yield ENIConfig(spec=good, name=odd).build()
    yield ENIConfig(spec=good | {"subnet": odd, odd: 1}, root={odd: 1}).build()
    yield ENIConfig(spec=good, api_version=odd).build()
    yield ENIConfig(spec=good, root={"metadata": {"name": odd, "generateName": odd}}).build()


def unquoted(message: str, odd: str) -> bool:
    """Whether a text is repeated where no quotes are around it."""
    return any(part.count('"') % 2 == 0 for part in _before(message, odd))


def _before(message: str, odd: str) -> Iterator[str]:
    start = message.find(odd)
    while start >= 0:
        yield message[:start]
        start = message.find(odd, start + 1)


@pytest.mark.parametrize("odd", [BLANK, MARK])
def test_a_name_or_a_value_with_a_blank_or_an_unprintable_character_is_in_quotes(odd: str) -> None:
    said = "qqq www" if odd == BLANK else "qqq\\u200bwww"
    bare = {
        message
        for whole in odd_names(odd)
        for old in ((None, stock()) if whole["kind"] == "DaemonSet" else (None,))
        for message in messages(whole, old, in_file=old is None)
        if unquoted(message, said)
    }
    assert not bare, "\n".join(sorted(bare))


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_link_to_a_variable_is_to_one_that_the_message_names(example: Example) -> None:
    for finding in evaluated(example.change(), POLICY).findings:
        anchor = re.fullmatch(r".*/amazon-vpc-cni-k8s#([a-z0-9_]+?)(-v[0-9]+)?", finding.link)
        assert anchor is None or anchor[1] in finding.message.removesuffix(finding.link).casefold()


@pytest.mark.parametrize("value", ["stdout", "STDOUT"])
def test_a_log_on_standard_output_is_sent_to_standard_error(value: str) -> None:
    for name in ("AWS_VPC_K8S_PLUGIN_LOG_FILE", "AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE"):
        (message,) = (one for one in messages(with_env("aws-node", name, value)) if one.startswith("ENV-004"))
        assert f'Set {name} to "stderr" or to a file' in message
