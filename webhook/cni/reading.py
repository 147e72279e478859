"""How one container reads one variable in each release, and what happens with a value that it does not accept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from webhook.cni.version import Version, in_force

Role = Literal["aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"]

Parser = Literal[
    "bool",
    "bool-quiet",
    "bool-true",
    "target",
    "integer",
    "clamped",
    "mark",
    "text",
    "path",
    "folder",
    "choice",
    "cidrs",
    "cidrs-exact",
    "json",
    "url",
    "address",
    "field",
    "none",
]
"""How the CNI reads a value.

``bool``        strconv.ParseBool; anything else, the empty text too, is logged as an error and gives the default
``bool-quiet``  strconv.ParseBool; the empty text gives the default without a word, anything else with a line in the log
``bool-true``   "true" and nothing else is true
``target``      strconv.Atoi, at least ``minimum``; anything else gives the default
``integer``     strconv.Atoi between ``minimum`` and ``maximum``; anything else ends the entry point
``clamped``     strconv.Atoi; a number beyond ``minimum`` or ``maximum`` becomes that limit, a text the default
``mark``        strconv.ParseInt with a prefix for the base (0x80), between ``minimum`` and ``maximum``
``text``        any text, the empty one included: a default counts only for an absent variable
``path``        any text, but the empty one gives the default
``folder``      a folder of the host, which has to lie below a mount of the container
``choice``      one of ``choices``, in any case if ``any_case``
``cidrs``       IPv4 CIDRs separated by commas, blanks around them allowed, IPv6 ones skipped
``cidrs-exact`` CIDRs separated by commas; a blank spoils its item, and IPv6 ones are used
``json``        a JSON object of strings
``url``         an absolute URL, used as it stands
``address``     host:port or unix:path, used as it stands
``field``       taken from the pod by the downward API, from ``field_path``
``none``        not read, or read for nothing: the variable has no effect
"""

Effect = Literal[
    "default", "default-silent", "exit", "start-fails", "breaks", "harms", "exposes", "skipped", "dropped", "kept"
]
"""What happens with a value that the parser does not accept.

``default``         the default is used, with a line in the log
``default-silent``  the default is used, without a line in the log
``exit``            the entry point ends with status 1
``start-fails``     ipamd refuses to start
``breaks``          it is used as it stands, and every new pod fails
``harms``           it is used as it stands, and nodes may lose their network or their API server
``exposes``         it is used as it stands, and opens a port of the node to its network
``skipped``         the bad item is left out of the list, with a line in the log
``dropped``         the whole value is left out, with a line in the log
``kept``            it is used as it stands, which at worst makes the setting useless
"""

FATAL: frozenset[Effect] = frozenset({"exit", "start-fails", "breaks"})
"""The effects that stop aws-node or every new pod."""

Condition = Literal["security-groups-for-pods", "custom-networking"]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How the CNI reads a variable from one release on. Compared by identity, so that answers can be cached."""

    parser: Parser
    default: str | None = None
    """The default in the code, as text; ``None`` if there is none."""
    on_absent: Effect = "default-silent"
    on_empty: Effect = "kept"
    on_bad: Effect = "kept"
    only_with: tuple[Condition, ...] = ()
    """``on_empty`` and ``on_bad`` do harm only with these features."""
    family: Literal["", "ipv4", "ipv6"] = ""
    """Only clusters of this address family read it; empty for both."""
    minimum: int | None = None
    minimum6: int | None = None
    """The minimum in an IPv6 cluster, if it differs."""
    maximum: int | None = None
    longest: int | None = None
    """The maximum length in bytes."""
    choices: tuple[str, ...] = ()
    any_case: bool = False
    """Whether ``choices`` and ``forbidden`` ignore case."""
    forbidden: tuple[str, ...] = ()
    """Values that are not accepted."""
    log_of: Literal["", "plugin", "egress-plugin"] = ""
    """The plugin that logs to this file. Logging to "stdout" (in any case) corrupts its result, so every pod fails."""
    conflist: Literal["", "breaks", "exit"] = ""
    """What happens if the value cannot be part of a JSON string; empty if the conflist does not contain the variable.

    The value is put into the conflist without escaping. The shell script wrote the broken file to the node; the program
    that replaced it validates the file and exits.
    """
    true_only: bool = False
    """Whether the entry point, unlike ipamd, accepts only "true" as true."""
    field_path: str = ""
    """The field of the pod that the value must come from."""


@lru_cache(maxsize=1024)
def _reading(variable: Variable, version: Version) -> Reading | None:
    return in_force(variable.steps, version)


@lru_cache(maxsize=1024)
def _newest(variable: Variable) -> Reading:
    return next(reading for _, reading in reversed(variable.steps) if reading is not NO_EFFECT)


NO_EFFECT = Reading("none")

Shipped = tuple[tuple[Version, str | None], ...]
"""The value in the official manifest, from each release on; ``None`` if it does not set the variable anymore."""

RELEASE_TAG = "<release tag>"
"""Stands for the tag of the release in ``Variable.shipped``."""


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A variable of one container, with its history, which is never empty. Compared by identity."""

    name: str
    container: Role
    steps: tuple[tuple[Version, Reading], ...]
    """How it is read from each release on, oldest first."""
    replacement: str = ""
    """What to use instead if it has no effect, as a clause."""
    shipped: Shipped = ()

    def reading(self, version: Version | None) -> Reading | None:
        """How a release reads it; ``None`` if it does not. An unknown release counts as the newest."""
        return self.steps[-1][1] if version is None else _reading(self, version)

    def cut(self, version: Version) -> Variable:
        """The variable as it was when `version`, which already reads it, was the newest release."""
        return replace(self, steps=tuple(step for step in self.steps if step[0] <= version))

    @property
    def since(self) -> Version:
        """The first release that reads it."""
        return self.steps[0][0]

    @property
    def newest(self) -> Reading:
        """How the last release in which it has an effect reads it."""
        return _newest(self)

    @property
    def parser(self) -> Parser:
        """How the newest release reads it."""
        return self.newest.parser

    @property
    def default(self) -> str | None:
        """The default of the newest release."""
        return self.newest.default

    @property
    def minimum(self) -> int | None:
        """The minimum of the newest release."""
        return self.newest.minimum

    @property
    def field_path(self) -> str:
        """The field of the pod that the value must come from."""
        return self.newest.field_path

    def dead_in(self, version: Version) -> bool:
        """Whether a release knows the variable, but it has no effect."""
        return self.reading(version) is NO_EFFECT

    def alive_again(self, version: Version) -> Version | None:
        """The first later release in which the variable has an effect; ``None`` if there is none."""
        return next((first for first, then in self.steps if first > version and then is not NO_EFFECT), None)

    def dead_since(self, version: Version) -> Version:
        """The first release that reads it like this one."""
        return max(first for first, _ in self.steps if first <= version)

    def shipped_in(self, version: Version) -> str | None:
        """The value in the official manifest of a release; ``None`` if the manifest does not set the variable."""
        value = in_force(self.shipped, version)
        return f"v{version}" if value == RELEASE_TAG else value
