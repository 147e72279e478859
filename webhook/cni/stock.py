"""The DaemonSet aws-node of the official manifest of each release.

Source: config/master/aws-k8s-cni.yaml at each tag of aws/amazon-vpc-cni-k8s from v1.9.0 on. Variables and flags are in
their own modules, everything else that changed between releases is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from webhook.cni.agents import health_address
from webhook.cni.flags import FLAGS
from webhook.cni.images import official_image
from webhook.cni.releases import FIRST_WITH_AGENT, FIRST_WITH_MANIFEST, RELEASES, Release
from webhook.cni.variables import Role, Variable, by_name
from webhook.cni.version import Version, in_force, parse_tag

Json = dict[str, Any]
V = Version.of

NEWEST = RELEASES[-1].version

# --- what changed, and in which release -----------------------------------------------------------------------------
_CHART = V("1.10.0")  # from here on the manifest is rendered from the Helm chart: labels, sorted lists
_NO_DOCKERSHIM = V("1.12.0")
_NET_RAW = V("1.12.0")
_FIELD_VERSION = V("1.13.0")
_INIT_RESOURCES = V("1.13.0")
_AGENT_PORT = V("1.19.4")

_CPU = ((FIRST_WITH_MANIFEST, "10m"), (V("1.10.2"), "25m"), (V("1.11.0"), "10m"), (V("1.11.3"), "25m"))
_LOCK_TYPE = ((V("1.18.2"), "FileOrCreate"),)
_PROBE_LIMITS = ((V("1.10.0"), (2, 5)), (V("1.10.2"), (5, 10)))  # seconds inside the probe, seconds of the kubelet
_PULL_MAIN = ((V("1.23.0"), "IfNotPresent"),)
_PULL_BESIDE = ((V("1.18.4"), "Always"), (V("1.23.0"), "IfNotPresent"))  # init container and agent
_KEPT_AWAY = ((FIRST_WITH_MANIFEST, ("fargate",)), (V("1.19.0"), ("fargate", "hybrid", "auto")))

_VOLUMES: dict[str, tuple[str, str]] = {
    "bpf-pin-path": ("/sys/fs/bpf", ""),
    "cni-bin-dir": ("/opt/cni/bin", ""),
    "cni-net-dir": ("/etc/cni/net.d", ""),
    "dockershim": ("/var/run/dockershim.sock", ""),
    "log-dir": ("/var/log/aws-routed-eni", "DirectoryOrCreate"),
    "run-dir": ("/var/run/aws-node", "DirectoryOrCreate"),
    "xtables-lock": ("/run/xtables.lock", ""),
}
"""The host directories, with their type."""

_BIN, _NET = ("/host/opt/cni/bin", "cni-bin-dir"), ("/host/etc/cni/net.d", "cni-net-dir")
_LOG, _RUN = ("/host/var/log/aws-routed-eni", "log-dir"), ("/var/run/aws-node", "run-dir")
_SHIM, _LOCK = ("/var/run/dockershim.sock", "dockershim"), ("/run/xtables.lock", "xtables-lock")
_MOUNTS = (
    (FIRST_WITH_MANIFEST, (_BIN, _NET, _LOG, _RUN, _SHIM, _LOCK)),
    (_CHART, (_BIN, _NET, _LOG, _SHIM, _RUN, _LOCK)),
    (_NO_DOCKERSHIM, (_BIN, _NET, _LOG, _RUN, _LOCK)),
)
_AGENT_MOUNTS = (_BIN, ("/sys/fs/bpf", "bpf-pin-path"), ("/var/log/aws-routed-eni", "log-dir"), _RUN)
_VOLUME_ORDER = (
    (FIRST_WITH_MANIFEST, "cni-bin-dir cni-net-dir dockershim xtables-lock log-dir run-dir"),
    (_CHART, "cni-bin-dir cni-net-dir dockershim log-dir run-dir xtables-lock"),
    (_NO_DOCKERSHIM, "cni-bin-dir cni-net-dir log-dir run-dir xtables-lock"),
    (FIRST_WITH_AGENT, "bpf-pin-path cni-bin-dir cni-net-dir log-dir run-dir xtables-lock"),
)


def stock(
    version: Version | str = NEWEST, *, region: str = "us-west-2", releases: Iterable[Release] = RELEASES
) -> Json:
    """Make the DaemonSet of a release, as its official manifest has it.

    Args:
        version: A release; a text may have the ``v`` of a tag.
        region: The AWS region of the images.
        releases: The known releases.

    Raises:
        ValueError: No manifest of the release, or no registry of the region is known.
    """
    rows = {row.version: row for row in releases}
    row = _row(version, rows)
    if row.deploys:
        row = rows[row.deploys]
    shape = row.version
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": "aws-node",
            "namespace": "kube-system",
            "labels": _labels(shape) | _version_label(row),
        },
        "spec": {
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "selector": {"matchLabels": {"k8s-app": "aws-node"}},
            "template": {"metadata": {"labels": _labels(shape)}, "spec": _pod(row, region)},
        },
    }


def _row(version: Version | str, rows: Mapping[Version, Release]) -> Release:
    if isinstance(version, str):
        tag = parse_tag(version)
        found = None if tag is None else tag.version
    else:
        found = version
    if found is None or found < FIRST_WITH_MANIFEST or found not in rows:
        message = (
            f"no manifest is known for {version}: it has to be a release from {FIRST_WITH_MANIFEST} to {max(rows)}"
        )
        raise ValueError(message)
    return rows[found]


def _labels(version: Version) -> Json:
    chart = {"app.kubernetes.io/name": "aws-node", "app.kubernetes.io/instance": "aws-vpc-cni"}
    return (chart if version >= _CHART else {}) | {"k8s-app": "aws-node"}


def _version_label(row: Release) -> Json:
    return {"app.kubernetes.io/version": f"v{row.label or row.version}"} if row.version >= _CHART else {}


def _pod(row: Release, region: str) -> Json:
    version, agent = row.version, row.agent
    return {
        "priorityClassName": "system-node-critical",
        "serviceAccountName": "aws-node",
        "hostNetwork": True,
        "initContainers": [_init(version, region)],
        "terminationGracePeriodSeconds": 10,
        "tolerations": [{"operator": "Exists"}],
        **({"securityContext": {}} if version >= _CHART else {}),
        "containers": [_main(version, region), *([] if agent is None else [_agent(version, agent, region)])],
        "volumes": _volumes(version),
        "affinity": _affinity(version),
    }


def _main(version: Version, region: str) -> Json:
    raw = ["NET_RAW"] if version >= _NET_RAW else []
    return {
        "name": "aws-node",
        "image": _image("aws-node", version, region),
        **_pull(in_force(_PULL_MAIN, version)),
        "ports": [{"containerPort": 61678, "name": "metrics"}],
        "livenessProbe": _probe(version, 60),
        "readinessProbe": _probe(version, 1),
        "env": _env("aws-node", version),
        "resources": {"requests": {"cpu": in_force(_CPU, version)}},
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", *raw]}},
        "volumeMounts": _mounts(in_force(_MOUNTS, version) or ()),
    }


def _init(version: Version, region: str) -> Json:
    changes = {"resources": {"requests": {"cpu": "25m"}}} if version >= _INIT_RESOURCES else {}
    return {
        "name": "aws-vpc-cni-init",
        "image": _image("aws-vpc-cni-init", version, region),
        **_pull(in_force(_PULL_BESIDE, version)),
        "env": _env("aws-vpc-cni-init", version),
        "securityContext": {"privileged": True},
        **changes,
        "volumeMounts": _mounts((_BIN,)),
    }


def _agent(version: Version, agent: Version, region: str) -> Json:
    ports = {"ports": [{"containerPort": 8162, "name": "agentmetrics"}]} if version >= _AGENT_PORT else {}
    return {
        "name": "aws-eks-nodeagent",
        "image": _image("aws-eks-nodeagent", agent, region),
        **_pull(in_force(_PULL_BESIDE, version)),
        **ports,
        "env": _env("aws-eks-nodeagent", version),
        "args": [f"--{flag.name}={value}" for flag in FLAGS if (value := in_force(flag.shipped, version)) is not None],
        "resources": {"requests": {"cpu": "25m"}},
        "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}, "privileged": True},
        "volumeMounts": _mounts(_AGENT_MOUNTS),
    }


def _image(container: Role, version: Version, region: str) -> str:
    image = official_image(container, f"v{version}", region)
    if image is None:
        message = f"no registry is known for region {region!r}"
        raise ValueError(message)
    return image


def _pull(policy: str | None) -> Json:
    return {} if policy is None else {"imagePullPolicy": policy}


def _probe(version: Version, delay: int) -> Json:
    limits = in_force(_PROBE_LIMITS, version)
    command = ["/app/grpc-health-probe", f"-addr={health_address(version)}"]
    if limits is None:
        return {"exec": {"command": command}, "initialDelaySeconds": delay}
    inside, outside = limits
    command += [f"-connect-timeout={inside}s", f"-rpc-timeout={inside}s"]
    return {"exec": {"command": command}, "initialDelaySeconds": delay, "timeoutSeconds": outside}


def _env(container: Role, version: Version) -> list[Json]:
    """The environment, sorted by name; since the chart, values from the downward API come last."""
    rows = [row for row in by_name(container).values() if row.shipped_in(version) is not None]
    rows.sort(key=lambda row: (version >= _CHART and row.parser == "field", row.name))
    return [_variable(row, version) for row in rows]


def _variable(row: Variable, version: Version) -> Json:
    value = row.shipped_in(version)
    if row.parser != "field":
        return {"name": row.name, "value": value}
    api_version = {"apiVersion": "v1"} if version >= _FIELD_VERSION else {}
    return {"name": row.name, "valueFrom": {"fieldRef": {**api_version, "fieldPath": value}}}


def _mounts(mounts: tuple[tuple[str, str], ...]) -> list[Json]:
    return [{"mountPath": path, "name": name} for path, name in mounts]


def _volumes(version: Version) -> list[Json]:
    return [_volume(name, version) for name in (in_force(_VOLUME_ORDER, version) or "").split()]


def _volume(name: str, version: Version) -> Json:
    path, kind = _VOLUMES[name]
    if name == "xtables-lock":
        kind = in_force(_LOCK_TYPE, version) or kind
    return {"name": name, "hostPath": {"path": path, **({"type": kind} if kind else {})}}


def _affinity(version: Version) -> Json:
    """Linux on both architectures, without compute types that bring their own network."""
    prefixes = ("kubernetes.io",) if version >= _CHART else ("beta.kubernetes.io", "kubernetes.io")
    terms = [{"matchExpressions": _expressions(prefix, version)} for prefix in prefixes]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _expressions(prefix: str, version: Version) -> list[Json]:
    kept_away = list(in_force(_KEPT_AWAY, version) or ())
    return [
        {"key": f"{prefix}/os", "operator": "In", "values": ["linux"]},
        {"key": f"{prefix}/arch", "operator": "In", "values": ["amd64", "arm64"]},
        {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": kept_away},
    ]
