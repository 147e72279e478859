"""POD-001 and POD-002: the containers of aws-node, and the network that they run in."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import OR_DELETE, stops_running_the_cni
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.container import Container
from webhook.cni.identity import is_the_aws_node
from webhook.model import CouldNotCheckError, Level, Problem

_INIT = "aws-vpc-cni-init"


@rule(
    "POD-001",
    "A container of the CNI is missing or has another name",
    level="deny",
    link=links.MANAGE,
    formerly=("VER-001",),
    reads=("rest",),
    bad=(
        Example(DaemonSet(without_containers=(_INIT,)), certain=True),
        Example(DaemonSet(without_containers=("aws-node",)), certain=True),
        Example(DaemonSet(release="1.11.5", without_containers=(_INIT,)), level="warn"),
        Example(DaemonSet(renamed={"aws-node": "cni"}), level="warn"),
    ),
)
def missing_container(case: AwsNodeCase) -> Iterator[Problem]:
    """Container aws-node runs ipamd; its init container installs plugins and writes kernel settings.

    The init container came with 1.7.0, and up to 1.12.0 aws-node installed the plugins too. A container under another
    name runs as well, but tools look for it by name.
    """
    view = case.new
    if any(found.path[:-1] == POD_SPEC and found.name != "volumes" for found in view.too_long()):
        raise CouldNotCheckError("the list of containers is too long to be read")
    if view.main is None or view.main.path[-2] != "containers":
        yield _missing(case, "aws-node", "deny", certain=is_the_aws_node(case.change))
        return
    if view.init is None or view.init.path[-2] != "initContainers":
        version = view.version
        if version is None or case.tables.behaves(version, "init-container"):
            needed = version is not None and case.tables.behaves(version, "relies-on-init") and is_known(case)
            yield _missing(case, _INIT, "deny" if needed else "warn", certain=needed)
    yield from (_renamed(one) for one in (view.main, view.init) if one is not None and one.name not in {"", one.role})


_WITHOUT = {
    "aws-node": "no ipamd runs on the nodes, so every new pod fails",
    _INIT: "no one installs the CNI plugins and writes the kernel settings on new nodes, so their pods get no network",
}


def _missing(case: AwsNodeCase, role: str, level: Level, *, certain: bool) -> Problem:
    version = case.new.version
    kind = "init container" if role == _INIT else "container"
    release = f" of CNI {version}" if version is not None else ""
    return Problem(
        path=(*POD_SPEC, "initContainers" if role == _INIT else "containers"),
        evidence=((f"{kind} {role}", None),),
        level=level,
        certain=certain,
        wrong=f"there is no {kind} {role}",
        effect=_WITHOUT[role] if level == "deny" else "kernel settings that pods need are not written on new nodes",
        remedy=f"Restore the {kind} of the official manifest{release}" + OR_DELETE * stops_running_the_cni(case),
    )


def _renamed(holder: Container) -> Problem:
    return Problem(
        path=(*holder.path, "name"),
        evidence=((f"name of container {holder.role}", holder.name),),
        level="warn",
        wrong=f"container {holder.label} runs {holder.role} under another name",
        effect="Helm, server-side apply and the EKS add-on add a second one beside it, and commands with "
        f"--containers={holder.role} do not find it",
        remedy=f"Call it {holder.role}",
    )


@rule(
    "POD-002",
    "aws-node is not on the host's network",
    level="deny",
    link=links.BEST_PRACTICES,
    reads=("rest",),
    bad=(
        Example(DaemonSet(pod={"hostNetwork": False}), certain=True),
        Example(DaemonSet(pod={"hostNetwork": None}), certain=True),
    ),
)
def without_host_network(case: AwsNodeCase) -> Iterator[Problem]:
    """Aws-node provides the network of pods, so it cannot wait for it; its routes and rules are those of the host."""
    host_network = case.new.pod.get("hostNetwork")
    if case.new.main is None or host_network is True:
        return
    yield Problem(
        path=(*POD_SPEC, "hostNetwork"),
        evidence=(("hostNetwork", "off"),),
        level="deny",
        certain=is_known(case),
        wrong=f"hostNetwork is {'absent' if host_network is None else 'false'}",
        effect="aws-node waits for the pod network that it is there to provide, so no pod starts on the nodes",
        remedy="Set hostNetwork: true",
    )
