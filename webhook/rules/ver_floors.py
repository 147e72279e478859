"""VER-003: the oldest release that may be installed."""

from collections.abc import Iterator
from typing import NamedTuple

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import goes_down, goes_up, image_path, keeps_digest, to_go_to
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.floors import floor_for
from webhook.cni.version import Version
from webhook.model import Problem
from webhook.policy import Cluster, Policy, Versions


def _on(kubernetes: str) -> Policy:
    return Policy(mode="enforce", cluster=Cluster(kubernetes=kubernetes))


def _from(release: str) -> Policy:
    return Policy(mode="enforce", versions=Versions(floor=release))


@rule(
    "VER-003",
    "A release below the minimum",
    level="deny",
    needs=("kubernetes",),
    reads=("rest",),
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(release="1.16.4"), policy=_on("1.33")),
        Example(DaemonSet(release="1.18.6"), policy=_from("1.19.6")),
        Example(DaemonSet(release="1.16.4"), before=DaemonSet(release="1.15.5"), policy=_on("1.33"), level="warn"),
        Example(DaemonSet(release="1.16.4"), before=DaemonSet(release="1.17.1"), policy=_on("1.33"), level="warn"),
        Example(DaemonSet(release="1.16.4"), policy=_on("1.34"), level="warn"),
    ),
    good=(
        Example(DaemonSet(release="1.23.1"), policy=_on("1.33")),
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.22.4"), policy=_from("1.19.6")),
    ),
)
def below_the_floor(case: AwsNodeCase) -> Iterator[Problem]:
    """Upstream names the oldest release for each Kubernetes version, and a policy may set a minimum of its own.

    A step upwards only warns, since a denial would leave no way up, and so does a step down, which may be the cure. For
    a Kubernetes version newer than the table the newest known minimum warns.
    """
    floor = max(_floors(case), default=None)
    if floor is None or case.new.known_version >= floor.release or _stays(case):
        return
    version = case.new.known_version
    moves = goes_up(case) or goes_down(case)
    yield Problem(
        path=image_path(case.new),
        evidence=(("CNI version", str(version)), ("minimum", str(floor.release))),
        level="warn" if moves or not floor.firm else "deny",
        lowered=moves,
        wrong=f"CNI {version} is below the minimum {floor.release}{floor.of}",
        effect="upstream does not recommend it there, and pods may get no network on upgraded nodes"
        if floor.of != _OF_POLICY
        else "the policy allows no older release (versions.floor)",
        remedy=_way_out(case, floor.release),
    )


class _Floor(NamedTuple):
    release: Version
    firm: bool
    of: str


_OF_POLICY = " of the policy"


def _floors(case: AwsNodeCase) -> Iterator[_Floor]:
    """The minimum of the policy, and that of the Kubernetes version where VER-002 does not say more."""
    if case.policy.versions.floor is not None:
        yield _Floor(Version.of(case.policy.versions.floor), firm=True, of=_OF_POLICY)
    kubernetes = case.kubernetes
    found = floor_for(kubernetes, case.policy.versions.floors) if kubernetes is not None else None
    if kubernetes is None or found is None or _is_said(case, kubernetes):
        return
    yield _Floor(found.release, found.exact, f" for Kubernetes {kubernetes[0]}.{kubernetes[1]}")


def _is_said(case: AwsNodeCase, kubernetes: tuple[int, int]) -> bool:
    """Whether VER-002 reports that the release does not run on this Kubernetes version at all."""
    version = case.new.version
    rows = (row for row in case.tables.unsafe if row.kubernetes is not None and not row.when)
    return version is not None and any(row.applies(version, case.new.feature, kubernetes) for row in rows)


def _stays(case: AwsNodeCase) -> bool:
    return keeps_digest(case) or (case.old is not None and case.old.version == case.new.version)


def _way_out(case: AwsNodeCase, floor: Version) -> str:
    """The last patch of the floor's minor version, as far as one request may go there."""
    patch = case.tables.last_patches.get(floor[:2])
    target = next(to_go_to(case, patch if patch is not None and patch >= floor else None, floor), floor)
    if goes_up(case):
        return f"Upgrading is right: go on, one minor version at a time, to {target}"
    if goes_down(case):
        return f"Once the cause is mended, go back up, one minor version at a time, to {target}"
    return f"Use CNI {target}"
