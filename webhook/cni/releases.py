"""The releases of the VPC CNI, one row each.

Sources: the git tags of aws/amazon-vpc-cni-k8s and config/master/aws-k8s-cni.yaml at each of them; README.md
("Recommended Version"). What a release changes is elsewhere: variables in `variables.py`, flags of the agent in
`flags.py`, the rest of the manifest in `stock.py`, behavior in `features.py`. Known faults are in `unsafe.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook.cni.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST_WITH_MANIFEST = Version(1, 9, 0)
"""The first release whose official manifest is known here."""

FIRST_WITH_AGENT = Version(1, 14, 0)
"""The first release whose manifest has the container aws-eks-nodeagent."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release that upstream tagged."""

    version: Version
    agent: Version | None = None
    """The network policy agent of its manifest."""
    manifest: str = ""
    """The first 12 digits of the SHA-256 of its official DaemonSet, from ``python -m tests.cni.official FILE``."""
    deploys: Version | None = None
    """The release that its manifest deploys, if it is a different one."""
    label: Version | None = None
    """The release in the labels of its manifest, if it is a different one."""
    recommended: bool = False
    """Whether messages recommend it."""


def release(  # noqa: PLR0913 - a row of a table
    number: str,
    *,
    agent: str = "",
    manifest: str = "",
    deploys: str = "",
    label: str = "",
    recommended: bool = False,
) -> Release:
    """Make a row of the table."""
    named = [Version.of(text) if text else None for text in (agent, deploys, label)]
    return Release(Version.of(number), named[0], manifest, named[1], named[2], recommended)


