"""IMG-003: where the images of aws-node's pod may come from."""

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from webhook.catalogue import links
from webhook.catalogue.examples import REGISTRY, DaemonSet, Example
from webhook.catalogue.parts import second_cnis
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.container import Container
from webhook.cni.images import ACCOUNTS, REPOSITORIES, EcrHost, Image, ecr_host, partition_of, registry_for, within
from webhook.cni.limits import CONTAINER_LISTS, POD_LISTS
from webhook.model import Evidence, Json, Level, Problem, at, text
from webhook.printable import named

_LOGS = "/var/log/aws-routed-eni"
"""The folder of the host in which the official manifest has the CNI write its logs."""

_BASENAMES = frozenset(repository.rpartition("/")[2] for repository in REPOSITORIES.values())
_NAMED = 20
"""Powers of a container that are told one by one; the rest of a longer list is one more."""

_UNREVIEWED = "nodes may fail to pull it, or run unreviewed code with rights over their network"


class _Objection(NamedTuple):
    """What speaks against an image."""

    level: Level
    wrong: str
    effect: str
    remedy: str = ""
    """Empty where it is to use Amazon's images."""


@rule(
    "IMG-003",
    "An image from a registry that is not allowed",
    level="deny",
    reads=("rest",),
    link=links.IMAGES,
    bad=(
        Example(DaemonSet(images={"aws-node": "docker.io/example/amazon-k8s-cni:v1.23.1"})),
        Example(
            DaemonSet(
                images={"aws-node": "602401143452.dkr.ecr.us-west-2.amazonaws.com.evil.io/amazon-k8s-cni:v1.23.1"}
            )
        ),
        Example(DaemonSet(images={"aws-node": "123456789012.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.23.1"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{REGISTRY}/amazon/other-agent:v1.4.2"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": "Not An Image"})),
        Example(DaemonSet(images={"aws-node": "602401143452.dkr.ecr.xx-new-1.amazonaws.com/amazon-k8s-cni:v1.23.1"})),
        Example(DaemonSet(sidecar="docker.io/example/helper:1"), level="warn"),
        Example(
            DaemonSet(
                sidecar="docker.io/example/helper:1",
                sidecar_fields={"securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}}},
            )
        ),
        Example(
            DaemonSet(
                sidecar="docker.io/example/helper:1",
                sidecar_fields={"volumeMounts": [{"name": "cni-bin-dir", "mountPath": "/bin"}]},
            )
        ),
        Example(
            DaemonSet(images={"aws-eks-nodeagent": "docker.io/example/npa:1"}, renamed={"aws-eks-nodeagent": "npa"})
        ),
    ),
    good=(
        Example(
            DaemonSet(sidecar=f"{REGISTRY}/eks/pause:3.10", sidecar_fields={"securityContext": {"privileged": True}})
        ),
    ),
)
def foreign_registry(case: AwsNodeCase) -> Iterator[Problem]:
    """aws-node runs in the host's network with rights over it, on every node: its images are a supply chain.

    Amazon's own registry has one account per region. A mirror is named in the policy (images.registries). Images of
    another region or partition may be out of reach in an isolated VPC. A container beside those of the CNI is denied
    where it has rights over the node of its own: privileged, with capabilities, or with a folder of the host other than
    that of the logs.
    """
    found = [*_of_roles(case), *_of_strays(case)]
    remedies = dict.fromkeys(one.objection.remedy for one in found)
    # One text for all that is wrong with an object, so that it is told once.
    effect = "; ".join(dict.fromkeys(one.objection.effect for one in found))
    remedy = ". ".join(one or _suggestion(case) for one in remedies)
    for one in found:
        yield Problem(
            path=(*one.holder.path, "image"),
            evidence=one.evidence,
            level=one.objection.level,
            wrong=one.objection.wrong,
            effect=effect,
            remedy=remedy,
        )


class _Found(NamedTuple):
    """What speaks against an image, and what that rests on."""

    holder: Container
    objection: _Objection
    evidence: Evidence


def _of_roles(case: AwsNodeCase) -> Iterator[_Found]:
    """The images of the CNI's three containers."""
    for holder in case.new.roles:
        if holder.image is None and holder.role == "aws-node":
            continue  # VER-001 reports a main image that cannot be parsed
        if objection := _objection(case, holder):
            # Not the tag: an upgrade within a registry that was there before brings nothing new.
            yield _Found(holder, objection, ((f"{holder.role} image repository", _repository(holder)),))


class _Volumes(NamedTuple):
    """What the mounts of a container may name."""

    of_host: dict[str, str]
    """The path of the host behind each volume that is one, but for the folder of the logs and what lies in it."""
    read: frozenset[str]
    """The names of all volumes that were read."""
    whole: bool
    """Whether there are no others."""


def _of_strays(case: AwsNodeCase) -> Iterator[_Found]:
    """The images of all others: one problem for each power, so that giving one up is a step that passes."""
    strays = [holder for holder in case.new.containers if holder not in case.new.roles]
    volumes = _volumes(case) if strays else _Volumes({}, frozenset(), whole=True)
    seconds = second_cnis(case) if case.policy.rules.get("POD-011") != "off" else ()
    for holder in strays:
        objection = _objection(case, holder)
        if objection is None:
            continue
        repository = _repository(holder)
        origin = (f"{holder.name} image repository", repository)
        is_second = holder in seconds
        powers = tuple(_powers(holder, volumes, is_second=is_second)) if objection.level == "deny" else ()
        if is_second and not powers:
            continue  # POD-011 says more
        yield _Found(holder, objection._replace(level="deny" if powers else "warn"), (origin,))
        for power in powers:
            wrong = f"container {holder.label} of {named(repository)} {power}"
            yield _Found(holder, objection._replace(wrong=wrong), (origin, (f"{holder.name} power", power)))


def denies_impostor(case: AwsNodeCase, holder: Container) -> bool:
    """Whether IMG-003 denies a container that is called, or runs an image called, like one of the CNI's."""
    objection = _objection(case, holder) if case.policy.rules.get("IMG-003") != "off" else None
    return objection is not None and objection.level == "deny"


def _powers(holder: Container, volumes: _Volumes, *, is_second: bool) -> Iterator[str]:
    """What gives a container rights over the node, or makes it look like one of the CNI's.

    That it looks like one is left to POD-011 for a second container.
    """
    if not is_second and (holder.name in REPOSITORIES or (holder.image and holder.image.basename in _BASENAMES)):
        yield "is called, or runs an image called, like one of the CNI's"
    context = holder.raw.get("securityContext")
    if at(context, "privileged") not in (None, False):
        yield "is privileged"
    yield from _capped("adds the capability", _texts(at(context, "capabilities", "add")))
    listed = holder.raw.get("volumeMounts")
    mounts = listed if isinstance(listed, list) else []
    limit = CONTAINER_LISTS["volumeMounts"]
    names = _texts([at(mount, "name") for mount in mounts[:limit]])
    yield from _capped("mounts the host's", {volumes.of_host[name] for name in names & volumes.of_host.keys()})
    # What is not read may be the host's: a list that was too long before is only warned about by its length.
    if not volumes.whole and not names <= volumes.read:
        yield f"mounts a volume beyond the {POD_LISTS['volumes']} that are read"
    if len(mounts) > limit:
        yield f"has mounts beyond the {limit} that are read"


def _texts(listed: Json) -> set[str]:
    return {item for item in listed if isinstance(item, str)} if isinstance(listed, list) else set()


def _capped(does: str, items: set[str]) -> Iterator[str]:
    ordered = sorted(items)
    yield from (f"{does} {item}" for item in ordered[:_NAMED])
    if rest := ordered[_NAMED:]:
        yield f"{does} {', '.join(rest)}"


def _volumes(case: AwsNodeCase) -> _Volumes:
    """The volumes of the pod, no more than the limit."""
    listed = at(case.new.raw, *POD_SPEC, "volumes")
    volumes = listed if isinstance(listed, list) else []
    limit = POD_LISTS["volumes"]
    read: set[str] = set()
    of_host: dict[str, str] = {}
    for volume in volumes[:limit]:
        name, source = text(at(volume, "name")), at(volume, "hostPath")
        read.add(name)
        path = text(at(source, "path"))
        if source is not None and not f"{_plain_path(path)}/".startswith(f"{_LOGS}/"):
            of_host[name] = path
    return _Volumes(of_host, frozenset(read), whole=len(volumes) <= limit)


def _plain_path(path: str) -> str:
    """A path without detours; two slashes at its start are one on Linux."""
    plain = posixpath.normpath(path)
    return f"/{plain.lstrip('/')}" if path.startswith("/") else plain


def _objection(case: AwsNodeCase, holder: Container) -> _Objection | None:
    """What speaks against an image; None where it is fine."""
    image = holder.image
    if image is None:
        wrong = f'image "{holder.image_text}" of {holder.label} is not an image reference'
        return _Objection("deny", wrong, _UNREVIEWED)
    if holder.role == "aws-eks-nodeagent" and image.basename != _AGENT_IMAGE and holder in case.new.roles:
        return _Objection("deny", f"image {image} of {holder.label} is not {_AGENT_IMAGE}", _UNREVIEWED)
    if any(within(image, registry) for registry in case.policy.images.registries):
        return None
    host = ecr_host(image.registry)
    if host is None:
        wrong = f"image {image} comes from {image.registry}, not from Amazon's registry"
        return _Objection("deny", wrong, _UNREVIEWED)
    return _ecr_objection(case, holder, image, host)


_AGENT_IMAGE = REPOSITORIES["aws-eks-nodeagent"].rpartition("/")[2]


def _ecr_objection(case: AwsNodeCase, holder: Container, image: Image, host: EcrHost) -> _Objection | None:
    account, region = ACCOUNTS.get(host.region), case.policy.cluster.region
    if account is None:
        return _unlisted(case, holder, image, host)
    if host.account != account:
        wrong = f"image {image} comes from account {host.account}, Amazon's in {host.region} is {account}"
        return _Objection("deny", wrong, _UNREVIEWED)
    if region and partition_of(region).name != host.partition:
        wrong = f"image {image} is in partition {host.partition}, the cluster in {region}"
        return _Objection("deny", wrong, "its nodes cannot pull it")
    if region and region != host.region:
        wrong = f"image {image} is in {host.region}, the cluster in {region}"
        return _Objection("warn", wrong, "each pull crosses regions, and fails where the VPC is isolated")
    return None


def _unlisted(case: AwsNodeCase, holder: Container, image: Image, host: EcrHost) -> _Objection:
    """An account in a region whose account of Amazon's is not known: anyone can open a registry there."""
    return _Objection(
        "warn" if _pulled_before(case, holder, host) else "deny",
        f"image {image} comes from account {host.account}, and the guard's table has no account of Amazon's for "
        f"{host.region}",
        "any AWS account can hold such a registry, and nodes may run unreviewed code with rights over their network",
        f"If {host.account} is the account that AWS lists for {host.region}, add it to the policy: "
        f"`images: {{registries: [{image.registry}]}}`",
    )


def _pulled_before(case: AwsNodeCase, holder: Container, host: EcrHost) -> bool:
    """Whether the container of this role already ran its image from this account and region."""
    before = {old.role: old for old in case.old.roles}.get(holder.role) if case.old is not None else None
    if before is None or before.image is None or holder not in case.new.roles:
        return False
    was = ecr_host(before.image.registry)
    return (
        was is not None
        and (was.account, was.region) == (host.account, host.region)
        and before.image.basename == REPOSITORIES[holder.role].rpartition("/")[2]
    )


def _repository(holder: Container) -> str:
    return f"{holder.image.registry}/{holder.image.repository}" if holder.image else holder.image_text


def _suggestion(case: AwsNodeCase) -> str:
    """Where the images should come from."""
    region = _region(case)
    registry = registry_for(region)
    if registry:
        return f"Use the images of {registry}, or add your mirror to images.registries of the policy"
    asked = f"ACCOUNT.dkr.ecr.{region or 'REGION'}.{partition_of(region).domain}"
    if region:
        line = f"`images: {{registries: [{asked}]}}`"
        return f"Use the account that AWS lists for {region}, and add it to the policy: {line}"
    return f"Use Amazon's images ({asked}), or add your mirror to images.registries of the policy"


def _region(case: AwsNodeCase) -> str:
    """The cluster's region, else that of Amazon's images in the object, else that of any registry of ECR in it."""
    images = (holder.image for holder in (*case.new.roles, *case.new.containers))
    hosts = [host for image in images if image and (host := ecr_host(image.registry))]
    amazons = [host.region for host in hosts if ACCOUNTS.get(host.region) == host.account]
    return next(filter(None, (case.policy.cluster.region, *amazons, *(host.region for host in hosts))), "")
