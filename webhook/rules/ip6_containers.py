"""IP6-003: the address family in the three containers."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.parts import default_env, default_flag
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import reading_of
from webhook.cni.container import Container
from webhook.cni.values import go_bool
from webhook.model import Edit, Level, Problem

_V6, _EGRESS, _NONE = "ENABLE_IPv6", "ENABLE_V6_EGRESS", "DISABLE_POD_V6"
_FLAG, _ON = "enable-ipv6", "--enable-network-policy=true"
_IPV6 = {"ENABLE_IPv4": "false", _V6: "true", "ENABLE_PREFIX_DELEGATION": "true"}
_INIT = {_V6: "true"}
_TRUE = f"--{_FLAG}=true"


@rule(
    "IP6-003",
    "Settings of the address family that contradict each other",
    level="deny",
    link=links.IPV6,
    bad=(
        Example(DaemonSet(env=_IPV6)),
        Example(DaemonSet(env=_IPV6, init_env={_V6: None}), fixed=DaemonSet(env=_IPV6, init_env=_INIT)),
        Example(DaemonSet(env=_IPV6, init_env=_INIT, arguments=(_ON, f"--{_FLAG}=false"))),
        Example(
            DaemonSet(env=_IPV6, init_env=_INIT, agent_fields={"args": [_ON]}),
            fixed=DaemonSet(env=_IPV6, init_env=_INIT, agent_fields={"args": [_ON, _TRUE]}),
        ),
        Example(DaemonSet(arguments=(_TRUE,)), level="warn"),
        Example(DaemonSet(arguments=(_ON, _TRUE))),
        env(ENABLE_V6_EGRESS="true"),
        Example(DaemonSet(env={_EGRESS: "true", _NONE: "true"}, init_env={_EGRESS: "true"})),
    ),
    good=(
        Example(DaemonSet(env=_IPV6, init_env=_INIT, arguments=(f"--{_FLAG}=false",))),
        Example(DaemonSet(env=_IPV6, init_env=_INIT, arguments=(_TRUE,))),
        Example(DaemonSet(env={_EGRESS: "true"}, init_env={_EGRESS: "true"})),
    ),
)
def containers_disagree(case: AwsNodeCase) -> Iterator[Problem]:
    """The init container sets up forwarding, aws-node the addresses, and the agent the filters: for one family.

    While the agent enforces no policies, its flag does no harm: kOps always writes false there.
    """
    main, init = case.new.required, case.new.init
    if reading_of(case, main, _V6) is None:
        return
    ipv6 = case.new.ipv6
    if init is not None:
        if init.flag(_V6) is not ipv6:
            yield _differs(main, init, _V6, default_env(case, _V6, "true", init) if ipv6 else ())
        if not ipv6 and reading_of(case, main, _EGRESS) is not None and init.flag(_EGRESS) is not main.flag(_EGRESS):
            yield _differs(main, init, _EGRESS, ())
    if (agent := case.new.agent) is not None:
        yield from _flag(case, main, agent)
    if reading_of(case, main, _NONE) is not None and main.flag(_NONE):
        for name in (_V6, _EGRESS):
            yield from _switched_off(main, name)


def _differs(main: Container, init: Container, name: str, fixes: tuple[Edit, ...]) -> Problem:
    here, there = (str(one.flag(name)).lower() for one in (main, init))
    return Problem(
        path=init.where(name),
        evidence=(*main.as_read(*dict.fromkeys((_V6, name))), *init.as_read(name)),
        level="deny",
        wrong=f"{name} is {here} in container {main.label} and {there} in container {init.label}",
        effect="nodes do not forward IPv6, and pods have no IPv6 connections"
        if here == "true"
        else "nodes are set up for IPv6 that pods do not get",
        remedy=f"Set {name}={here} in container {init.label} too",
        fixes=fixes,
    )


def _flag(case: AwsNodeCase, main: Container, agent: Container) -> Iterator[Problem]:
    given = go_bool(case.new.argument(_FLAG) or "false") is True
    ipv6, enforces = case.new.ipv6, case.new.network_policy
    if given is ipv6 or (ipv6 and not enforces):
        return
    level: Level = "deny" if enforces else "warn"
    wanted = str(ipv6).lower()
    yield Problem(
        path=next((path for path, one in case.new.agent_flags if one.name == _FLAG), agent.path),
        evidence=(
            *main.as_read(_V6),
            (f"{agent.name} flag {_FLAG}", str(given).lower()),
            (f"{agent.name} flag enable-network-policy", "says how grave it is"),
        ),
        level=level,
        wrong=f"{_V6} is {wanted} in container {main.label}, and --{_FLAG} of the network policy agent is "
        f"{str(given).lower()}",
        effect="the agent filters the other address family, or does not find its node's address and exits"
        + ("" if enforces else ", as soon as it enforces policies"),
        remedy=f"Set --{_FLAG}={wanted}",
        fixes=default_flag(case, _FLAG, wanted) if ipv6 else (),
    )


def _switched_off(main: Container, name: str) -> Iterator[Problem]:
    if main.flag(name):
        yield Problem(
            path=main.where(_NONE),
            evidence=main.as_read(_NONE, name),
            level="deny",
            wrong=f"{_NONE}={main.get(_NONE)} with {name}={main.get(name)}",
            effect="IPv6 is switched off inside the pods, which lose the connections that the other setting gives them",
            remedy=f"Remove {_NONE}",
        )
