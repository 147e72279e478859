"""IMG: which images the three containers run, and whether they belong together."""

from collections.abc import Iterator

from webhook.cni.agents import needs_answer
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.cni.images import ACCOUNTS, REPOSITORIES, EcrHost, Image, ecr_host, partition_of, registry_for
from webhook.cni.values import go_lower
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, Level, Problem
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example
from webhook.rules.rule import AwsNodeCase, rule
from webhook.rules.standing import is_known, reading_of

_REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
_CNI, _INIT = f"{_REGISTRY}/amazon-k8s-cni", f"{_REGISTRY}/amazon-k8s-cni-init"
_AGENT = f"{_REGISTRY}/amazon/aws-network-policy-agent"


def _image_evidence(*holders: Container) -> tuple[tuple[str, str | None], ...]:
    return tuple((f"{holder.name} image", holder.image_text) for holder in holders)


@rule(
    "IMG-001",
    "The images of aws-node and of its init container differ",
    level="deny",
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(images={"aws-vpc-cni-init": f"{_INIT}:v1.22.4"})),
        Example(DaemonSet(images={"aws-node": f"{_INIT}:v1.23.1", "aws-vpc-cni-init": f"{_CNI}:v1.23.1"})),
        Example(DaemonSet(images={"aws-node": f"{_CNI}:v1.23.1-eksbuild.2", "aws-vpc-cni-init": f"{_INIT}:v1.23.1"})),
    ),
)
def images_differ(case: AwsNodeCase) -> Iterator[Problem]:
    """Both images are built from one commit: plugins come from one and from the other, kernel settings from the init.

    No official manifest has ever mixed them.
    """
    main, init = case.new.required, case.new.init
    if init is None:
        raise CouldNotCheckError("there is no container aws-vpc-cni-init")
    evidence = _image_evidence(main, init)
    swapped = [holder for holder in (main, init) if holder.image and holder.image.basename != _basename(holder)]
    for holder in swapped:
        yield Problem(
            path=(*holder.path, "image"),
            evidence=evidence,
            level="deny",
            wrong=f"container {holder.name} runs {holder.image_text}, which is no {_basename(holder)}",
            effect="CNI plugins and kernel settings would come from the wrong image",
            remedy=f"Use the image {_basename(holder)} there",
        )
    if swapped:
        return
    now, beside = case.new.known_version, _release(case.new, init)
    if now != beside:
        yield Problem(
            path=(*init.path, "image"),
            evidence=evidence,
            level="deny",
            wrong=f"aws-node is {now} but aws-vpc-cni-init is {beside}",
            effect="CNI plugins and kernel settings would come from another release",
            remedy=f"Set both to {max(now, beside)}",
        )
    elif main.tag and init.tag and main.tag.build != init.tag.build:
        yield Problem(
            path=(*init.path, "image"),
            evidence=evidence,
            level="warn",
            wrong=f"aws-node and aws-vpc-cni-init are different builds of {now}",
            effect="the two were not tested together",
            remedy="Use one eksbuild for both",
        )


def _basename(holder: Container) -> str:
    expected = REPOSITORIES["aws-vpc-cni-init" if holder.role == "aws-vpc-cni-init" else "aws-node"]
    return expected.rpartition("/")[2]


def _release(view: AwsNode, holder: Container) -> Version:
    """The release of a container beside aws-node. Raises CouldNotCheckError where nothing tells it."""
    release = view.release_of(holder)
    if release is None:
        raise CouldNotCheckError(f'the version of {holder.name} can not be determined (image "{holder.image_text}")')
    return release


@rule(
    "IMG-002",
    "The network policy agent does not fit the CNI",
    level="deny",
    link=links.CHANGELOG,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_AGENT}:v1.2.5"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_AGENT}:v1.4.0"})),
        Example(DaemonSet(release="1.20.1", images={"aws-eks-nodeagent": f"{_AGENT}:v1.2.6"})),
        Example(
            DaemonSet(
                release="1.22.4",
                images={"aws-eks-nodeagent": f"{_AGENT}:v1.4.1"},
                arguments=("--enable-network-policy=true",),
            )
        ),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_AGENT}:v1.4.3"})),
    ),
)
def agent_differs(case: AwsNodeCase) -> Iterator[Problem]:
    """CNI and agent speak over sockets that moved twice; a pair from both sides of a move can not talk.

    Where the CNI is told to wait for policies, the creation of every pod then fails.
    """
    version, agent = case.new.known_version, case.new.agent
    if agent is None:
        return
    now = _release(case.new, agent)
    pair = case.tables.pairs.get(version)
    epoch = case.tables.epoch(version)
    mode = case.new.required.get(_MODE)
    enabled = case.new.network_policy
    too_old = epoch.minimum is not None and now < epoch.minimum
    too_new = epoch.before is not None and now >= epoch.before and (enabled or not epoch.before_when_enabled)
    lonely = enabled and epoch.to_ipamd == "none" and now >= _ASKS_IPAMD
    if too_old or too_new or lonely:
        # One socket only is on both sides; a plugin that calls for each pod then refuses all of them.
        other_socket = (now < _UNIX_SOCKET) is epoch.to_agent.startswith("unix")
        fails = other_socket and needs_answer(epoch.to_agent, mode)
        in_use = enabled or (mode is not None if needs_answer(epoch.to_agent, "standard") else _is_strict(case, mode))
        yield _unfit(case, agent, now, "deny" if in_use else "warn", fails=fails)
    elif pair is not None and now != pair:
        yield _unfit(case, agent, now, "warn", fails=False)


_MODE = "NETWORK_POLICY_ENFORCING_MODE"
_UNIX_SOCKET, _ASKS_IPAMD = Version(1, 2, 6), Version(1, 2, 4)
"""The first agents that listen on a unix socket, and that ask ipamd for its mode where policies are enabled."""


