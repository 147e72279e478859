"""Helpers that rules of several families share."""

from collections.abc import Iterator

from webhook.catalogue.rule import AwsNodeCase
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.cni.identity import IMAGE, is_the_aws_node
from webhook.cni.images import REPOSITORIES
from webhook.cni.limits import TooLong
from webhook.cni.releases import FIRST_WITH_MANIFEST
from webhook.cni.version import Version
from webhook.model import Edit, Level, Path, Problem, at


def probe_path(case: AwsNodeCase, kind: str) -> Path:
    """The path of the command of a probe of container aws-node, or of the probe if it has no command."""
    main = case.new.required
    return (*main.path, kind, *(("exec", "command") if at(main.raw, kind, "exec") else ()))


def default_env(case: AwsNodeCase, name: str, value: str, holder: Container | None = None) -> tuple[Edit, ...]:
    """The edit that adds a variable to a container, by default aws-node; none if it has or may have the variable."""
    given = holder or case.new.required
    if given.may_have(name) or given.defects:
        return ()
    return (Edit((*given.path, "env"), None, {"name": name, "value": value}, f"{given.role} env {name}={value}"),)


def default_flag(case: AwsNodeCase, name: str, value: str) -> tuple[Edit, ...]:
    """The edit that gives the network policy agent a flag; none where its command line is not read to the end."""
    agent = case.new.agent
    if agent is None or any(one.name == name or one.value is None for _, one in case.new.agent_flags):
        return ()
    words = agent.raw.get("args")
    if not (words is None or isinstance(words, list)) or "--" in (words or ()):
        return ()
    return (Edit((*agent.path, "args"), None, f"--{name}={value}", f"{agent.role} flag --{name}={value}"),)


def brings(case: AwsNodeCase, *names: str) -> bool:
    """Whether the object is new, or the change has one of these variables of container aws-node read otherwise."""
    before = case.old.main if case.old is not None else None
    if before is None:
        return True
    now, then = ([value for _, value in one.as_read(*names)] for one in (case.new.required, before))
    return now != then


def warning(  # noqa: PLR0913, PLR0917 - the parts of a problem, in its order
    case: AwsNodeCase, names: tuple[str, ...], wrong: str, effect: str, remedy: str, before: str | None = None
) -> Problem:
    """A warning about container aws-node, with these variables as evidence."""
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
    """The container with the same role in the old object; None if there is none."""
    roles = case.old.roles if case.old is not None else ()
    return next((one for one in roles if one.role == holder.role), None)


def step(case: AwsNodeCase) -> tuple[Version, Version] | None:
    """The releases before and after the change; None if there is no old object, or one of them is unknown."""
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
    """Whether aws-node keeps the digest of its image, and the policy does not list that digest.

    Nodes then keep running the same image, even if an annotation or the tag beside the digest changes.
    """
    now, before = (view.main.image if view and view.main else None for view in (case.new, case.old))
    if now is None or before is None or now.digest is None:
        return False
    return now.digest == before.digest and now.digest not in case.new.digests


def goes_down(case: AwsNodeCase) -> bool:
    """Whether the change is a downgrade; in an outage a rollback may be the cure."""
    found = step(case)
    return found is not None and found[1] < found[0]


def rolls_back(case: AwsNodeCase) -> bool:
    """Whether the change is a step down in version, or to an older build of EKS of the same release."""
    found = step(case)
    if found is None or case.old is None:
        return False
    before, now = (view.main.tag if view.main else None for view in (case.old, case.new))
    if found[0] != found[1] or before is None or now is None or before.version != now.version:
        return found[1] < found[0]
    return before.build is not None and now.build is not None and now.build < before.build


def goes_up(case: AwsNodeCase) -> bool:
    """Whether the change is an upgrade."""
    found = step(case)
    return found is not None and found[0] < found[1]


ESCAPES = (
    "no rule about versions can protect the cluster, and a moving tag brings another release at any restart of a node"
)
"""The effect of an image without a known release."""


def moving_beside(case: AwsNodeCase) -> Iterator[Problem]:
    """Problems of the init container and the agent whose tag is not a release and that have no digest."""
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


_SECONDS = 20


def named_seconds(case: AwsNodeCase) -> tuple[Container, ...]:
    """The containers beside the CNI's that are called or run like one of them, as many as POD-011 names."""
    return case.new.others[:_SECONDS]


def second_cnis(case: AwsNodeCase) -> tuple[Container, ...]:
    """Those of them that run while aws-node does."""
    return tuple(one for one in named_seconds(case) if one.path[-2] == "containers")


def too_many(found: TooLong, level: Level) -> Problem:
    """The problem of a list with too many entries."""
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
    """The path of the image of container aws-node, or of the list of containers if there is no such container."""
    return (*view.main.path, "image") if view.main else ("spec", "template", "spec", "containers")


def to_go_to(case: AwsNodeCase, *first: Version | None) -> Iterator[Version]:
    """These releases, then the recommended ones, without those that the policy blocks."""
    named = (*first, *case.tables.recommended)
    return (version for version in named if version is not None and str(version) not in blocked_releases(case))


def step_towards(case: AwsNodeCase, start: Version, target: Version) -> Version:
    """How far one upgrade from a release gets towards another, as VER-004 counts: to the newest patch not blocked."""
    reach = (start.major, start.minor + case.policy.versions.max_minor_skip)
    if target[:2] <= reach:
        return target
    near = (one for one in case.tables.versions if one[:2] == reach)
    return max((one for one in near if str(one) not in blocked_releases(case)), default=target)


def blocked_releases(case: AwsNodeCase) -> frozenset[str]:
    """The releases that the policy blocks."""
    return frozenset(blocked.release for blocked in case.policy.versions.blocked)


OR_DELETE = ", or delete the DaemonSet if it is meant to go"


def stops_running_the_cni(case: AwsNodeCase) -> bool:
    """Whether a DaemonSet gives up the image of the CNI; not the cluster's own, whose deletion DEL-001 denies."""
    before, now = (view.main.image if view and view.main else None for view in (case.old, case.new))
    ran, runs = (image is not None and image.basename == IMAGE for image in (before, now))
    return ran and not runs and not is_the_aws_node(case.change)
