"""The flags of the network policy agent, and a parser that reads a command line as the agent does.

Sources: pkg/config/controller_config.go, pkg/config/runtime_config.go and main.go (loadControllerConfig) of
aws/aws-network-policy-agent at its tags; config/master/aws-k8s-cni.yaml of aws/amazon-vpc-cni-k8s for what is passed;
github.com/spf13/pflag 1.0.5 to 1.0.10, of which the agent has a flag set that ends the process on the first error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from webhook.cni.remembered import remembered
from webhook.cni.values import go_bool, go_int_any_base
from webhook.cni.version import Version, in_force

V = Version.of

Steps = tuple[tuple[Version, str], ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of the agent."""

    name: str
    kind: Literal["bool", "int", "text"]
    since: Version
    """The first agent that accepts it; older ones exit."""
    defaults: Steps
    """The default in the code, from each release of the agent on."""
    shipped: Steps = ()
    """The value in the official manifest, from each release of the CNI on."""
    minimum: int | None = None
    maximum: int | None = None

    def default(self, agent: Version) -> str | None:
        """The default in a release of the agent; ``None`` if it does not have the flag."""
        return in_force(self.defaults, agent)

    def cut(self, agent: Version) -> Flag:
        """The flag as it was when an agent, not older than its first, was the newest one."""
        return replace(self, defaults=tuple(step for step in self.defaults if step[0] <= agent))


def _flag(  # noqa: PLR0913 - a row of a table
    name: str,
    kind: Literal["bool", "int", "text"],
    defaults: str | tuple[tuple[str, str], ...],
    shipped: tuple[str, str] | None = None,
    *,
    since: str = "1.0.1",
    limits: tuple[int, int] | None = None,
) -> Flag:
    steps = ((since, defaults),) if isinstance(defaults, str) else defaults
    passed = ((V(shipped[0]), shipped[1]),) if shipped else ()
    minimum, maximum = limits or (None, None)
    return Flag(name, kind, V(since), tuple((V(first), text) for first, text in steps), passed, minimum, maximum)


_LOG_FILE = "/var/log/aws-routed-eni/network-policy-agent.log"

# fmt: off
FLAGS: tuple[Flag, ...] = (
    _flag("enable-ipv6", "bool", "false", ("1.14.0", "false")),
    _flag("enable-network-policy", "bool", "false", ("1.14.0", "false")),
    _flag("enable-cloudwatch-logs", "bool", "false", ("1.14.0", "false")),
    _flag("enable-policy-event-logs", "bool", "false", ("1.15.1", "false"), since="1.0.4"),
    _flag("log-file", "text", _LOG_FILE, ("1.18.2", _LOG_FILE)),
    _flag("metrics-bind-addr", "text", (("1.0.1", ":8080"), ("1.0.4", ":8162")), ("1.14.1", ":8162")),
    _flag("health-probe-bind-addr", "text", (("1.0.1", ":8081"), ("1.0.4", ":8163")), ("1.14.1", ":8163")),
    _flag("conntrack-cache-cleanup-period", "int", "300", ("1.15.5", "300"), since="1.0.7"),
    _flag("conntrack-cache-table-size", "int", (("1.1.3", "262144"), ("1.2.0", "524288")), ("1.21.2", "524288"),
          since="1.1.3", limits=(32 * 1024, 1024 * 1024)),
    _flag("log-level", "text", (("1.0.1", "info"), ("1.2.2", "debug")), ("1.19.6", "debug")),
    _flag("log-file-max-size", "int", "200", since="1.2.3"),
    _flag("log-file-max-backups", "int", "8", since="1.2.3"),
    _flag("max-concurrent-reconciles", "int", "3"),
    _flag("enable-profiling", "bool", "false", since="1.2.7"),
    _flag("kubeconfig", "text", ""),
)
# fmt: on
"""The flags: first those of the manifest, in its order, then the others."""

_BY_NAME: Mapping[str, Flag] = MappingProxyType({flag.name: flag for flag in FLAGS})


@dataclass(frozen=True, slots=True)
class Given:
    """A flag on a command line."""

    index: int
    """The position of its word."""
    name: str
    value: str | None
    """None if a required value is missing."""
    broken: str = ""
    """Why the parser rejects the word as a flag; empty if it does not."""


def given(words: Sequence[object]) -> tuple[Given, ...]:
    """The flags of a command line, in its order: ``--name=value``, ``--name value``, and ``--name`` for a boolean.

    Everything after ``--`` is an argument, and so is a word that does not begin with a dash. A single dash begins
    one-letter flags, of which the agent has none.
    """
    return _given(words)


@remembered
def _given(words: tuple[object, ...]) -> tuple[Given, ...]:
    return tuple(_read(words))


def _read(words: tuple[object, ...]) -> Iterator[Given]:
    position = 0
    while position < len(words):
        word = words[position]
        index, position = position, position + 1
        if not isinstance(word, str) or not word.startswith("-") or word == "-":
            continue
        if word == "--":
            return
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name or name.startswith("-"):
            yield Given(index, name, None, "begins with one dash" if not word.startswith("--") else "has no name")
        elif equals:
            yield Given(index, name, value)
        elif name in _BY_NAME and _BY_NAME[name].kind == "bool":
            yield Given(index, name, "true")
        else:
            follows = words[position] if position < len(words) and name in _BY_NAME else None
            position += follows is not None
            yield Given(index, name, follows if isinstance(follows, str) else None)


def refusal(one: Given, agent: Version | None, flags: Mapping[str, Flag] = _BY_NAME) -> str:
    """Why an agent exits on a flag, as a clause; empty if it accepts it.

    An unknown agent may have flags that are not in the table.
    """
    if one.broken:
        return f"{one.broken}, while a flag of the agent begins with two and a name"
    flag = flags.get(one.name)
    if flag is None:
        return "" if agent is None else f"is not a flag of agent {agent}"
    if agent is not None and agent < flag.since:
        return f"needs agent {flag.since}, the image is {agent}"
    return _misread(flag, one.value)


def _misread(flag: Flag, value: str | None) -> str:
    if value is None:
        return "needs a value"
    if flag.kind == "bool":
        return "" if go_bool(value) is not None else "must be true or false"
    return _number(flag, value) if flag.kind == "int" else ""


def _number(flag: Flag, value: str) -> str:
    number = go_int_any_base(value)
    if number is None:
        return "must be an integer"
    low, high = flag.minimum, flag.maximum
    fits = low is None or high is None or low <= number <= high
    return "" if fits else f"must be an integer from {low} to {high}"
