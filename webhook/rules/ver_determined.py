"""VER-001, VER-008 and VER-009: what tells the release of an image."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import CNI, DIGEST, REGISTRY, RELEASE, DaemonSet, Example
from webhook.catalogue.parts import (
    ESCAPES,
    OR_DELETE,
    image_path,
    moving_beside,
    step_towards,
    stops_running_the_cni,
    to_go_to,
)
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import VERSION_ANNOTATION, AwsNode
from webhook.cni.version import Version
from webhook.model import Level, Problem, at, text

_MANY = 20


@rule(
    "VER-001",
    "The CNI version cannot be determined",
    level="deny",
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(images={"aws-node": f"{CNI}:latest"})),
        Example(DaemonSet(images={"aws-node": CNI})),
        Example(DaemonSet(images={"aws-node": f"{CNI}@{DIGEST}"})),
        Example(
            DaemonSet(images={"aws-node": f"{CNI}:latest"}, annotations={VERSION_ANNOTATION: RELEASE}),
        ),
        Example(DaemonSet(images={"aws-vpc-cni-init": f"{REGISTRY}/amazon-k8s-cni-init:latest"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{REGISTRY}/amazon/aws-network-policy-agent:main"})),
    ),
    good=(
        Example(DaemonSet(images={"aws-node": f"{CNI}@{DIGEST}"}, annotations={VERSION_ANNOTATION: RELEASE})),
        Example(
            DaemonSet(
                images={
                    "aws-node": f"{CNI}:v{RELEASE}-eksbuild.1",
                    "aws-vpc-cni-init": f"{REGISTRY}/amazon-k8s-cni-init:v{RELEASE}-eksbuild.1",
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
    yield from moving_beside(case)
    if view.version is not None or view.main is None:
        return  # POD-001 reports a missing container
    if view.main.image is None:
        wrong = f'"{view.main.image_text}" is not an image reference'
    else:
        wrong = f"the CNI version of image {view.main.image_text} cannot be determined{_hint(view, case.tables.newest)}"
    moves = not (view.main.image and view.main.image.digest)
    yield Problem(
        path=image_path(view),
        evidence=(("aws-node image", view.main.image_text),),
        level="deny",
        wrong=wrong,
        effect=ESCAPES if moves else "no rule about versions can protect the cluster",
        remedy=_say_the_release(case, moves=moves) + OR_DELETE * stops_running_the_cni(case),
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


def _hint(view: AwsNode, newest: Version) -> str:
    """What the object claims elsewhere: free text, so it is shown and never believed."""
    if view.main and view.main.image and not view.main.image.digest and _annotation(view):
        return f" (annotation {VERSION_ANNOTATION} counts only for an image given by digest)"
    if noted := _annotation(view):
        return f' (annotation {VERSION_ANNOTATION} is "{noted}", not a release such as {newest})'
    if text(at(view.raw, "spec", "template", "metadata", "annotations", VERSION_ANNOTATION)):
        return f" (annotation {VERSION_ANNOTATION} counts in metadata.annotations, not in the pod template)"
    said = view.main.written("VPC_CNI_VERSION") if view.main else None
    label = text(at(view.raw, "metadata", "labels", "app.kubernetes.io/version"))
    claim = said if isinstance(said, str) and said else label
    return f" (the object calls itself {claim}, which proves nothing)" if claim else ""


def _annotation(view: AwsNode) -> str:
    return text(at(view.raw, "metadata", "annotations", VERSION_ANNOTATION))[:100]


@rule(
    "VER-008",
    "A tag beside a digest",
    level="warn",
    formerly=("VER-001",),
    reads=("rest",),
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(images={"aws-node": f"{CNI}:v1.23.1@{DIGEST}"})),
        Example(DaemonSet(images={"aws-vpc-cni-init": f"{REGISTRY}/amazon-k8s-cni-init:v1.23.1@{DIGEST}"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{REGISTRY}/amazon/aws-network-policy-agent:v1.4.2@{DIGEST}"})),
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
                effect="nodes pull the digest, and the tag that the version rules use is only a claim"
                if holder.tag is not None
                else "nodes pull the digest; the tag names no release and does not affect what runs",
                remedy="Name the digest and its release in the policy (versions.digests)",
            )


def _stale_annotation(case: AwsNodeCase) -> Iterator[Problem]:
    """A new digest with an annotation that stays."""
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


@rule(
    "VER-009",
    "A release that upstream did not publish, or that cni-guard does not know",
    level="deny",
    link=links.CHANGELOG,
    formerly=("VER-001", "VER-002"),
    bad=(
        Example(DaemonSet(images={"aws-node": f"{CNI}:v1.23.1-rc1"})),
        Example(DaemonSet(images={"aws-node": f"{CNI}:v1.23.1-dirty"})),
        Example(DaemonSet(release="1.17.1", images={"aws-node": f"{CNI}:v1.17.0"}), level="warn"),
        Example(
            DaemonSet(images={"aws-node": f"{CNI}:v1.99.0", "aws-vpc-cni-init": f"{CNI}-init:v1.99.0"}), level="warn"
        ),
    ),
)
def unpublished(case: AwsNodeCase) -> Iterator[Problem]:
    """Release candidates and builds of a branch are not supported; an unknown number may be a typing error.

    Every other rule evaluates the release that the number names.
    """
    version = case.new.known_version
    tag = case.new.main.tag if case.new.main else None
    near = case.tables.last_patches.get(version[:2])
    before = case.old.version if case.old is not None else None
    # One step from what runs now, and from this release too, which may be only warned about and then runs.
    start = min(before or version, version)
    use = next((step_towards(case, start, one) for one in to_go_to(case, near)), None)
    level: Level = "warn"
    remedy = f"Use CNI {use}" if use else "Use another release"
    if tag is not None and tag.unreleased and tag.version == version:
        level = "deny"
        wrong = f"image {case.new.required.image_text} is a release candidate or a build of a branch"
        effect = "it is not supported, and what it changes is not known"
    elif version > case.tables.newest:
        wrong = f"CNI {version} is not known to this guard"
        effect = f"the newest release that it knows is {case.tables.newest}, so what depends on the release only warns"
        remedy = f"Update cni-guard{f', or use CNI {use}' if use else ''}"
    elif version not in case.tables.versions:
        wrong = f"CNI {version} was never released upstream"
        effect = "the tag is a typing error or a private build, whose faults are not known"
    else:
        return
    yield Problem(
        path=image_path(case.new),
        evidence=(("CNI version", str(version)), ("published", wrong)),
        level=level,
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )
