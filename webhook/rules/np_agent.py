"""NP-002: the network policy agent beside its mode and the cluster's controller."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.bad_values import NP_MODE
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.values import go_bool, go_lower
from webhook.facts import Fact, Facts, need
from webhook.model import Problem

_AGENT = "aws-eks-nodeagent"
_FLAG = "enable-network-policy"
_ON = f"--{_FLAG}=true"
_KEY = "enable-network-policy-controller"


@rule(
    "NP-002",
    "The agent, its mode and the cluster's controller disagree",
    level="deny",
    link=links.NETWORK_POLICY,
    rests_on_releases=True,
    needs=("config_map", "policy_endpoints"),
    bad=(
        Example(
            DaemonSet(arguments=(_ON,), env={NP_MODE: None}),
            fixed=DaemonSet(arguments=(_ON,), env={NP_MODE: "standard"}),
        ),
        Example(DaemonSet(arguments=(_ON,), env={NP_MODE: "none"})),
        Example(DaemonSet(), before=DaemonSet(arguments=(_ON,)), level="warn"),
        Example(
            DaemonSet(),
            before=DaemonSet(arguments=(_ON,)),
            facts=Facts(policy_endpoints=Fact(value=True, source="cluster"), config_map=Fact({}, "cluster")),
            level="warn",
        ),
        Example(
            DaemonSet(arguments=(_ON,)), before=DaemonSet(), facts=Facts(config_map=Fact({}, "cluster")), level="warn"
        ),
    ),
    good=(
        Example(DaemonSet(arguments=(_ON,))),
        Example(
            DaemonSet(arguments=(_ON,)), before=DaemonSet(), facts=Facts(config_map=Fact({_KEY: "true"}, "cluster"))
        ),
        Example(
            DaemonSet(),
            before=DaemonSet(arguments=(_ON,)),
            facts=Facts(policy_endpoints=Fact(value=False, source="cluster"), config_map=Fact({}, "cluster")),
        ),
    ),
)
def agent_and_mode(case: AwsNodeCase) -> Iterator[Problem]:
    """The agent enforces what the cluster's controller resolves, in the mode that ipamd tells it.

    From 1.19.4 on ipamd has no mode unless one is set, and the agent ends where it is to enforce policies in none.
    """
    yield from _without_mode(case)
    was = case.old is not None and case.old.network_policy
    is_on = case.new.network_policy
    if was and not is_on:
        yield from _left_behind(case)
    if case.old is None or was is not is_on:
        yield from _controller(case, is_on=is_on)


def _without_mode(case: AwsNodeCase) -> Iterator[Problem]:
    main, version = case.new.main, case.new.version
    if (
        main is None
        or version is None
        or not case.tables.behaves(version, "agent-needs-mode")
        or not case.new.network_policy
    ):
        return
    mode = main.get(NP_MODE)
    if mode is None or go_lower(mode) == "none":
        mends = _had_bad_mode(case)
        yield Problem(
            path=main.where(NP_MODE),
            evidence=((f"{_AGENT} flag {_FLAG}", "true"), *main.evidence(NP_MODE)),
            level="warn" if mends else "deny",
            lowered=mends,
            wrong=f"{_ON} with {NP_MODE}={mode or 'unset'}",
            effect="the network policy agent ends at start, and aws-node never becomes ready",
            remedy=f"Set {NP_MODE}=standard",
            fixes=default_env(case, NP_MODE, "standard"),
        )


def _had_bad_mode(case: AwsNodeCase) -> bool:
    """Whether the agent had a mode before in which ipamd does not even start: to take that away mends the greater part.

    NP-001 speaks of such a mode.
    """
    old = case.old
    if old is None or old.main is None or not old.network_policy:
        return False
    mode = old.main.known_text(NP_MODE)
    return mode is not None and go_lower(mode) not in _MODES


_MODES = frozenset(("none", "standard", "strict"))


def _left_behind(case: AwsNodeCase) -> Iterator[Problem]:
    """The agent is switched off; only a cluster that is known to have no policies loses nothing."""
    fact = case.facts.policy_endpoints
    if fact is not None and not fact.value:
        return
    agent = case.new.agent
    shown = "PolicyEndpoints exist" if fact is not None else "PolicyEndpoints may be left"
    yield Problem(
        path=agent.path if agent is not None else (*POD_SPEC, "containers"),
        evidence=((f"{_AGENT} flag {_FLAG} before", "true"), (f"{_AGENT} flag {_FLAG}", "false")),
        level="warn",
        wrong=f"{_ON} goes away while {shown}",
        effect="policies are no longer enforced, and older agents crash on the PolicyEndpoints that are left",
        remedy="Delete the NetworkPolicies first, and wait until no PolicyEndpoint is left",
    )


def _controller(case: AwsNodeCase, *, is_on: bool) -> Iterator[Problem]:
    """The controller of the cluster against the agent: asked where the change switches the agent."""
    if case.new.agent is None or (case.old is None and case.facts.config_map is None):
        return
    if not is_on and case.facts.config_map is None:
        return
    data = need(case.facts.config_map, "config_map")
    said = (data or {}).get(_KEY, "false")
    if (go_bool(said) is True) is is_on:
        return
    effect = (
        "the controller resolves no policies, so the agent enforces none"
        if is_on
        else "the controller still resolves policies, and no agent enforces them"
    )
    wanted = str(is_on).lower()
    yield Problem(
        path=case.new.agent.path,
        evidence=((f"{_AGENT} flag {_FLAG}", wanted), ("ConfigMap amazon-vpc-cni", said)),
        level="warn",
        wrong=f"--{_FLAG} is {wanted}, and {_KEY} in ConfigMap amazon-vpc-cni is {said[:100]}",
        effect=effect,
        remedy=f'Set {_KEY}: "{wanted}" in ConfigMap kube-system/amazon-vpc-cni too',
    )
