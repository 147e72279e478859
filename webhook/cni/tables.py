"""What is known about the CNI's releases, as one value: rules are given it, so that it can be cut or replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from webhook.cni.agents import EPOCHS, PAIRS, Epoch
from webhook.cni.releases import RELEASES, VERDICTS, Verdict
from webhook.cni.variables import VARIABLES, Variable
from webhook.cni.version import Version, at


@dataclass(frozen=True)
class Tables:
    """The knowledge that ends with its newest release."""

    releases: tuple[Version, ...]
    verdicts: tuple[Verdict, ...]
    variables: Mapping[str, Mapping[str, Variable]]
    """By container, then by name."""
    pairs: Mapping[Version, Version]
    """The network policy agent that ships with a release."""
    epochs: tuple[tuple[Version, Epoch], ...]
    """How CNI and agent talk, from which release on."""

    @property
    def newest(self) -> Version:
        """The newest release that is known; of later ones nothing is."""
        return self.releases[-1]

    def epoch(self, version: Version) -> Epoch:
        """How a release talks to its agent."""
        return at(self.epochs, version) or self.epochs[0][1]

    def until(self, version: Version) -> "Tables":
        """The tables as they were when `version` was the newest release."""
        return replace(
            self,
            releases=tuple(release for release in self.releases if release <= version),
            verdicts=tuple(replace(row, last=min(row.last, version)) for row in self.verdicts if row.first <= version),
            variables={
                container: {name: row.cut(version) for name, row in rows.items() if row.since <= version}
                for container, rows in self.variables.items()
            },
            pairs={cni: agent for cni, agent in self.pairs.items() if cni <= version},
            epochs=tuple(row for row in self.epochs if row[0] <= version),
        )


CONTAINERS = ("aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent")

KNOWN = Tables(
    releases=RELEASES,
    verdicts=VERDICTS,
    variables={name: {row.name: row for row in VARIABLES if row.container == name} for name in CONTAINERS},
    pairs=PAIRS,
    epochs=EPOCHS,
)
"""All that this version of the guard knows."""
