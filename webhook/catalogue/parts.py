"""What several themes build their problems from."""

from collections.abc import Iterator

from webhook.catalogue.rule import AwsNodeCase
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.cni.images import REPOSITORIES
from webhook.cni.limits import TooLong
from webhook.cni.releases import FIRST_WITH_MANIFEST
from webhook.cni.version import Version
from webhook.model import Edit, Level, Path, Problem, at


def probe_path(case: AwsNodeCase, kind: str) -> Path:
    """The path of what a probe of container aws-node runs, or of the probe where it runs nothing."""
    main = case.new.required
    return (*main.path, kind, *(("exec", "command") if at(main.raw, kind, "exec") else ()))


def default_env(case: AwsNodeCase, name: str, value: str) -> tuple[Edit, ...]:
    """The edit that gives container aws-node a variable; none where it may have one already, with any value."""
    main = case.new.required
    if main.may_have(name) or main.defects:
        return ()
    return (Edit((*main.path, "env"), None, {"name": name, "value": value}, f"aws-node env {name}={value}"),)


def warning(  # noqa: PLR0913, PLR0917 - the parts of a problem, in its order
    case: AwsNodeCase, names: tuple[str, ...], wrong: str, effect: str, remedy: str, before: str | None = None
) -> Problem:
    """A problem of container aws-node that only warns, resting on these variables."""
    main = case.new.required
    past = ((f"{names[0]} before", before),) if before is not None else ()
    return Problem(
        path=main.where(names[0]),
        evidence=(*main.evidence(*names), *past),
        level="warn",
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


def same_before(case: AwsNodeCase, holder: Container) -> Container | None:
    """The container of the same role in the old object; None where there is none."""
    roles = case.old.roles if case.old is not None else ()
    return next((one for one in roles if one.role == holder.role), None)


def step(case: AwsNodeCase) -> tuple[Version, Version] | None:
    """The releases that the change leads from and to; None where there is no such step, or nothing proves one."""
    if case.old is None or case.old.version is None or case.new.version is None or keeps_digest(case):
        return None
    return case.old.version, case.new.version


def shape_of(case: AwsNodeCase) -> Version | None:
    """The release whose official manifest the object is compared with: its own, else the last known before it.

    None before the first one that is known. Raises CouldNotCheckError where the release is not known.
    """
    version = case.new.known_version
    if version in case.tables.versions:
        return version if version >= FIRST_WITH_MANIFEST else None
    return max((one for one in case.tables.versions if FIRST_WITH_MANIFEST <= one < version), default=None)


def keeps_digest(case: AwsNodeCase) -> bool:
    """Whether aws-node keeps a digest that the policy does not know.

    Nodes then run what they ran, whatever another annotation or tag beside it says.
    """
    now, before = (view.main.image if view and view.main else None for view in (case.new, case.old))
    if now is None or before is None or now.digest is None:
        return False
    return now.digest == before.digest and now.digest not in case.new.digests


def goes_down(case: AwsNodeCase) -> bool:
    """Whether the change is a step down in version, as a rollback is: in an outage it may be the cure."""
    found = step(case)
    return found is not None and found[1] < found[0]


def goes_up(case: AwsNodeCase) -> bool:
    """Whether the change is a step up in version."""
    found = step(case)
    return found is not None and found[0] < found[1]


ESCAPES = (
    "no rule about versions can protect the cluster, and a moving tag brings another release at any restart of a node"
)
"""What happens where an image names no release."""


def moving_beside(case: AwsNodeCase) -> Iterator[Problem]:
    """The init container and the agent where a tag, and no digest, names no release; other images are IMG-001's."""
    for holder in case.new.roles:
        image = holder.image
        if holder is case.new.main or image is None or image.digest or case.new.release_of(holder) is not None:
            continue
        if image.basename == REPOSITORIES[holder.role].rpartition("/")[2]:
            yield Problem(
                path=(*holder.path, "image"),
                evidence=((f"{holder.role} image", holder.image_text),),
                level="deny",
                wrong=f"the version of image {holder.image_text} of {holder.label} cannot be determined",
                effect=ESCAPES,
                remedy="Use the release tag of the official manifest, or give the image by digest",
            )


def too_many(found: TooLong, level: Level) -> Problem:
    """The problem of a list that is not read."""
    return Problem(
        path=found.path,
        evidence=((f"entries of {found.name}", str(found.count)),),
        level=level,
        lowered=level == "warn",
        wrong=f"{found.name} has {found.count} entries, and at most {found.limit} are read",
        effect="what the list holds is not evaluated by any other rule",
        remedy="Remove the entries that the CNI does not need",
    )


def image_path(view: AwsNode) -> Path:
    """The path of the image of aws-node, or of the containers where it has none."""
    return (*view.main.path, "image") if view.main else ("spec", "template", "spec", "containers")


def to_go_to(case: AwsNodeCase, *first: Version | None) -> Iterator[Version]:
    """These releases, then the recommended ones: without those that the policy blocks."""
    named = (*first, *case.tables.recommended)
    return (version for version in named if version is not None and str(version) not in blocked_releases(case))


def blocked_releases(case: AwsNodeCase) -> frozenset[str]:
    """The releases that the policy blocks."""
    return frozenset(blocked.release for blocked in case.policy.versions.blocked)
