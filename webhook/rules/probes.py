"""VER-007 and POD-008: what the probes of container aws-node ask."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from webhook.cni.addresses import Asked, Flaw, Speaks, Unread
from webhook.cni.agents import IPAMD_PATH, IPAMD_PORT, health_address
from webhook.cni.probes import Answer
from webhook.cni.version import Version
from webhook.model import Json, Path, Problem, at
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example
from webhook.rules.rule import AwsNodeCase, rule

_SOCKET = f"unix://{IPAMD_PATH}"
_PROBER = "/app/grpc-health-probe"


def _runs(*words: str) -> dict[str, Json]:
    return {"livenessProbe": {"exec": {"command": list(words)}}}


def _path(case: AwsNodeCase, kind: str) -> Path:
    main = case.new.required
    return (*main.path, kind, *(("exec", "command") if at(main.raw, kind, "exec") else ()))


@rule(
    "VER-007",
    "The health probe targets an address this release does not listen on",
    level="deny",
    link=links.TROUBLESHOOTING,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(release="1.23.1", probe_address=":50051")),
        Example(DaemonSet(release="1.22.4", probe_address=_SOCKET)),
        Example(DaemonSet(release="1.23.1", probe_address=f"{_SOCKET}.bak")),
        Example(DaemonSet(release="1.23.1", fields={"livenessProbe": {"tcpSocket": {"port": 50051}}})),
        Example(DaemonSet(release="1.23.1", fields={"startupProbe": {"grpc": {"port": 50051}}})),
        Example(DaemonSet(release="1.23.1", fields=_runs("sh", "-c", f"{_PROBER} -addr=$ADDRESS"))),
        Example(DaemonSet(release="1.23.1", fields=_runs("nc", "-z", "localhost", "50051"))),
        Example(DaemonSet(release="1.23.1", fields=_runs("/bin/false"))),
        Example(DaemonSet(release="1.23.1", fields=_runs(_PROBER, f"-addr={_SOCKET}", "-tls"))),
        Example(DaemonSet(release="1.22.4", fields=_runs(_PROBER, "-addr=:50051", "-service=aws-node"))),
    ),
    good=(Example(DaemonSet(release="1.23.1", probe_address=f"unix:{IPAMD_PATH}")),),
)
def wrong_probe(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.23.0 on ipamd answers health checks on a unix socket, before on TCP.

    A new image with the old probes (what `kubectl set image` makes) never becomes healthy: its container restarts
    forever and the rollout stops. Nor does a probe by TLS, or for a service that ipamd does not know.
    """
    version = case.new.known_version
    for kind, answer in case.new.probes.items():
        if isinstance(answer, Unread):
            yield from _unread(case, version, kind, answer)
        elif answer is not None and _asks_another_release(version, answer):
            yield _never_healthy(case, version, kind, answer)
        elif answer is not None and answer.flaw and _is_right(version, answer):
            yield _flawed(case, version, kind, answer.address, answer.flaw)


def _is_right(version: Version, answer: Asked) -> bool:
    """Whether a probe asks where ipamd of this release answers."""
    return _is_ipamds(answer) and (health_address(version) == _SOCKET) is bool(answer.socket)


def _is_ipamds(answer: Asked) -> bool:
    """Whether a probe asks where ipamd of some release answers."""
    return answer.socket == IPAMD_PATH if answer.socket else answer.port == IPAMD_PORT and not answer.host


def _asks_another_release(version: Version, answer: Asked) -> bool:
    """Whether a probe asks where ipamd of another release answers, or at a socket that no release has."""
    return not _is_right(version, answer) and (bool(answer.socket) or _is_ipamds(answer))


def _never_healthy(case: AwsNodeCase, version: Version, kind: str, answer: Asked, runs: str = "") -> Problem:
    """A probe that asks at another release's address, which proves its failure only of grpc-health-probe."""
    right = health_address(version)
    return Problem(
        path=_path(case, kind),
        evidence=((f"aws-node {kind} address", answer.address), ("ipamd address", right)),
        level="deny",
        certain=not runs,
        wrong=f"the {kind} asks {answer.address}{runs}",
        effect=f"CNI {version} answers health checks on {right} alone, so the container restarts forever and the "
        "rollout stops",
        remedy=f"Apply the complete manifest of {version} instead of only its image",
    )