RELEASES: tuple[Release, ...] = (
    release("1.5.0"),
    release("1.5.1"),
    release("1.5.2"),
    release("1.5.3"),
    release("1.5.4"),
    release("1.5.5"),
    release("1.5.7"),
    release("1.6.0"),
    release("1.6.1"),
    release("1.6.2"),
    release("1.6.3"),
    release("1.6.4"),
    release("1.7.0"),
    release("1.7.1"),
    release("1.7.2"),
    release("1.7.3"),
    release("1.7.4"),
    release("1.7.5"),
    release("1.7.6"),
    release("1.7.7"),
    release("1.7.8"),
    release("1.7.9"),
    release("1.7.10"),
    release("1.8.0"),
    release("1.9.0", manifest="703a486265b0"),
    release("1.9.1", manifest="feb4254f3cc8"),
    release("1.9.3", manifest="fda6b35d5080"),
    release("1.10.0", manifest="984c5e325494"),
    release("1.10.1", manifest="d4bb67bd0afb"),
    release("1.10.2", manifest="d917988cdd8d"),
    release("1.10.3", manifest="fe71048f852d"),
    release("1.10.4", manifest="2b678fa63dc2"),
    release("1.11.0", manifest="fadb18a501d9"),
    release("1.11.2", manifest="96858ba7ee9c"),
    release("1.11.3", manifest="9c7dc6bb98e3"),
    release("1.11.4", manifest="b84ac1179c31"),
    release("1.11.5", manifest="25f1ef3cfa30"),
    release("1.12.0", manifest="77f9c445ff6c"),
    release("1.12.1", manifest="4aedfa85a7a2"),
    release("1.12.2", manifest="e780c386896c"),
    release("1.12.5", manifest="11ea2dca2095"),
    release("1.12.6", manifest="fcfb4502a425"),
    release("1.13.0", manifest="97d3b32a7c67"),
    release("1.13.2", manifest="f082f1e033a1"),
    release("1.13.3", manifest="17c5253aa643"),
    release("1.13.4", manifest="721df0f8e1f1"),
    release("1.14.0", agent="1.0.1", manifest="a18cf0ed5206"),
    release("1.14.1", agent="1.0.2", manifest="2cab9e462b72"),
    release("1.15.0", agent="1.0.2", manifest="02d5bce81e0b"),
    release("1.15.1", agent="1.0.4", manifest="2dbfd32d8205"),
    release("1.15.3", agent="1.0.5", manifest="b7415b4f8ed4"),
    release("1.15.4", agent="1.0.6", manifest="95d95583dc71"),
    release("1.15.5", agent="1.0.7", manifest="11c666823eb7"),
    release("1.16.0", agent="1.0.7", manifest="649954dacfb6"),
    release("1.16.2", agent="1.0.7", manifest="d3a4c8c3a402"),
    release("1.16.3", agent="1.0.8", manifest="effbd08b5c9c"),
    release("1.16.4", agent="1.0.8", manifest="995411d680ab"),
    release("1.17.1", agent="1.1.0", manifest="7c2186756913"),
    release("1.18.0", agent="1.1.0", manifest="253fc457ccd2"),
    release("1.18.1", agent="1.1.1", manifest="191a39b982b6"),
    release("1.18.2", agent="1.1.2", manifest="1839a87b4a82"),
    release("1.18.3", agent="1.1.2", manifest="59f698c17b46"),
    release("1.18.4", agent="1.1.3", manifest="610bfab13c86"),
    release("1.18.5", agent="1.1.3", manifest="7f9d87fb4913", label="1.18.4"),
    release("1.18.6", agent="1.1.4", manifest="5617d9667bcf"),
    release("1.19.0", agent="1.1.5", manifest="571752090536"),
    release("1.19.2", agent="1.1.6", manifest="bc9d10a97d9c"),
    release("1.19.3", agent="1.2.0", manifest="30fd37d8fff1"),
    release("1.19.4", agent="1.2.1", manifest="02181bf72271", label="1.19.2"),
    release("1.19.5", agent="1.2.1", manifest="7c12bf63571b"),
    release("1.19.6", agent="1.2.2", manifest="a264b9b80335", recommended=True),
    release("1.20.0", agent="1.2.3", manifest="708ac7bfc692"),
    release("1.20.1", agent="1.2.4", manifest="d2b9cf327ed4"),
    release("1.20.2", agent="1.2.6", manifest="f770ab2889ec", label="1.20.1"),
    release("1.20.3", agent="1.2.6", manifest="1cbd04fe7251"),
    release("1.20.4", agent="1.2.7", manifest="b37a2ee802b9"),
    release("1.20.5", agent="1.2.7", manifest="8e392c7b7eb6", recommended=True),
    release("1.21.0", agent="1.3.0", manifest="04d838230518"),
    release("1.21.1", agent="1.3.1", manifest="dc8c2098f24d"),
    release("1.21.2", agent="1.3.5", manifest="5436a0e5c267", recommended=True),
    release("1.22.0", manifest="dc8c2098f24d", deploys="1.21.1"),
    release("1.22.1", agent="1.3.5", manifest="418f9a9fc240"),
    release("1.22.2", agent="1.3.5", manifest="003f755b0e0c"),
    release("1.22.3", agent="1.3.7", manifest="eb14ea09519b"),
    release("1.22.4", agent="1.4.0", manifest="d638a5b23cc4", recommended=True),
    release("1.23.0", agent="1.4.1", manifest="bf704e18b0d4"),
    release("1.23.1", agent="1.4.2", manifest="5ea652888785", recommended=True),
)
"""Every release that upstream tagged, oldest first. 1.23.1 is on the main branch, with its manifest and changelog."""


def check(rows: Sequence[Release]) -> None:
    """Validate the rows.

    Raises:
        ValueError: A field is missing or wrong; the message names the file, the release and the field.
    """
    for message in _faults(rows):
        raise ValueError(f"webhook/cni/releases.py: {message}")


def _faults(rows: Sequence[Release]) -> Iterator[str]:
    for before, row in zip((None, *rows), rows, strict=False):
        here = f"release {row.version}"
        if before is not None and row.version <= before.version:
            yield f"{here}: must come before {before.version} and be listed once"
        if row.version >= FIRST_WITH_MANIFEST and not row.manifest:
            yield f"{here}: manifest is missing; python -m tests.cni.official FILE prints the row"
        if row.version >= FIRST_WITH_AGENT and not row.deploys and row.agent is None:
            yield f"{here}: agent is missing; it is the tag of the image of container aws-eks-nodeagent in the manifest"
    if rows and not rows[-1].recommended:
        yield f"release {rows[-1].version}: recommended is missing; the newest release is always recommended"


check(RELEASES)

VERSIONS: tuple[Version, ...] = tuple(row.version for row in RELEASES)
"""All releases, oldest first."""
