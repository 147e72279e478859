"""VER-005: steps down in version."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import image_path, step
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.downgrades import HAZARDS, Hazard
from webhook.cni.version import Version
from webhook.model import Problem

_AGENT_ON = ("--enable-network-policy=true",)
_MODE = {"NETWORK_POLICY_ENFORCING_MODE": "standard"}


@rule(
    "VER-005",
    "A hazardous downgrade",
    level="deny",
    binds_rollbacks=True,
    on_version_change=True,
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(release="1.11.4"), before=DaemonSet(release="1.12.6")),
        Example(DaemonSet(release="1.19.6"), before=DaemonSet(release="1.20.5", env={"ENABLE_MULTI_NIC": "true"})),
        Example(DaemonSet(release="1.13.4"), before=DaemonSet(release="1.18.6", arguments=_AGENT_ON, env=_MODE)),
        Example(DaemonSet(release="1.22.4"), before=DaemonSet(release="1.23.1"), level="warn"),
    ),
    good=(Example(DaemonSet(release="1.23.0"), before=DaemonSet(release="1.23.1")),),
)
def hazardous_downgrade(case: AwsNodeCase) -> Iterator[Problem]:
    """An older release cannot handle all that a newer one leaves on the nodes: pods, prefixes, network policies.

    A rollback that does not meet any of this is only warned about where it crosses a minor version.
    """
    found = step(case)
    if case.old is None or found is None or found[1] >= found[0]:
        return
    before, now = found
    hazards = [hazard for hazard in HAZARDS if hazard.crossed(before, now) and _has(case.old, hazard)]
    for hazard in hazards:
        yield _hazardous(case, case.old, hazard, before, now)
    if not hazards and now[:2] < before[:2]:
        yield Problem(
            path=image_path(case.new),
            evidence=_evidence(before, now),
            level="warn",
            wrong=f"this is a downgrade from CNI {before} to {now}",
            effect=f"what {before} left on the nodes (state files, iptables rules) is not tested with {now}",
            remedy=f"Apply the whole manifest of {now}, since its probes, settings and RBAC differ",
        )


def _has(old: AwsNode, hazard: Hazard) -> bool:
    return hazard.feature is None or old.feature(hazard.feature)


def _hazardous(case: AwsNodeCase, old: AwsNode, hazard: Hazard, before: Version, now: Version) -> Problem:
    rests_on = old.feature_evidence(hazard.feature) if hazard.feature else ()
    return Problem(
        path=image_path(case.new),
        evidence=(*_evidence(before, now), *rests_on, ("first to handle it", str(hazard.first))),
        level="deny",
        wrong=f"the downgrade from CNI {before} to {now} crosses {hazard.first}",
        effect=hazard.effect,
        remedy=hazard.remedy,
    )


def _evidence(before: Version, now: Version) -> tuple[tuple[str, str | None], ...]:
    return (("CNI version before", str(before)), ("CNI version", str(now)))
