"""All tables as one value, which rules get as an argument, so that it can be cut at a release or replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

from webhook.cni.agents import AGENTS, EPOCHS, HEALTH_ADDRESSES, Agent, Epoch, health_address
from webhook.cni.features import BEHAVIORS, FEATURE_FLOORS, WAYPOINTS, Behavior, FeatureFloor, Waypoint
from webhook.cni.flags import FLAGS, Flag
from webhook.cni.reading import FATAL
from webhook.cni.releases import RELEASES, Release
from webhook.cni.unsafe import UNSAFE_RELEASES, UnsafeReleases
from webhook.cni.variables import VARIABLES, Variable
from webhook.cni.version import Version, in_force


@dataclass(frozen=True, eq=False)
class Tables:
    """What is known up to a newest release. Compared by identity, so that answers can be cached."""

    releases: tuple[Release, ...]
    """Oldest first."""
    unsafe: tuple[UnsafeReleases, ...]
    variables: Mapping[str, Mapping[str, Variable]]
    """By container, then by name."""
    epochs: tuple[tuple[Version, Epoch], ...]
    """How CNI and agent talk, from which release on."""
    health_addresses: tuple[tuple[Version, str], ...]
    """Where ipamd answers health probes, from which release on."""
    agents: tuple[tuple[Version, Agent], ...]
    """What an agent does, from which release of the agent on."""
    flags: Mapping[str, Flag]
    """The flags of the agent, by name."""
    features: tuple[FeatureFloor, ...]
    behaviors: Mapping[Behavior, Version]
    """The first release with each behavior."""
    waypoints: tuple[Waypoint, ...]

    @property
    def newest(self) -> Version:
        """The newest known release."""
        return self.releases[-1].version

    @cached_property
    def versions(self) -> frozenset[Version]:
        """All known releases."""
        return frozenset(row.version for row in self.releases)

    @cached_property
    def last_patches(self) -> Mapping[tuple[int, int], Version]:
        """The last patch of each minor from 1.6 on, oldest first."""
        found = (row.version for row in self.releases if row.version >= _FIRST_TO_GO_TO)
        return {(version.major, version.minor): version for version in found}

    @cached_property
    def recommended(self) -> tuple[Version, ...]:
        """The recommended releases, newest first."""
        return tuple(row.version for row in reversed(self.releases) if row.recommended) or (self.newest,)

    @cached_property
    def pairs(self) -> Mapping[Version, Version]:
        """The network policy agent that ships with a release."""
        return {row.version: row.agent for row in self.releases if row.agent is not None}

    def first_with(self, name: str) -> Version | None:
        """The first release with a variable in any container, or with a flag (``--name``) of the agent.

        None if the tables do not have it.
        """
        return _first_with(self, name)

    def not_yet_read(self, container: str, version: Version) -> frozenset[str]:
        """The variables that a container reads only from a later release on."""
        return _names(self, container, version, "later")

    def without_effect(self, container: str, version: Version) -> frozenset[str]:
        """The variables that a container of this release knows, but that have no effect."""
        return _names(self, container, version, "dead")

    def epoch(self, version: Version) -> Epoch:
        """How a release talks to its agent."""
        return in_force(self.epochs, version) or self.epochs[0][1]

    def health_address(self, version: Version) -> str:
        """The address of ipamd's health service in a release, as after ``-addr=`` in the manifest."""
        return health_address(version, self.health_addresses)

    def agent(self, version: Version) -> Agent:
        """What a release of the agent does."""
        return in_force(self.agents, version) or self.agents[0][1]

    def behaves(self, version: Version | None, behavior: Behavior) -> bool:
        """Whether a release behaves in a certain way; an unknown one behaves as the newest."""
        first = self.behaviors.get(behavior)
        return first is not None and (version is None or version >= first)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The variables of container aws-node without which some release does not start."""
        rows = self.variables["aws-node"].values()
        return tuple(row.name for row in rows if any(reading.on_absent in FATAL for _, reading in row.steps))

    def until(self, version: Version) -> "Tables":
        """The tables as they were when `version` was the newest release."""
        releases = tuple(row for row in self.releases if row.version <= version)
        agent = max((row.agent for row in releases if row.agent is not None), default=Version(0, 0, 0))
        return replace(
            self,
            releases=releases,
            unsafe=tuple(replace(row, last=min(row.last, version)) for row in self.unsafe if row.first <= version),
            variables={
                container: {name: row.cut(version) for name, row in rows.items() if row.since <= version}
                for container, rows in self.variables.items()
            },
            epochs=tuple(row for row in self.epochs if row[0] <= version),
            health_addresses=tuple(row for row in self.health_addresses if row[0] <= version),
            agents=tuple(row for row in self.agents if row[0] <= agent),
            flags={name: row.cut(agent) for name, row in self.flags.items() if row.since <= agent},
            features=tuple(row for row in self.features if row.first <= version),
            behaviors={name: first for name, first in self.behaviors.items() if first <= version},
            waypoints=tuple(row for row in self.waypoints if row.before <= version),
        )


@lru_cache(maxsize=64)
def _names(tables: Tables, container: str, version: Version, which: Literal["later", "dead"]) -> frozenset[str]:
    rows = tables.variables[container].values()
    if which == "later":
        return frozenset(row.name for row in rows if version < row.since)
    return frozenset(row.name for row in rows if row.dead_in(version))


@lru_cache(maxsize=256)
def _first_with(tables: Tables, name: str) -> Version | None:
    if name.startswith("--"):
        flag = tables.flags.get(name.removeprefix("--"))
        return min(
            (row.version for row in tables.releases if row.agent and flag and row.agent >= flag.since), default=None
        )
    return min((rows[name].since for rows in tables.variables.values() if name in rows), default=None)


_FIRST_TO_GO_TO = Version(1, 6, 0)

CONTAINERS = ("aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent")

KNOWN = Tables(
    releases=RELEASES,
    unsafe=UNSAFE_RELEASES,
    variables={name: {row.name: row for row in VARIABLES if row.container == name} for name in CONTAINERS},
    epochs=EPOCHS,
    health_addresses=HEALTH_ADDRESSES,
    agents=AGENTS,
    flags={flag.name: flag for flag in FLAGS},
    features=FEATURE_FLOORS,
    behaviors=BEHAVIORS,
    waypoints=WAYPOINTS,
)
"""Everything that this version of cni-guard knows."""