def _flawed(case: AwsNodeCase, version: Version, kind: str, address: str, flaw: Flaw) -> Problem:
    return Problem(
        path=_path(case, kind),
        evidence=((f"aws-node {kind} asks", f"{address} {flaw.how}"),),
        level="deny",
        certain=True,
        wrong=f"the {kind} asks {address} {flaw.how}",
        effect=f"{flaw.why}, so each probe fails, the container restarts forever and the rollout stops",
        remedy=f"Use the probes of the official manifest of {version}",
    )


def _unread(case: AwsNodeCase, version: Version, kind: str, answer: Unread) -> Iterator[Problem]:
    """A probe that cannot be read whole, evaluated by the addresses in its words; POD-008 speaks of other ports."""
    found = [*answer.given, *answer.mentioned]
    ipamds = [one for one in found if _is_ipamds(one)]
    is_right = any(_is_right(version, one) for one in ipamds)
    if not is_right and (given := [one for one in answer.given if _is_ipamds(one)]):
        yield _never_healthy(case, version, kind, given[0], f" by {answer.program}")
    elif ipamds or not found:
        said = "" if is_right or not ipamds else f", and names {ipamds[0].address}"
        yield _unreadable(case, version, kind, f"{answer.why}{said}")


def _unreadable(case: AwsNodeCase, version: Version, kind: str, why: str) -> Problem:
    main, right = case.new.required, health_address(version)
    words = at(main.raw, kind, "exec", "command")
    return Problem(
        path=_path(case, kind),
        evidence=((f"aws-node {kind} command", repr(words)), ("ipamd address", right)),
        level="warn",
        wrong=f"the {kind} cannot be read whole: {why}",
        effect=f"whether it asks ipamd of CNI {version} on {right} is not known, and anywhere else it never succeeds",
        remedy=f"Run grpc-health-probe without a shell, with -addr={right}",
    )


@rule(
    "POD-008",
    "A probe asks something other than ipamd",
    level="warn",
    link=links.BEST_PRACTICES,
    bad=(
        Example(DaemonSet(fields={"livenessProbe": {"httpGet": {"port": "metrics", "path": "/metrics"}}})),
        Example(DaemonSet(probe_address=":50052")),
        Example(DaemonSet(release="1.22.4", fields={"livenessProbe": {"grpc": {"port": 50051}}})),
        Example(DaemonSet(fields=_runs("curl", "-f", "http://localhost:61679/v1/enis"))),
    ),
    good=(Example(DaemonSet(release="1.22.4", probe_address="localhost:50051")),),
)
def another_port(case: AwsNodeCase) -> Iterator[Problem]:
    """The other ports of aws-node, of metrics and of introspection, answer although ipamd serves no addresses.

    Before 1.23.0 ipamd listens on the loopback address alone, where a probe of the kubelet's own does not ask.
    """
    version = case.new.version
    right = health_address(version or case.tables.newest)
    for kind, answer in case.new.probes.items():
        by, elsewhere = _elsewhere(version, answer)
        if elsewhere:
            addresses = ", ".join(one.address for one in elsewhere)
            yield Problem(
                path=_path(case, kind),
                evidence=((f"aws-node {kind} asks", f"{by} {addresses}"), ("ipamd address", right)),
                level="warn",
                wrong=f"the {kind} asks {addresses} by {by}, where ipamd's health service is not",
                effect="it passes although pods get no addresses, or fails although they do",
                remedy=f"Use the probes of the official manifest: grpc-health-probe with -addr={right}",
            )


_BY: Mapping[Speaks, str] = MappingProxyType(
    {"health": "grpc-health-probe", "grpc": "grpc", "tcp": "tcpSocket", "http": "httpGet"}
)


def _elsewhere(version: Version | None, answer: Answer) -> tuple[str, tuple[Asked, ...]]:
    """By what a probe asks, and at which ports that are not ipamd's; an unread probe only where it names none."""
    if isinstance(answer, Unread):
        found = (*answer.given, *answer.mentioned)
        return answer.program, () if any(map(_is_ipamds, found)) else found
    if answer is None or answer.socket or not _is_elsewhere(version, answer):
        return "", ()
    return _BY[answer.speaks], (answer,)


def _is_elsewhere(version: Version | None, answer: Asked) -> bool:
    """Whether a probe asks at a port or host that no release's ipamd has, or in a way that ipamd does not answer."""
    if not _is_ipamds(answer):
        return True
    by_kubelet = answer.speaks == "http" or not answer.loopback
    return version is not None and health_address(version) != _SOCKET and by_kubelet
