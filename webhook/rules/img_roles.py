"""IMG-001 and IMG-002: which images the three containers run, and whether they belong together."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import CNI, REGISTRY, DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known, reading_of
from webhook.cni.agents import needs_answer
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.cni.images import REPOSITORIES
from webhook.cni.values import go_lower
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, Level, Problem
from webhook.printable import named

_INIT = f"{REGISTRY}/amazon-k8s-cni-init"
_AGENT = f"{REGISTRY}/amazon/aws-network-policy-agent"


def _image_evidence(*holders: Container) -> tuple[tuple[str, str | None], ...]:
    return tuple((f"{holder.name} image", holder.image_text) for holder in holders)


@rule(
    "IMG-001",
    "The images of aws-node and of its init container differ",
    level="deny",
    reads=("rest",),
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(images={"aws-vpc-cni-init": f"{_INIT}:v1.22.4"})),
        Example(DaemonSet(images={"aws-node": f"{_INIT}:v1.23.1", "aws-vpc-cni-init": f"{CNI}:v1.23.1"})),
        Example(
            DaemonSet(images={"aws-node": f"{CNI}:v1.23.1-eksbuild.2", "aws-vpc-cni-init": f"{_INIT}:v1.23.1"}),
            level="warn",
        ),
        Example(
            DaemonSet(
                images={"aws-node": f"{REGISTRY}/eks/coredns:v1.23.1", "aws-vpc-cni-init": f"{REGISTRY}/x:1"},
                renamed={"aws-vpc-cni-init": "init"},
            )
        ),
    ),
)
def images_differ(case: AwsNodeCase) -> Iterator[Problem]:
    """Both images are built from one commit: plugins come from one and from the other, kernel settings from the init.

    No official manifest has ever mixed them.
    """
    wrong = [holder for holder in (case.new.main, case.new.init) if holder is not None and _runs_another(holder)]
    yield from map(_another, wrong)
    main, init = case.new.required, case.new.init
    if init is None:
        if not case.tables.behaves(case.new.version, "init-container"):
            return
        raise CouldNotCheckError("there is no container aws-vpc-cni-init")
    if wrong:
        return
    now, beside = case.new.known_version, _release(case.new, init)
    if now != beside:
        yield Problem(
            path=(*init.path, "image"),
            evidence=((f"{main.role} release", str(now)), (f"{init.role} release", str(beside))),
            level="deny",
            wrong=f"aws-node is {now} but aws-vpc-cni-init is {beside}",
            effect="CNI plugins and kernel settings would come from another release",
            remedy=f"Set both to {max(now, beside)}",
        )
    elif main.tag and init.tag and main.tag.build != init.tag.build:
        yield Problem(
            path=(*init.path, "image"),
            evidence=_image_evidence(main, init),
            level="warn",
            wrong=f"aws-node and aws-vpc-cni-init are different builds of {now}",
            effect="the two were not tested together",
            remedy="Use one eksbuild for both",
        )


_WITHOUT = {
    "aws-node": "no ipamd runs on the nodes, so new pods get no network",
    "aws-vpc-cni-init": "CNI plugins and kernel settings would come from the wrong image",
}


def _runs_another(holder: Container) -> bool:
    return holder.image is not None and holder.image.basename != _basename(holder)


def _another(holder: Container) -> Problem:
    """A container of the CNI's that runs something else: told of each by itself, so that mending one is a step."""
    return Problem(
        path=(*holder.path, "image"),
        evidence=((f"{holder.role} image", holder.image_text),),
        level="deny",
        wrong=f"container {holder.label} runs {named(holder.image_text)}, which is not {_basename(holder)}",
        effect=_WITHOUT[holder.role],
        remedy=f"Use the image {_basename(holder)} there; where it is meant, as when another CNI takes over, add an "
        "exception for IMG-001 to the policy",
    )


def _basename(holder: Container) -> str:
    expected = REPOSITORIES["aws-vpc-cni-init" if holder.role == "aws-vpc-cni-init" else "aws-node"]
    return expected.rpartition("/")[2]


def _release(view: AwsNode, holder: Container) -> Version:
    """The release of a container beside aws-node. Raises CouldNotCheckError where nothing tells it."""
    release = view.release_of(holder)
    if release is None:
        raise CouldNotCheckError(f'the version of {holder.name} cannot be determined (image "{holder.image_text}")')
    return release


@rule(
    "IMG-002",
    "The network policy agent does not fit the CNI",
    level="deny",
    link=links.CHANGELOG,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_AGENT}:v1.2.5"}), certain=True),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_AGENT}:v1.4.0"})),
        Example(DaemonSet(release="1.20.1", images={"aws-eks-nodeagent": f"{_AGENT}:v1.2.6"}), certain=True),
        Example(
            DaemonSet(
                release="1.22.4",
                images={"aws-eks-nodeagent": f"{_AGENT}:v1.4.1"},
                arguments=("--enable-network-policy=true",),
            )
        ),
        Example(DaemonSet(images={"aws-eks-nodeagent": f"{_AGENT}:v1.4.3"}), level="warn"),
    ),
)
def agent_differs(case: AwsNodeCase) -> Iterator[Problem]:
    """CNI and agent speak over sockets that moved twice; a pair from both sides of a move cannot talk.

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
    lonely = enabled and epoch.to_ipamd == "none" and case.tables.agent(now).asks_ipamd
    if too_old or too_new or lonely:
        # One socket only is on both sides; a plugin that calls for each pod then refuses all of them.
        other_socket = (case.tables.agent(now).listens_on == "tcp") is epoch.to_agent.startswith("unix")
        fails = other_socket and needs_answer(epoch.to_agent, mode)
        in_use = enabled or (mode is not None if needs_answer(epoch.to_agent, "standard") else _is_strict(case, mode))
        yield _unfit(case, agent, now, "deny" if in_use else "warn", fails=fails)
    elif pair is not None and now != pair:
        yield _unfit(case, agent, now, "warn", fails=False)


_MODE = "NETWORK_POLICY_ENFORCING_MODE"


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
            # With another mode the fault is more or less grave, and not another one.
            (f"{case.new.required.name} env {_MODE}", "says how grave it is"),
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
