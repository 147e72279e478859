"""VER-001 to VER-004, and VER-008: which releases of the CNI may run, and how far one step may go."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from webhook.cni.aws_node import VERSION_ANNOTATION, AwsNode
from webhook.cni.verdicts import Verdict
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, Evidence, Level, Path, Problem, at, text
from webhook.rules import links
from webhook.rules.examples import NEWEST, DaemonSet, Example
from webhook.rules.parts import ESCAPES, goes_down, goes_up, keeps_digest, moving_beside
from webhook.rules.rule import AwsNodeCase, postponed, rule

_REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
_CNI = f"{_REGISTRY}/amazon-k8s-cni"
_DIGEST = "sha256:" + "0123456789abcdef" * 4
_MANY = 20


def _image_path(view: AwsNode) -> Path:
    return (*view.main.path, "image") if view.main else ("spec", "template", "spec", "containers")


@rule(
    "VER-001",
    "The CNI version cannot be determined",
    level="deny",
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(images={"aws-node": f"{_CNI}:latest"})),
        Example(DaemonSet(images={"aws-node": _CNI})),
        Example(DaemonSet(images={"aws-node": f"{_CNI}:v1.19.3-rc1"})),
        Example(DaemonSet(images={"aws-node": f"{_CNI}@{_DIGEST}"})),
        Example(
            DaemonSet(images={"aws-node": f"{_CNI}:latest"}, annotations={VERSION_ANNOTATION: NEWEST}),
        ),
        Example(DaemonSet(sidecar=f"{_CNI}:v1.23.1")),
        Example(DaemonSet(images={"aws-vpc-cni-init": f"{_REGISTRY}/amazon-k8s-cni-init:latest"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_REGISTRY}/amazon/aws-network-policy-agent:main"})),
    ),
    good=(
        Example(DaemonSet(images={"aws-node": f"{_CNI}@{_DIGEST}"}, annotations={VERSION_ANNOTATION: NEWEST})),
        Example(
            DaemonSet(
                images={
                    "aws-node": f"{_CNI}:v{NEWEST}-eksbuild.1",
                    "aws-vpc-cni-init": f"{_REGISTRY}/amazon-k8s-cni-init:v{NEWEST}-eksbuild.1",
                }
            )
        ),
    ),
)
def undetermined(case: AwsNodeCase) -> Iterator[Problem]:
    """An image of an unknown release escapes every rule about versions.

    A tag such as `latest` also changes what runs without any change of the object, whatever an annotation says of it.
    """
    view = case.new
    yield from _second_containers(view)
    yield from moving_beside(case)
    if view.version is not None:
        return
    if view.main is None:
        wrong = "there is no container aws-node"
    elif view.main.image is None:
        wrong = f'"{view.main.image_text}" is not an image reference'
    else:
        wrong = f"the CNI version of image {view.main.image_text} cannot be determined{_hint(view)}"
    moves = view.main is not None and not (view.main.image and view.main.image.digest)
    yield Problem(
        path=_image_path(view),
        evidence=(("aws-node image", view.main.image_text if view.main else None),),
        level="deny",
        wrong=wrong,
        effect=ESCAPES if moves else "no rule about versions can protect the cluster",
        remedy=_say_the_release(case, moves=moves) if view.main else "Restore the containers of the official manifest",
    )


def _say_the_release(case: AwsNodeCase, *, moves: bool) -> str:
    newest = case.tables.newest
    name = (
        f"name its release in the policy (versions.digests) or in metadata.annotations ({VERSION_ANNOTATION}: {newest})"
    )
    return (
        f"Use a release tag such as :v{newest}, or give the image by digest and {name}"
        if moves
        else name[0].upper() + name[1:]
    )


def _second_containers(view: AwsNode) -> Iterator[Problem]:
    """Beside the container that is judged, another one must not run the CNI."""
    for other in view.others[:_MANY]:
        yield Problem(
            path=other.path,
            evidence=((f"second container {other.name}", other.image_text),),
            level="deny",
            wrong=f"container {other.name} ({other.image_text}) runs beside the one that is judged in its place",
            effect="two of them on one node fight over its interfaces, and only one can be judged",
            remedy="Remove it",
        )


def _hint(view: AwsNode) -> str:
    """What the object claims elsewhere: free text, so it is shown and never believed."""
    if view.main and view.main.image and not view.main.image.digest and _annotation(view):
        return f" (annotation {VERSION_ANNOTATION} counts only for an image given by digest)"
    if noted := _annotation(view):
        return f' (annotation {VERSION_ANNOTATION} is "{noted}", not a release such as 1.23.1)'
    if text(at(view.raw, "spec", "template", "metadata", "annotations", VERSION_ANNOTATION)):
        return f" (annotation {VERSION_ANNOTATION} counts in metadata.annotations, not in the pod template)"
    said = view.main.written("VPC_CNI_VERSION") if view.main else None
    label = text(at(view.raw, "metadata", "labels", "app.kubernetes.io/version"))
    claim = said if isinstance(said, str) and said else label
    return f" (the object calls itself {claim}, which proves nothing)" if claim else ""


def _annotation(view: AwsNode) -> str:
    return text(at(view.raw, "metadata", "annotations", VERSION_ANNOTATION))[:100]


@rule(
    "VER-002",
    "A release with a known fault",
    level="deny",
    binds_addon_manager=True,
    link=links.CHANGELOG,
    bad=(
        Example(DaemonSet(release="1.22.1")),
        Example(DaemonSet(release="1.16.3")),
        Example(DaemonSet(release="1.15.0", env={"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"})),
        Example(DaemonSet(release="1.21.2")),
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
    for row in case.tables.verdicts:
        if row.first <= version <= row.last and not (row.level == "warn" and not row.when and _stays(case)):
            with postponed(unknown):
                if _applies(case, row):
                    faults.append(_of_row(case, row))
    yield from _problems(case, faults)
    yield from _unlisted(case, version)
    if unknown:
        raise CouldNotCheckError("; ".join(unknown))


@dataclass(frozen=True, slots=True)
class _Fault:
    level: Level
    reason: str
    use: Version | None
    features: Evidence = ()
    lowered: bool = False


def _of_row(case: AwsNodeCase, row: Verdict) -> _Fault:
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
            path=_image_path(case.new),
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
    target = next(_to_go_to(case, use, patch if patch > version else None), None)
    if target is None:
        return "Ask the owners of the policy: it blocks every release that could be named here"
    if goes_down(case) and patch > version and patch in _to_go_to(case, patch):
        return f"Use CNI {patch}"
    if goes_up(case) and case.old is not None and case.old.version is not None:
        instead = _step(case, case.old.version, target)
        if instead > version:
            return f"Upgrading is right: go to CNI {instead} instead"
    step = _step(case, version, target)
    return f"Use CNI {step}" if step == target else f"Go on to CNI {step}, and step by step to {target}"


def _to_go_to(case: AwsNodeCase, *first: Version | None) -> Iterator[Version]:
    """These releases, then the recommended ones: without those that the policy blocks."""
    named = (*first, *case.tables.recommended)
    return (version for version in named if version is not None and str(version) not in _blocked(case))


def _blocked(case: AwsNodeCase) -> frozenset[str]:
    return frozenset(blocked.release for blocked in case.policy.versions.blocked)


def _step(case: AwsNodeCase, start: Version, target: Version) -> Version:
    """How far one upgrade from a release gets towards another: to the newest patch that the policy lets one use."""
    reach = (start.major, start.minor + case.policy.versions.max_minor_skip)
    if target[:2] <= reach:
        return target
    near = (one for one in case.tables.versions if one[:2] == reach)
    return max((one for one in near if str(one) not in _blocked(case)), default=target)


def _unlisted(case: AwsNodeCase, version: Version) -> Iterator[Problem]:
    """A release that the tables do not have."""
    if version > case.tables.newest:
        wrong = f"CNI {version} is not known to this guard"
        effect = f"the newest release that it knows is {case.tables.newest}, so what depends on the release only warns"
        remedy = "Update cni-guard" + "".join(f", or use CNI {one}" for one in islice(_to_go_to(case), 1))
    elif version not in case.tables.versions:
        wrong = f"CNI {version} was never released upstream"
        effect = "the tag is a typing error or a private build, whose faults are not known"
        near = case.tables.last_patches.get(version[:2])
        remedy = "".join(f"Use CNI {one}" for one in islice(_to_go_to(case, near), 1)) or "Use another release"
    else:
        return
    yield Problem(
        path=_image_path(case.new),
        evidence=(("CNI version", str(version)), ("in the tables", "no")),
        level="warn",
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


def _is_floor(row: Verdict) -> bool:
    """Whether a row is about age alone: everything before a release, or before what a Kubernetes version needs."""
    return row.kubernetes is not None or (row.first == (0, 0, 0) and not row.when)


def _stays(case: AwsNodeCase) -> bool:
    return keeps_digest(case) or (case.old is not None and case.old.version == case.new.known_version)


def _applies(case: AwsNodeCase, row: Verdict) -> bool:
    if row.kubernetes and case.kubernetes is None:
        raise CouldNotCheckError(f"CNI {case.new.version} against this Kubernetes: the server's version is not known")
    return row.applies(case.new.known_version, case.new.feature, case.kubernetes)


@rule(
    "VER-004",
    "An upgrade that skips minor versions",
    level="deny",
    reads=("rest",),
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.21.2")),
        Example(
            DaemonSet(images={"aws-node": f"{_CNI}@{_DIGEST}"}, annotations={VERSION_ANNOTATION: "1.23.1"}),
            before=DaemonSet(images={"aws-node": f"{_CNI}@{_DIGEST}"}, annotations={VERSION_ANNOTATION: "1.22.4"}),
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
    early = " (and releases before 1.7 must pass through 1.7 first)" if before < (1, 7, 0) <= (1, 12, 0) <= now else ""
    yield Problem(
        path=_image_path(case.new),
        evidence=(("CNI version before", str(before)), ("CNI version", str(now))),
        level="warn" if versions.allow_skip else "deny",
        wrong=f"the upgrade from CNI {before} to {now} skips {skipped} minor version{'s' if skipped > 1 else ''}",
        effect=f"AWS supports one minor version at a time{early}; what the old release left on the nodes is only "
        "tested with the next one",
        remedy=f"Go to {step} first; versions.maxMinorSkip of the policy is the number of minor versions that one "
        "upgrade may climb",
    )


def _minors(case: AwsNodeCase, before: Version, now: Version) -> int:
    """How many minor versions lie between two releases, as far as the tables know the older one's major version."""
    if now.major <= before.major:
        return now.minor - before.minor if now.major == before.major else 0
    last = max((known.minor for known in case.tables.versions if known.major == before.major), default=before.minor)
    return max(last - before.minor, 0) + 1 + now.minor


