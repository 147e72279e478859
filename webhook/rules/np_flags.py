"""NP: the network policy agent."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known
from webhook.cni.agents import needs_answer
from webhook.cni.container import Container
from webhook.cni.flags import Given, refusal
from webhook.cni.version import Version
from webhook.model import Path, Problem, at
from webhook.printable import named

_MODE = "NETWORK_POLICY_ENFORCING_MODE"
_PROGRAM = "controller"


@rule(
    "NP-004",
    "A flag on which the network policy agent exits",
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
    ),
    good=(Example(DaemonSet(arguments=("--conntrack-cache-table-size=0x10000", "--enable-network-policy=T"))),),
    reads=("rest", "env"),
)
def refused_flag(case: AwsNodeCase) -> Iterator[Problem]:
    """The agent ends at the first flag that it does not know or cannot read, and aws-node is then never ready.

    From 1.19.4 on the CNI asks the agent about every new pod as soon as an enforcing mode is set, as the official
    manifest does: without the agent no pod starts.
    """
    agent = case.new.agent
    if agent is None or not _is_itself(agent):
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