def _is_strict(case: AwsNodeCase, mode: str | None) -> bool:
    return reading_of(case, case.new.required, _MODE) is not None and go_lower(mode or "") == "strict"


def _unfit(case: AwsNodeCase, agent: Container, now: Version, level: Level, *, fails: bool) -> Problem:
    version = case.new.known_version
    pair = case.tables.pairs.get(version)
    broken = level == "deny"
    return Problem(
        path=(*agent.path, "image"),
        evidence=(
            ("CNI version", str(version)),
            ("network policy agent", str(now)),
            ("network policy", "in use" if broken else "not in use"),
            *case.new.required.evidence(_MODE),
        ),
        level=level,
        certain=fails and is_known(case),
        wrong=f"network policy agent {now} {'does not work' if broken else 'does not ship'} with CNI {version}",
        effect='they use different sockets, and new pods fail with "failed to setup network policy"'
        if fails
        else "the two do not reach each other, so policies are not enforced and the agent may crash"
        if broken
        else "the pair was not tested together",
        remedy=f"Use aws-network-policy-agent:v{pair}" if pair else f"Use the agent of the manifest of {version}",
    )


@rule(
    "IMG-003",
    "An image from a registry that is not allowed",
    level="deny",
    link=links.IMAGES,
    bad=(
        Example(DaemonSet(images={"aws-node": "docker.io/example/amazon-k8s-cni:v1.23.1"})),
        Example(
            DaemonSet(
                images={"aws-node": "602401143452.dkr.ecr.us-west-2.amazonaws.com.evil.io/amazon-k8s-cni:v1.23.1"}
            )
        ),
        Example(DaemonSet(images={"aws-node": "123456789012.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.23.1"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_REGISTRY}/amazon/other-agent:v1.4.2"})),
        Example(DaemonSet(images={"aws-eks-nodeagent": "Not An Image"})),
        Example(DaemonSet(images={"aws-node": "602401143452.dkr.ecr.xx-new-1.amazonaws.com/amazon-k8s-cni:v1.23.1"})),
    ),
)
def foreign_registry(case: AwsNodeCase) -> Iterator[Problem]:
    """aws-node runs in the host's network with rights over it, on every node: its images are a supply chain.

    Amazon's own registry has one account a region. A mirror of one's own is named in the policy (images.registries).
    Images of another region or partition may be out of reach in an isolated VPC.
    """
    for name, repository in REPOSITORIES.items():
        holder = next((c for c in case.new.roles if c.role == name), None)
        if holder is None or (holder.image is None and name == "aws-node"):
            continue  # VER-001 speaks of a main image that is none
        said = _objection(case, holder, repository)
        if said is not None:
            level, wrong, effect = said
            yield Problem(
                path=(*holder.path, "image"),
                # Not the tag: an upgrade within a registry that was there before brings nothing new.
                evidence=((f"{name} image repository", _repository(holder)),),
                level=level,
                wrong=wrong,
                effect=effect,
                remedy=_suggestion(case, holder, repository),
            )


_UNREVIEWED = "nodes may fail to pull it, or run unreviewed code with rights over their network"


def _objection(case: AwsNodeCase, holder: Container, repository: str) -> tuple[Level, str, str] | None:
    """Level, what is wrong and what would happen; None where the image is fine."""
    image = holder.image
    if image is None:
        return "deny", f'image "{holder.image_text}" of {holder.name} is not an image reference', _UNREVIEWED
    basename = repository.rpartition("/")[2]
    if image.basename != basename and holder.role == "aws-eks-nodeagent":
        return "deny", f"image {image} of {holder.name} is no {basename}", _UNREVIEWED
    if any(_within(image, registry) for registry in case.policy.images.registries):
        return None
    host = ecr_host(image.registry)
    if host is None:
        return "deny", f"image {image} comes from {image.registry}, not from Amazon's registry", _UNREVIEWED
    return _ecr_objection(case, image, host)


def _ecr_objection(case: AwsNodeCase, image: Image, host: EcrHost) -> tuple[Level, str, str] | None:
    account, region = ACCOUNTS.get(host.region), case.policy.cluster.region
    if account is None:
        return (
            "warn",
            f"region {host.region} of image {image} is not in the guard's table",
            ("the account of the registry could not be checked"),
        )
    if host.account != account:
        return (
            "deny",
            f"image {image} comes from account {host.account}, Amazon's in {host.region} is {account}",
            (_UNREVIEWED),
        )
    if region and partition_of(region).name != host.partition:
        return (
            "deny",
            f"image {image} lies in partition {host.partition}, the cluster in {region}",
            ("its nodes can not pull it"),
        )
    if region and region != host.region:
        return (
            "warn",
            f"image {image} lies in {host.region}, the cluster in {region}",
            ("each pull crosses regions, and fails where the VPC is isolated"),
        )
    return None


def _within(image: Image, registry: str) -> bool:
    """Whether an image lies below a registry with an optional path: compared in whole parts."""
    full = f"{image.registry}/{image.repository}"
    return full.startswith(registry.removesuffix("/") + "/")


def _repository(holder: Container) -> str:
    return f"{holder.image.registry}/{holder.image.repository}" if holder.image else holder.image_text


def _suggestion(case: AwsNodeCase, holder: Container, repository: str) -> str:
    host = ecr_host(holder.image.registry) if holder.image else None
    region = case.policy.cluster.region or (host.region if host else "")
    registry = registry_for(region) or f"ACCOUNT.dkr.ecr.{region or 'REGION'}.amazonaws.com"
    tag = holder.image.tag if holder.image and holder.image.tag else "TAG"
    return f"Use {registry}/{repository}:{tag}, or add your mirror to images.registries of the policy"