def _claim(case: AwsNodeCase, before: Version, now: Version) -> Problem:
    digest = case.new.required.image.digest if case.new.required.image else None
    return Problem(
        path=_image_path(case.new),
        evidence=(("CNI version before", str(before)), ("CNI version", str(now)), ("aws-node digest", digest)),
        level="warn" if case.policy.versions.allow_skip else "deny",
        wrong=f"the object says CNI {now} where it said {before}, and the image's digest stays",
        effect="one of the two is wrong, and the next upgrade would be counted from a release that never ran",
        remedy=f"Keep {before}, or name the digest and its release in the policy (versions.digests)",
    )


@rule(
    "VER-008",
    "A tag beside a digest",
    level="warn",
    reads=("rest",),
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(images={"aws-node": f"{_CNI}:v1.23.1@{_DIGEST}"})),
        Example(DaemonSet(images={"aws-vpc-cni-init": f"{_REGISTRY}/amazon-k8s-cni-init:v1.23.1@{_DIGEST}"})),
        Example(
            DaemonSet(images={"aws-eks-nodeagent": f"{_REGISTRY}/amazon/aws-network-policy-agent:v1.4.2@{_DIGEST}"})
        ),
    ),
)
def tag_beside_digest(case: AwsNodeCase) -> Iterator[Problem]:
    """Where an image has both, nodes pull the digest, and the tag may name any release.

    An annotation that stays while the digest changes may be of the image before.
    """
    yield from _stale_annotation(case)
    for holder in case.new.roles:
        image = holder.image
        if image is None or not image.tag or not image.digest or image.digest in case.new.digests:
            continue
        if holder is not case.new.main or case.new.version is not None:  # else VER-001 says more
            yield Problem(
                path=(*holder.path, "image"),
                evidence=((f"{holder.role} image", holder.image_text),),
                level="warn",
                wrong=f"image {holder.image_text} of {holder.name} has a tag and a digest",
                effect="nodes pull the digest, and the tag that the version rules use is only a claim",
                remedy="Name the digest and its release in the policy (versions.digests)",
            )


def _stale_annotation(case: AwsNodeCase) -> Iterator[Problem]:
    """A new digest under an annotation that nobody touched."""
    now, before = (view.main.image if view and view.main else None for view in (case.new, case.old))
    said = _annotation(case.new)
    if case.old is None or now is None or before is None or now.digest is None or now.digest in case.new.digests:
        return
    if now.digest != before.digest and not now.tag and said and said == _annotation(case.old):
        yield Problem(
            path=("metadata", "annotations", VERSION_ANNOTATION),
            evidence=(("aws-node digest", now.digest), (VERSION_ANNOTATION, said)),
            level="warn",
            wrong=f"the digest of aws-node changes and the annotation {VERSION_ANNOTATION} still says {said}",
            effect="the version rules evaluate the release that it names, which may be that of the image before",
            remedy="Name the digest and its release in the policy (versions.digests)",
        )
