"""NP: the network policy agent."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import brings
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known, reading_of
from webhook.cni.agents import needs_answer
from webhook.cni.container import Container
from webhook.cni.flags import Given, refusal
from webhook.cni.values import go_bool
from webhook.cni.version import Version
from webhook.model import Evidence, Path, Problem, at
from webhook.printable import named

_MODE = "NETWORK_POLICY_ENFORCING_MODE"
_PROGRAM = "controller"
_ON, _LOGS_TO_AWS = "--enable-network-policy=true", "--enable-cloudwatch-logs=true"
_BANDWIDTH, _V4_EGRESS = "ENABLE_BANDWIDTH_PLUGIN", "ENABLE_V4_EGRESS"
_IPV6 = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true", "ENABLE_PREFIX_DELEGATION": "true"}


@rule(
    "NP-004",
    "A flag on which the network policy agent exits, or a setting that does not go with it",
    since="--enable-network-policy",
    level="deny",
    link=links.NETWORK_POLICY,
    rests_on_releases=True,
    bad=(
        Example(DaemonSet(arguments=("--conntrack-cache-table-size=1",)), certain=True),
        Example(DaemonSet(arguments=("--enable-network-policy=yes",)), certain=True),
        Example(DaemonSet(arguments=("-enable-network-policy=true",)), certain=True),
        Example(DaemonSet(release="1.18.3", arguments=("--conntrack-cache-table-size=65536",))),
        Example(DaemonSet(arguments=("--log-levels=info",)), certain=True),
        Example(DaemonSet(arguments=(_ON,), env={_BANDWIDTH: "true"})),
        Example(DaemonSet(arguments=(_LOGS_TO_AWS,)), level="warn"),
        Example(
            DaemonSet(arguments=(_ON, "--enable-ipv6=true"), env=_IPV6, init_env={"ENABLE_IPv6": "true"}), level="warn"
        ),
    ),
    good=(
        Example(DaemonSet(arguments=("--conntrack-cache-table-size=0x10000", "--enable-network-policy=T"))),
        Example(DaemonSet(arguments=(_LOGS_TO_AWS, "--enable-policy-event-logs=true"))),
        Example(DaemonSet(env={_BANDWIDTH: "true"})),
    ),
    reads=("rest", "env"),
)
def refused_flag(case: AwsNodeCase) -> Iterator[Problem]:
    """The agent ends at the first flag that it does not know or cannot read, and aws-node is then never ready.

    From 1.19.4 on the CNI asks the agent about every new pod as soon as an enforcing mode is set, as the official
    manifest does: without the agent no pod starts.
    """
    agent = case.new.agent
    if agent is None:
        return
    yield from _beside(case, agent)
    if not _is_itself(agent):
        return
    known = max(case.tables.pairs.values(), default=None)
    release = case.new.release_of(agent)
    version = release if release is not None and known is not None and release <= known else None
    for path, one in case.new.agent_flags:
        if "$(" in (one.value or "") + one.name:
            continue
        if said := refusal(one, version, case.tables.flags):
            yield _refused(case, agent, path, one, version, said)


def _is_itself(agent: Container) -> bool:
    """Whether the container starts the agent, and no shell or wrapper in its place."""
    first = at(agent.raw, "command", 0)
    return first is None or (isinstance(first, str) and first.rpartition("/")[2] == _PROGRAM)


def _refused(  # noqa: PLR0913, PLR0917 - the parts of a problem
    case: AwsNodeCase, agent: Container, path: Path, one: Given, version: Version | None, said: str
) -> Problem:
    main = case.new.main
    epoch = case.tables.epoch(case.new.version) if case.new.version else None
    fails = epoch is not None and main is not None and needs_answer(epoch.to_agent, main.get(_MODE))
    word = str(at(case.new.raw, *path))[:200]
    return Problem(
        path=path,
        # With another mode the fault is more or less grave, and not another one.
        evidence=(
            (f"{agent.name} flag {one.name[:80]}", one.value),
            *(((f"{main.name} env {_MODE}", "says how grave it is"),) if main is not None else ()),
        ),
        level="deny",
        certain=fails and version is not None and is_known(case),
        wrong=f'"{word}" {said}',
        effect="the network policy agent exits at start"
        + (", and every new pod fails for want of its answer" if fails else ", so aws-node never becomes ready"),
        remedy=f"Correct {named(one.name[:80]) if one.name else 'the word'}, or remove it to take the default",
    )


def _beside(case: AwsNodeCase, agent: Container) -> Iterator[Problem]:
    """Settings that policies, or their logs, do not go with."""
    main = case.new.main
    if main is not None and case.new.network_policy:
        on = ((f"{agent.name} flag enable-network-policy", "true"),)
        if main.flag(_BANDWIDTH):
            yield Problem(
                path=main.where(_BANDWIDTH),
                evidence=(*main.as_read(_BANDWIDTH), *on),
                level="deny",
                wrong=f"{_BANDWIDTH}={main.get(_BANDWIDTH)} beside {_ON}",
                effect="the plugin and the agent both change the traffic control of a pod's interface, and policies "
                "are not enforced reliably",
                remedy=f"Remove {_BANDWIDTH}, or switch the policies off",
            )
        yield from _unpoliced(case, main, on)
    if _is_on(case, "enable-cloudwatch-logs") and not _is_on(case, "enable-policy-event-logs"):
        yield Problem(
            path=next(path for path, one in case.new.agent_flags if one.name == "enable-cloudwatch-logs"),
            evidence=(
                (f"{agent.name} flag enable-cloudwatch-logs", "true"),
                (f"{agent.name} flag enable-policy-event-logs", "false"),
            ),
            level="warn",
            wrong=f"{_LOGS_TO_AWS} without --enable-policy-event-logs=true",
            effect="the agent writes no flow logs, so there are none to send to CloudWatch",
            remedy="Set --enable-policy-event-logs=true too",
        )


def _unpoliced(case: AwsNodeCase, main: Container, on: Evidence) -> Iterator[Problem]:
    """The IPv4 egress of an IPv6 cluster, which is on by default: said where a change brings it."""
    if reading_of(case, main, _V4_EGRESS) is None or not (case.new.ipv6 and main.flag(_V4_EGRESS)):
        return
    old = case.old
    if old is not None and old.main is not None and old.network_policy and not brings(case, "ENABLE_IPv6", _V4_EGRESS):
        return
    yield Problem(
        path=main.where(_V4_EGRESS),
        evidence=(*main.as_read("ENABLE_IPv6", _V4_EGRESS), *on),
        level="warn",
        wrong=f"{_ON} in an IPv6 cluster with {_V4_EGRESS} on, as it is by default",
        effect="no policy applies to the IPv4 connections that pods open through the egress interface",
        remedy=f"Set {_V4_EGRESS}=false where pods need no IPv4 destinations outside the cluster",
    )


def _is_on(case: AwsNodeCase, flag: str) -> bool:
    return go_bool(case.new.argument(flag) or "false") is True
