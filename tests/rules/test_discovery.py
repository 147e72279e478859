"""ENV-010: said where a change switches subnet discovery on, and at no other time."""

from itertools import product

import pytest

from tests.rules.ask import said
from webhook.catalogue.examples import DaemonSet, Variables
from webhook.cni.releases import FIRST_WITH_MANIFEST, VERSIONS
from webhook.cni.stock import stock

DISCOVERY, IMDS = "ENABLE_SUBNET_DISCOVERY", "ENABLE_IMDS_ONLY_MODE"
CUSTOM = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
OFF, ON, ABSENT = ({DISCOVERY: value} for value in ("false", "true", None))
Env = dict[str, str | None]


def messages(env: Variables, before: Variables | None, *, release: str = "1.23.1", old: str = "1.22.4") -> list[str]:
    stored = DaemonSet(release=old, env=before).build() if before is not None else None
    return [finding.message for finding in said("ENV-010", DaemonSet(release=release, env=env).build(), stored)]


@pytest.mark.parametrize("old", ["1.21.2", "1.22.1", "1.22.4", "1.23.1"])
@pytest.mark.parametrize("now", [ON, ABSENT, {DISCOVERY: "maybe"}])
def test_switching_it_on_is_told(now: Env, old: str) -> None:
    (message,) = messages(now, OFF, old=old)
    assert "ec2:DescribeSubnets" in message
    assert "set ENABLE_SUBNET_DISCOVERY=false" in message


def test_an_official_upgrade_is_never_greeted() -> None:
    releases = [release for release in VERSIONS if release >= FIRST_WITH_MANIFEST]
    for old, new in product(releases, (release for release in releases if release >= (1, 22, 0))):
        assert said("ENV-010", stock(new), stock(old)) == [], (old, new)


@pytest.mark.parametrize("now", [OFF, ON, ABSENT])
def test_nothing_else_is_told(now: Env) -> None:
    assert messages(now, now) == []
    assert messages(now, None) == []
    assert messages(OFF, now) == []
    assert messages(now, OFF, release="1.22.0", old="1.21.2") == []
    assert messages(now | {IMDS: "true"}, OFF) == []


@pytest.mark.parametrize("now", [ON, ABSENT])
@pytest.mark.parametrize("before", [OFF, OFF | {CUSTOM: "true"}])
def test_custom_networking_does_not_spare_the_call(now: Env, before: Env) -> None:
    """The subnet is the ENIConfig's, and ipamd looks for its tags all the same."""
    (message,) = messages(now | {CUSTOM: "true"}, before)
    assert "ec2:DescribeSubnets" in message
