"""Release numbers of the VPC CNI and of its network policy agent, and the image tags that carry them.

Source: the git tags of aws/amazon-vpc-cni-k8s and aws/aws-network-policy-agent, and the "eksbuild" suffixes that the
EKS user guide shows for the add-on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

LARGEST = 999_999
"""The largest number in a release; a tag with a larger one is not a release of the CNI."""

_LONGEST_TAG = 128
_NUMBER = "[0-9]{1,6}"
_DOTTED = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})")
_TAG = re.compile(
    rf"v?(?P<version>{_NUMBER}\.{_NUMBER}\.{_NUMBER})"
    r"(?P<candidate>-rc[0-9]{1,6})?"
    r"(?:-eksbuild\.(?P<build>[0-9]{1,6}))?"
    r"(?:-(?P<rest>[A-Za-z0-9._]{1,100}|[0-9]{1,6}-g[0-9a-f]{7,40}(?:-dirty)?))?",
)
_UNRELEASED = re.compile(r"rc|(?:.*-)?(?:dirty|[0-9]+-g[0-9a-f]{7,40})(?:-dirty)?$")
"""The end of a tag made by ``git describe``: commits after a release, or uncommitted changes."""


class Version(NamedTuple):
    """A release: three numbers that compare as numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """The release as people write it: ``1.23.1``."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def of(cls, text: str) -> Version:
        """Parse ``1.23.1``, and nothing less strict. Raises ValueError."""
        found = _DOTTED.fullmatch(text)
        if found is None:
            message = f"not a release number: {text!r}"
            raise ValueError(message)
        return cls(*map(int, found.groups()))


@dataclass(frozen=True, slots=True)
class Tag:
    """A parsed image tag: the release, whether it is unreleased (a candidate or a branch), and the EKS build."""

    version: Version
    unreleased: bool
    build: int | None


def parse_tag(text: str) -> Tag | None:
    """Parse an image tag; ``None`` if it names no release (``latest``, a branch, a commit)."""
    return _parse_tag(text) if len(text) <= _LONGEST_TAG else None


@lru_cache(maxsize=256)
def _parse_tag(text: str) -> Tag | None:
    found = _TAG.fullmatch(text)
    if found is None:
        return None
    build, rest = found["build"], found["rest"] or ""
    return Tag(
        version=Version.of(found["version"]),
        unreleased=found["candidate"] is not None or _UNRELEASED.match(rest) is not None,
        build=None if build is None else int(build),
    )


def below(version: Version) -> Version:
    """The greatest release number below another one, for ranges that include both ends."""
    if version.patch:
        return version._replace(patch=version.patch - 1)
    if version.minor:
        return Version(version.major, version.minor - 1, LARGEST)
    return Version(max(version.major - 1, 0), LARGEST, LARGEST)


def in_force(steps: Sequence[tuple[Version, T]], version: Version) -> T | None:
    """The value that a release has in a history: that of its last step up to the release; ``None`` before the first."""
    value: T | None = None
    for first, then in steps:
        if first > version:
            break
        value = then
    return value
