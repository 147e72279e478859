"""POD-004: the folders of the host that the containers of aws-node work with."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, container
from webhook.catalogue.parts import shape_of
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import reading_of
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.container import Container
from webhook.cni.mounts import Mount, Shown, Volumes, mounted, plain, shown, volumes
from webhook.cni.stock import stock
from webhook.model import Evidence, Json, Level, Problem

_MODE = "NETWORK_POLICY_ENFORCING_MODE"

_PATHS: Mapping[str, str] = MappingProxyType(
    {"cni-bin-dir": "HOST_CNI_BIN_PATH", "cni-net-dir": "HOST_CNI_CONFDIR_PATH"}
)
"""The variables that name another path inside the container."""

_NOT_SHOWN: Mapping[str, str] = MappingProxyType(
    {
        "cni-bin-dir": "the CNI plugins are not installed on the node, or stay those of an older release",
        "cni-net-dir": "the node gets no CNI configuration and never becomes Ready",
        "run-dir": "addresses of running pods are forgotten when aws-node restarts, and given out a second time",
        "xtables-lock": "its changes of iptables race with those of kube-proxy, and rules are lost",
        "log-dir": "its log stays inside the container",
    }
)
"""What happens if container aws-node or its init container does not see a folder."""


def _changed(name: str, holder: str, **fields: Json) -> Any:
    """The mounts of a container of the official manifest, with other fields in one of them."""
    mounts = container(stock(), holder)["volumeMounts"]
    return {"volumeMounts": [mount | (fields if mount["name"] == name else {}) for mount in mounts]}


def _less(name: str, holder: str) -> Any:
    mounts = container(stock(), holder)["volumeMounts"]
    return {"volumeMounts": [mount for mount in mounts if mount["name"] != name]}


def _at(name: str, **source: str) -> Any:
    """The volumes of the official manifest, with another path or type in one of them."""
    listed = stock()["spec"]["template"]["spec"]["volumes"]
    return {"volumes": [one | ({"hostPath": source} if one["name"] == name else {}) for one in listed]}


@rule(
    "POD-004",
    "aws-node does not see a folder of the host",
    level="deny",
    link=links.MANAGE,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(fields=_less("cni-bin-dir", "aws-node"))),
        Example(DaemonSet(fields=_less("run-dir", "aws-node"))),
        Example(DaemonSet(init_fields=_changed("cni-bin-dir", "aws-vpc-cni-init", readOnly=True))),
        Example(DaemonSet(pod=_at("cni-net-dir", path="/etc/cni"))),
        Example(DaemonSet(fields=_less("log-dir", "aws-node")), level="warn"),
        Example(DaemonSet(pod=_at("xtables-lock", path="/run/xtables.lock")), level="warn"),
        Example(
            DaemonSet(
                agent_fields=_less("run-dir", "aws-eks-nodeagent"), env={"NETWORK_POLICY_ENFORCING_MODE": "standard"}
            )
        ),
    ),
    good=(
        Example(DaemonSet(pod=_at("run-dir", path="/run/aws-node/", type="DirectoryOrCreate"))),
        Example(DaemonSet(agent_fields=_less("bpf-pin-path", "aws-eks-nodeagent"))),
    ),
)
def unseen_folder(case: AwsNodeCase) -> Iterator[Problem]:
    """Aws-node installs plugins and configuration on the host, and keeps its state and its sockets there.

    What it writes inside its container instead is not found by the kubelet, and is gone after a restart.
    """
    shape = shape_of(case)
    if case.new.main is None or shape is None:
        return
    of_pod = volumes(case.new.pod)
    for holder in case.new.roles:
        for wanted in shown(holder.role, shape, case.tables):
            effect, level = _at_stake(case, holder, wanted)
            path = _path(case, holder, wanted)
            if effect and path is not None:
                yield from _of_folder(holder, of_pod, wanted, _Place(path, effect, level, _beside(case, holder)))


class _Place(NamedTuple):
    path: str
    effect: str
    level: Level
    beside: Evidence
    """On what it depends how grave it is."""


def _at_stake(case: AwsNodeCase, holder: Container, wanted: Shown) -> tuple[str, Level]:
    """What happens without a folder, and how grave that is; nothing where the container can do without it."""
    if holder.role != "aws-eks-nodeagent":
        return _NOT_SHOWN.get(wanted.volume, ""), "warn" if wanted.volume == "log-dir" else "deny"
    enabled = case.new.network_policy
    in_use = enabled or bool(case.new.required.get(_MODE))
    if wanted.volume == "run-dir" and case.tables.epoch(case.new.known_version).to_agent.startswith("unix"):
        return "it shares no socket with aws-node, and every new pod fails once policies are in use", (
            "deny" if in_use else "warn"
        )
    return ("network policies may not be enforced, or are lost when it restarts" if enabled else ""), "warn"


def _beside(case: AwsNodeCase, holder: Container) -> Evidence:
    main = case.new.required.name
    return ((f"{main} env {_MODE}", "says how grave it is"),) if holder.role == "aws-eks-nodeagent" else ()


def _path(case: AwsNodeCase, holder: Container, wanted: Shown) -> str | None:
    """Where the container looks for a folder; None where that is not written out, or ENV-003 and ENV-004 report it."""
    name = _PATHS.get(wanted.volume)
    if name is None or holder.role == "aws-eks-nodeagent" or reading_of(case, holder, name) is None:
        return wanted.path
    if holder.written(name) is None:
        return wanted.path
    return holder.known_text(name) or None


def _of_folder(holder: Container, of_pod: Volumes, wanted: Shown, place: _Place) -> Iterator[Problem]:
    found = mounted(holder, of_pod, place.path)
    if found is None and holder.written(_PATHS.get(wanted.volume, "")) is not None:
        return  # ENV-004 reports a path that is not below a mount
    if found is None or (found.known and (found.host is None or plain(wanted.host) != found.host)):
        yield _unseen(holder, wanted, place, found)
    elif found.read_only:
        wrong = f"container {holder.label} mounts {place.path} read-only"
        yield _problem(holder, (f"{wanted.path} read-only", "true"), place, (wrong, f"Remove readOnly at {place.path}"))
    elif wanted.type == "FileOrCreate" and found.known and found.type not in {"FileOrCreate", "File"}:
        yield _wrong_type(holder, wanted, found)


def _unseen(holder: Container, wanted: Shown, place: _Place, found: Mount | None) -> Problem:
    is_elsewhere = found is not None and found.host is not None
    instead = found.host if found is not None and is_elsewhere else "nothing of the host"
    wrong = f"container {holder.label} sees {instead} at {place.path}, not {wanted.host} of the host"
    seen = None if found is None else found.host or "not of the host"
    remedy = "Restore the volumes and mounts of the official manifest"
    return _problem(holder, (wanted.path, seen), place, (wrong, remedy))


def _problem(holder: Container, fact: tuple[str, str | None], place: _Place, texts: tuple[str, str]) -> Problem:
    return Problem(
        path=(*holder.path, "volumeMounts"),
        evidence=((f"{holder.role} mount {fact[0]}", fact[1]), *place.beside),
        level=place.level,
        wrong=texts[0],
        effect=place.effect,
        remedy=texts[1],
    )


def _wrong_type(holder: Container, wanted: Shown, found: Mount) -> Problem:
    return Problem(
        path=(*POD_SPEC, "volumes"),
        evidence=((f"type of {wanted.path} in {holder.role}", found.type or None),),
        level="warn",
        wrong=f"the volume of {wanted.host} has type {found.type or 'unset'}, not FileOrCreate",
        effect="on a node without the file a directory is created in its place, and neither aws-node nor kube-proxy "
        "can take the lock",
        remedy=f"Set hostPath.type: {wanted.type}",
    )
