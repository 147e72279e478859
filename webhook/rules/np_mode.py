"""NP-001 and NP-003: the enforcing mode of network policies."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.bad_values import NP_MODE, bad_mode
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known, reading_of
from webhook.cni.agents import needs_answer
from webhook.cni.values import go_lower
from webhook.facts import Fact, Facts
from webhook.model import Problem

_AGENT = "aws-eks-nodeagent"


@rule(
    "NP-001",
    "An enforcing mode without an agent, or one that does not exist",
    level="deny",
    link=links.variable("network_policy_enforcing_mode-v1171"),
    rests_on_releases=True,
    formerly=("ENV-003", "ENV-004"),
    bad=(
        Example(DaemonSet(without_containers=(_AGENT,)), certain=True),
        Example(DaemonSet(without_containers=(_AGENT,), env={NP_MODE: "none"}), certain=True),
        Example(DaemonSet(release="1.19.2", without_containers=(_AGENT,), env={NP_MODE: "Strict"}), certain=True),
        env(NETWORK_POLICY_ENFORCING_MODE="foo", certain=True),
        env(NETWORK_POLICY_ENFORCING_MODE="", certain=True),
        Example(DaemonSet(release="1.18.6", env={NP_MODE: ""}), level="warn"),
    ),
    good=(
        Example(DaemonSet(without_containers=(_AGENT,), env={NP_MODE: None})),
        env(NETWORK_POLICY_ENFORCING_MODE="Standard"),
    ),
)
def mode_without_agent(case: AwsNodeCase) -> Iterator[Problem]:
    """As soon as a mode is set, even "none", the plugin asks the agent about every new pod, and fails without it.

    It does so from 1.19.4 on; from 1.17.1 to 1.19.2 in strict mode alone. 1.19.3 always asks and goes on without an
    answer, of which VER-002 speaks. ipamd refuses to start with a mode that does not exist.
    """
    yield from bad_mode(case, NP_MODE)
    main, version = case.new.main, case.new.version
    if main is None or case.new.agent is not None or version is None:
        return
    if needs_answer(case.tables.epoch(version).to_agent, main.get(NP_MODE)):
        yield Problem(
            path=main.where(NP_MODE),
            evidence=((f"{main.name} env {NP_MODE}", "makes the plugin ask"), (f"container {_AGENT}", None)),
            level="deny",
            certain=is_known(case),
            wrong=f"{NP_MODE}={main.get(NP_MODE)}, but there is no container {_AGENT}",
            effect="the CNI plugin waits for the agent's answer, and every new pod fails",
            remedy=f"Remove {NP_MODE}, or restore the container from the official manifest of {version} "
            "(Helm: nodeAgent.enabled)",
        )


_FLAG = "enable-network-policy"
_ON = f"--{_FLAG}=true"


@rule(
    "NP-003",
    "Network policies in strict mode",
    level="deny",
    link=links.NETWORK_POLICY,
    needs=("network_policies",),
    bad=(
        Example(
            DaemonSet(arguments=(_ON,), env={NP_MODE: "strict"}),
            before=DaemonSet(arguments=(_ON,)),
            facts=Facts(network_policies=Fact(value=False, source="cluster")),
        ),
        Example(DaemonSet(arguments=(_ON,), env={NP_MODE: "Strict"}), before=DaemonSet(), level="warn"),
        env(NETWORK_POLICY_ENFORCING_MODE="strict", level="warn"),
    ),
    good=(Example(DaemonSet(env={NP_MODE: "strict"}), before=DaemonSet(env={NP_MODE: "STRICT"})),),
)
def strict_mode(case: AwsNodeCase) -> Iterator[Problem]:
    """In strict mode a new pod has no connections until a policy allows them, CoreDNS included.

    It is said once, where a change brings the mode.
    """
    main, old = case.new.main, case.old
    if main is None or reading_of(case, main, NP_MODE) is None or go_lower(main.get(NP_MODE) or "") != "strict":
        return
    if old is not None and old.main is not None and go_lower(old.main.get(NP_MODE) or "") == "strict":
        return
    fact = case.facts.network_policies
    proved = fact is not None and not fact.value and old is not None and case.new.network_policy
    yield Problem(
        path=main.where(NP_MODE),
        evidence=(*main.evidence(NP_MODE), (f"{_AGENT} flag {_FLAG}", "says how grave it is")),
        level="deny" if proved else "warn",
        wrong=f"{NP_MODE}={main.get(NP_MODE)}"
        + (" while kube-system has no NetworkPolicies" if fact is not None and not fact.value else ""),
        effect="a new pod without a NetworkPolicy has no connections at all, and CoreDNS is one of them",
        remedy="Create NetworkPolicies for kube-system first, and for every namespace that needs connections",
    )
