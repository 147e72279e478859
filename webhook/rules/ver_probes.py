"""VER-007: health probes that ipamd of the release never answers."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, probe
from webhook.catalogue.parts import probe_path
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.addresses import Asked, Flaw, Opaque
from webhook.cni.agents import IPAMD_PATH, IPAMD_SOCKET
from webhook.cni.version import Version
from webhook.model import Problem, at
from webhook.printable import named

_PROBER = "/app/grpc-health-probe"


@rule(
    "VER-007",
    "The health probe targets an address this release does not listen on",
    level="deny",
    link=links.TROUBLESHOOTING,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(release="1.23.1", probe_address=":50051"), certain=True),
        Example(DaemonSet(release="1.22.4", probe_address=IPAMD_SOCKET), certain=True),
        Example(DaemonSet(release="1.23.1", probe_address=f"{IPAMD_SOCKET}.bak"), certain=True),
        Example(DaemonSet(release="1.23.1", fields={"livenessProbe": {"tcpSocket": {"port": 50051}}}), certain=True),
        Example(DaemonSet(release="1.23.1", fields={"startupProbe": {"grpc": {"port": 50051}}}), certain=True),
        Example(DaemonSet(release="1.23.1", fields=probe("sh", "-c", f"{_PROBER} -addr=$ADDRESS")), level="warn"),
        Example(DaemonSet(release="1.23.1", fields=probe("nc", "-z", "localhost", "50051"))),
        Example(DaemonSet(release="1.23.1", fields=probe("/bin/false")), level="warn"),
        Example(DaemonSet(release="1.23.1", fields=probe(_PROBER, f"-addr={IPAMD_SOCKET}", "-tls")), certain=True),
        Example(DaemonSet(release="1.22.4", fields=probe(_PROBER, "-addr=:50051", "-service=aws-node")), certain=True),
        Example(DaemonSet(release="1.23.1", fields=probe(_PROBER, f"-address={IPAMD_SOCKET}")), certain=True),
    ),
    good=(Example(DaemonSet(release="1.23.1", probe_address=f"unix:{IPAMD_PATH}")),),
)
def wrong_probe(case: AwsNodeCase) -> Iterator[Problem]:
    """From 1.23.0 on ipamd answers health checks on a unix socket, before on TCP.

    A new image with the old probes (what `kubectl set image` makes) never becomes healthy: its container restarts
    forever and the rollout stops. Nor does a probe by TLS, for a service that ipamd does not know, or with flags at
    which grpc-health-probe ends.
    """
    version = case.new.known_version
    for kind, answer in case.new.probes.items():
        if isinstance(answer, Opaque):
            yield from _unread(case, version, kind, answer)
        elif isinstance(answer, Flaw):
            yield _flawed(case, version, kind, "runs grpc-health-probe", answer)
        elif answer is not None and _asks_another_release(case, answer):
            yield _never_healthy(case, version, kind, answer)
        elif answer is not None and answer.flaw and _is_right(case, answer):
            yield _flawed(case, version, kind, f"asks {named(answer.address)}", answer.flaw)


def _is_right(case: AwsNodeCase, answer: Asked) -> bool:
    """Whether a probe asks where ipamd of this release answers."""
    by_socket = case.tables.health_address(case.new.known_version) == IPAMD_SOCKET
    return answer.is_ipamds and by_socket is bool(answer.socket)


def _asks_another_release(case: AwsNodeCase, answer: Asked) -> bool:
    """Whether a probe asks where ipamd of another release answers, or at a socket that no release has."""
    return not _is_right(case, answer) and (bool(answer.socket) or answer.is_ipamds)


def _never_healthy(case: AwsNodeCase, version: Version, kind: str, answer: Asked, runs: str = "") -> Problem:
    """A probe that asks at another release's address, which proves its failure only of grpc-health-probe."""
    right = case.tables.health_address(version)
    return Problem(
        path=probe_path(case, kind),
        # Not the right address: a probe that was wrong for the release before as well brings nothing new.
        evidence=((f"aws-node {kind} address", answer.address),),
        level="deny",
        certain=not runs,
        wrong=f"the {kind} asks {named(answer.address)}{runs}",
        effect=f"CNI {version} answers health checks on {right} alone, so the container restarts forever and the "
        "rollout stops",
        remedy=f"Apply the complete manifest of {version} instead of only its image",
    )


def _flawed(case: AwsNodeCase, version: Version, kind: str, does: str, flaw: Flaw) -> Problem:
    is_proved = case.tables.behaves(version, "named-health-checks")
    return Problem(
        path=probe_path(case, kind),
        evidence=((f"aws-node {kind}", f"{does} {flaw.how}"),),
        level="deny" if is_proved else "warn",
        certain=is_proved,
        wrong=f"the {kind} {does} {flaw.how}",
        effect=f"{flaw.why}, so each probe fails, the container restarts forever and the rollout stops",
        remedy=f"Use the probes of the official manifest of {version}",
    )


def _unread(case: AwsNodeCase, version: Version, kind: str, answer: Opaque) -> Iterator[Problem]:
    """A probe that cannot be read whole, evaluated by the addresses in its words; POD-008 speaks of other ports."""
    found = [*answer.given, *answer.mentioned]
    ipamds = [one for one in found if one.is_ipamds]
    is_right = any(_is_right(case, one) for one in ipamds)
    if not is_right and (given := [one for one in answer.given if one.is_ipamds]):
        yield _never_healthy(case, version, kind, given[0], f" by {answer.program}")
    elif ipamds or not found:
        said = "" if is_right or not ipamds else f", and names {named(ipamds[0].address)}"
        yield _unreadable(case, version, kind, f"{answer.why}{said}")


def _unreadable(case: AwsNodeCase, version: Version, kind: str, why: str) -> Problem:
    main, right = case.new.required, case.tables.health_address(version)
    words = at(main.raw, kind, "exec", "command")
    return Problem(
        path=probe_path(case, kind),
        evidence=((f"aws-node {kind} command", repr(words)), ("ipamd address", right)),
        level="warn",
        wrong=f"the {kind} cannot be read whole: {why}",
        effect=f"whether it asks ipamd of CNI {version} on {right} is not known, and anywhere else it never succeeds",
        remedy=f"Run grpc-health-probe without a shell, with -addr={right}",
    )
