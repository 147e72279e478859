"""POD-003: what the containers of aws-node may do on their node."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.container import Container
from webhook.cni.mounts import mounted, volumes
from webhook.cni.rights import Rights, rights
from webhook.model import Level, Problem

_OFFICIAL = frozenset({"NET_ADMIN", "NET_RAW"})
_NAMED = 10

_ROOTLESS = {"runAsNonRoot": True}
_WITH = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}


@rule(
    "POD-003",
    "Containers of aws-node with too few rights, or with too many",
    level="deny",
    link=links.BEST_PRACTICES,
    bad=(
        Example(DaemonSet(init_fields={"securityContext": {"privileged": False}})),
        Example(DaemonSet(fields={"securityContext": {"capabilities": {"add": ["NET_RAW"]}}})),
        Example(DaemonSet(fields={"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}), level="warn"),
        Example(DaemonSet(agent_fields={"securityContext": {}}, arguments=("--enable-network-policy=true",))),
        Example(DaemonSet(fields={"securityContext": {**_WITH, "readOnlyRootFilesystem": True}})),
        Example(DaemonSet(pod={"securityContext": _ROOTLESS})),
        Example(DaemonSet(fields={"securityContext": {**_WITH, "runAsUser": 1000}})),
        Example(DaemonSet(fields={"securityContext": {"privileged": True}}), level="warn"),
        Example(
            DaemonSet(fields={"securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"]}}}),
            level="warn",
        ),
    ),
    good=(
        Example(DaemonSet(fields={"securityContext": {"capabilities": {"add": ["net_admin", "NET_RAW"]}}})),
        Example(DaemonSet(agent_fields={"securityContext": {}})),
    ),
)
def wrong_rights(case: AwsNodeCase) -> Iterator[Problem]:
    """The init container writes kernel settings, aws-node routes and iptables rules, the agent BPF programs.

    Each needs rights on the node for that, and no more than the official manifest gives it.
    """
    view = case.new
    if view.main is None:
        return
    for holder in view.roles:
        yield from _not_as_root(holder, rights(holder, view.pod))
    if view.init is not None and not rights(view.init, view.pod).privileged:
        yield _unprivileged(view.init, "it cannot write kernel settings, and ends with an error on every node")
    if view.agent is not None and view.network_policy and not rights(view.agent, view.pod).privileged:
        yield _unprivileged(view.agent, "it cannot load BPF programs, and network policies are not enforced")
    yield from _of_main(case, view.main, rights(view.main, view.pod))


def _problem(holder: Container, name: str, found: str | None, level: Level, texts: tuple[str, str, str]) -> Problem:
    wrong, effect, remedy = texts
    return Problem(
        path=(*holder.path, "securityContext"),
        evidence=((f"{holder.role} {name}", found),),
        level=level,
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


def _not_as_root(holder: Container, has: Rights) -> Iterator[Problem]:
    effect = "it may not change the network of the node, or does not start at all"
    if has.user not in {None, 0}:
        wrong = f"container {holder.label} runs as user {has.user} instead of root"
        yield _problem(holder, "runAsUser", str(has.user), "deny", (wrong, effect, "Remove runAsUser"))
    elif has.non_root:
        wrong = f"container {holder.label} has runAsNonRoot: true, and its image runs as root"
        yield _problem(holder, "runAsNonRoot", "true", "deny", (wrong, effect, "Remove runAsNonRoot"))


def _unprivileged(holder: Container, effect: str) -> Problem:
    wrong = f"container {holder.label} is not privileged"
    remedy = f"Set securityContext.privileged: true in container {holder.label}, as the official manifest does"
    return _problem(holder, "privileged", "false", "deny", (wrong, effect, remedy))


def _of_main(case: AwsNodeCase, main: Container, has: Rights) -> Iterator[Problem]:
    add = "Add it to securityContext.capabilities.add of container {}, as the official manifest does"
    if not has.has("NET_ADMIN"):
        texts = (
            f"container {main.label} lacks the capability NET_ADMIN",
            "it cannot set up interfaces, routes and iptables rules, and new pods get no network",
            add.format(main.label),
        )
        yield _problem(main, "NET_ADMIN", None, "deny", texts)
    version = case.new.version
    if version is not None and case.tables.behaves(version, "net-raw") and not has.has("NET_RAW"):
        texts = (
            f"container {main.label} does not ask for the capability NET_RAW, as that of CNI {version} does",
            "iptables fails where the container runtime does not give it by default, as CRI-O does not",
            add.format(main.label),
        )
        yield _problem(main, "NET_RAW", None, "warn", texts)
    if has.read_only_root and not _has_tmp(case, main):
        texts = (
            f"container {main.label} has a read-only root file system and no writable volume at /tmp",
            "it cannot write the CNI configuration there and exits",
            "Remove readOnlyRootFilesystem, or mount an emptyDir at /tmp",
        )
        yield _problem(main, "readOnlyRootFilesystem", "true", "deny", texts)
    yield from _too_many(case, main, has)


def _has_tmp(case: AwsNodeCase, main: Container) -> bool:
    found = mounted(main, volumes(case.new.pod), "/tmp")  # noqa: S108 - where aws-node writes (main.go)
    return found is not None and not found.read_only


def _too_many(case: AwsNodeCase, main: Container, has: Rights) -> Iterator[Problem]:
    """Rights that the release does not need: before 1.7.0, and without an init container, it needed all."""
    version = case.new.version
    effect = "an attacker who takes over aws-node controls more of the node than its network"
    if has.privileged and case.new.init is not None and case.tables.behaves(version, "init-container"):
        wrong = f"container {main.label} is privileged, which it does not need"
        remedy = "Replace privileged by the capabilities NET_ADMIN and NET_RAW"
        yield _problem(main, "is privileged", "true", "warn", (wrong, effect, remedy))
    for name in sorted(has.added - _OFFICIAL)[:_NAMED]:
        wrong = f"container {main.label} adds the capability {name[:40]}, which it does not need"
        yield _problem(main, f"adds {name[:40]}", "yes", "warn", (wrong, effect, "Remove it"))
