"""VER-002 and VER-004: which releases may run, and how far one upgrade may go."""

from collections.abc import Iterator
from dataclasses import dataclass

from webhook.catalogue import links
from webhook.catalogue.examples import CNI, DIGEST, DaemonSet, Example
from webhook.catalogue.parts import goes_down, goes_up, image_path, keeps_digest, step_towards, to_go_to
from webhook.catalogue.rule import AwsNodeCase, postponed, rule
from webhook.cni.aws_node import VERSION_ANNOTATION
from webhook.cni.unsafe import UnsafeReleases
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, Evidence, Level, Problem


@rule(
    "VER-002",
    "A release with a known fault",
    level="deny",
    needs=("kubernetes",),
    binds_addon_manager=True,
    link=links.CHANGELOG,
    bad=(
        Example(DaemonSet(release="1.22.1")),
        Example(DaemonSet(release="1.16.3")),
        Example(DaemonSet(release="1.15.0", env={"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"})),
        Example(DaemonSet(release="1.21.2"), level="warn"),
    ),
)
def faulty_release(case: AwsNodeCase) -> Iterator[Problem]:
    """Some releases should not run, or not with a certain feature on: upstream says so, or the code proves it.

    A release that has been left behind by Kubernetes, or by time, never stands in the way of a step upwards, and none
    in the way of a step down, which may be the cure. Age, CVEs and dependencies are told when the version changes.
    """
    version = case.new.known_version
    unknown: list[str] = []
    faults = [
        _Fault(
            "warn" if goes_down(case) else "deny",
            f"the policy blocks it: {blocked.reason}",
            Version.of(blocked.use) if blocked.use else None,
            lowered=goes_down(case),
        )
        for blocked in case.policy.versions.blocked
        if blocked.release == str(version)
    ]
    for row in case.tables.unsafe:
        if row.first <= version <= row.last and not (row.level == "warn" and not row.when and _stays(case)):
            with postponed(unknown):
                if _applies(case, row):
                    faults.append(_of_row(case, row))
    yield from _problems(case, faults)
    if unknown:
        raise CouldNotCheckError("; ".join(unknown))


@dataclass(frozen=True, slots=True)
class _Fault:
    level: Level
    reason: str
    use: Version | None
    features: Evidence = ()
    lowered: bool = False


def _of_row(case: AwsNodeCase, row: UnsafeReleases) -> _Fault:
    lowered = goes_down(case) or (_is_floor(row) and goes_up(case))
    features = tuple(pair for name in sorted(row.when | row.unless) for pair in case.new.feature_evidence(name))
    return _Fault("warn" if lowered else row.level, row.reason, row.fixed, features, lowered)


def _problems(case: AwsNodeCase, faults: list[_Fault]) -> Iterator[Problem]:
    """A problem a fault, all with one way out. Beside what denies, the rest would only be noise."""
    level: Level = "deny" if any(fault.level == "deny" for fault in faults) else "warn"
    worst = [fault for fault in faults if fault.level == level]
    version = case.new.known_version
    remedy = _way_out(case, max((fault.use for fault in worst if fault.use), default=None))
    for fault in worst:
        yield Problem(
            path=image_path(case.new),
            evidence=(("CNI version", str(version)), *fault.features, ("known against it", fault.reason)),
            level=level,
            lowered=fault.lowered,
            wrong=f"CNI {version} is blocked" if level == "deny" else f"CNI {version} has a known fault",
            effect=fault.reason,
            remedy=remedy,
        )


def _way_out(case: AwsNodeCase, use: Version | None) -> str:
    """The next step towards a release without these faults, as far as VER-004 lets one go."""
    version = case.new.known_version
    patch = case.tables.last_patches.get(version[:2], version)
    target = next(to_go_to(case, use, patch if patch > version else None), None)
    if target is None:
        return "Ask the owners of the policy: it blocks every release that could be named here"
    if goes_down(case) and patch > version and patch in to_go_to(case, patch):
        return f"Use CNI {patch}"
    if goes_up(case) and case.old is not None and case.old.version is not None:
        instead = step_towards(case, case.old.version, target)
        if instead > version:
            return f"Upgrading is right: go to CNI {instead} instead"
        if instead not in {version, target}:
            return f"Upgrading is right: go to CNI {instead} first, and step by step to {target}"
    step = step_towards(case, version, target)
    return f"Use CNI {step}" if step == target else f"Go on to CNI {step}, and step by step to {target}"


def _is_floor(row: UnsafeReleases) -> bool:
    """Whether a row is about age alone: everything before a release, or before what a Kubernetes version needs."""
    return row.kubernetes is not None or (row.first == (0, 0, 0) and not row.when)


def _stays(case: AwsNodeCase) -> bool:
    return keeps_digest(case) or (case.old is not None and case.old.version == case.new.known_version)


def _applies(case: AwsNodeCase, row: UnsafeReleases) -> bool:
    if row.kubernetes and case.kubernetes is None:
        raise CouldNotCheckError(f"CNI {case.new.version} against this Kubernetes: the server's version is not known")
    return row.applies(case.new.known_version, case.new.feature, case.kubernetes)


@rule(
    "VER-004",
    "An upgrade that skips minor versions",
    level="deny",
    on_version_change=True,
    reads=("rest",),
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.21.2")),
        Example(
            DaemonSet(images={"aws-node": f"{CNI}@{DIGEST}"}, annotations={VERSION_ANNOTATION: "1.23.1"}),
            before=DaemonSet(images={"aws-node": f"{CNI}@{DIGEST}"}, annotations={VERSION_ANNOTATION: "1.22.4"}),
        ),
    ),
    good=(
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.22.4")),
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.23.0")),
    ),
)
def skipped_minor(case: AwsNodeCase) -> Iterator[Problem]:
    """AWS supports going up one minor version at a time, by the latest patch of each.

    What one release leaves on the nodes (state files, iptables rules) is only tested with the next one. While the
    digest of an image stays, nodes run what they ran: another annotation or tag beside it is not a step.
    """
    if case.old is None or case.old.version is None:
        return
    before, now = case.old.version, case.new.known_version
    versions = case.policy.versions
    if keeps_digest(case):
        if now[:2] > before[:2] or now > case.tables.newest >= before:
            yield _claim(case, before, now)
        return
    skipped = _minors(case, before, now) - versions.max_minor_skip
    if skipped <= 0:
        return
    following = before.minor + versions.max_minor_skip
    step = case.tables.last_patches.get((before.major, following), f"{before.major}.{following}")
    yield Problem(
        path=image_path(case.new),
        evidence=(("CNI version before", str(before)), ("CNI version", str(now))),
        level="warn" if versions.allow_skip else "deny",
        wrong=f"the upgrade from CNI {before} to {now} skips {skipped} minor version{'s' if skipped > 1 else ''}",
        effect=f"AWS supports one minor version at a time{_stops(case, before, now)}; what the old release left on the "
        "nodes is only tested with the next one",
        remedy=f"Go to {step} first; versions.maxMinorSkip of the policy is the number of minor versions that one "
        "upgrade may climb",
    )


def _stops(case: AwsNodeCase, before: Version, now: Version) -> str:
    stops = [row.at for row in case.tables.waypoints if before < row.at and row.before <= now]
    return "".join(f" (and releases before {stop} must be upgraded to {stop} first)" for stop in stops)


def _minors(case: AwsNodeCase, before: Version, now: Version) -> int:
    """How many minor versions lie between two releases, as far as the tables know the older one's major version."""
    if now.major <= before.major:
        return now.minor - before.minor if now.major == before.major else 0
    last = max((known.minor for known in case.tables.versions if known.major == before.major), default=before.minor)
    return max(last - before.minor, 0) + 1 + now.minor


def _claim(case: AwsNodeCase, before: Version, now: Version) -> Problem:
    digest = case.new.required.image.digest if case.new.required.image else None
    return Problem(
        path=image_path(case.new),
        evidence=(("CNI version before", str(before)), ("CNI version", str(now)), ("aws-node digest", digest)),
        level="warn" if case.policy.versions.allow_skip else "deny",
        wrong=f"the object says CNI {now} where it said {before}, and the image's digest stays",
        effect="one of the two is wrong, and the next upgrade would be counted from a release that never ran",
        remedy=f"Keep {before}, or name the digest and its release in the policy (versions.digests)",
    )
