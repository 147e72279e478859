"""Image references, and the registries of AWS that serve the images of the CNI.

Sources: the EKS user guide, "View Amazon container image registries for Amazon EKS add-ons" (accounts by region), and
for the regions that its page of 2024 lacks eksctl's pkg/apis/eksctl.io/v1alpha5/types.go (the accounts from which it
takes the images of add-ons); the ECR user guide, "Making requests to Amazon ECR registries" (dual-stack and FIPS
hosts); botocore's partitions.json (partitions and their domains); charts/aws-vpc-cni/templates/_helpers.tpl (form of
the reference). The grammar is that of distribution/reference, read as a container runtime reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


REPOSITORIES: Mapping[str, str] = MappingProxyType(
    {
        "aws-node": "amazon-k8s-cni",
        "aws-vpc-cni-init": "amazon-k8s-cni-init",
        "aws-eks-nodeagent": "amazon/aws-network-policy-agent",
    },
)
"""The repository of each container, the same in every registry of AWS."""

_COMMERCIAL = """
ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1
eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
"""

ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_COMMERCIAL.split(), "602401143452"),
        "af-south-1": "877085696533",
        "ap-east-1": "800184023465",
        "ap-south-2": "900889452093",
        "ap-southeast-3": "296578399912",
        "ap-southeast-4": "491585149902",
        "ca-west-1": "761377655185",
        "cn-north-1": "918309763551",
        "cn-northwest-1": "961992271922",
        "eu-central-2": "900612956339",
        "eu-south-1": "590381155156",
        "eu-south-2": "455263428931",
        "il-central-1": "066635153087",
        "me-central-1": "759879836304",
        "me-south-1": "558608220178",
        "us-gov-east-1": "151742754352",
        "us-gov-west-1": "013241004608",
        # The rest from eksctl.
        "ap-east-2": "533267051163",
        "ap-southeast-5": "151610086707",
        "ap-southeast-6": "333609536671",
        "ap-southeast-7": "121268973566",
        "eu-isoe-west-1": "249663109785",
        "mx-central-1": "730335286997",
        "us-iso-east-1": "725322719131",
        "us-iso-west-1": "608367168043",
        "us-isob-east-1": "187977181151",
        "us-isob-west-1": "321162350305",
        "us-isof-east-1": "171035529773",
        "us-isof-south-1": "676585237158",
    },
)
"""The account of the registry, by region; neither source has one for eusc-de-east-1."""


class Partition(NamedTuple):
    """A partition of AWS, with its own domains."""

    name: str
    regions: str
    """The prefix of its regions; a region belongs to the first partition that matches."""
    domain: str
    dual_stack: str
    """The domain of the dual-stack hosts; empty if unknown."""


PARTITIONS: tuple[Partition, ...] = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn", "on.amazonwebservices.com.cn"),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", "on.aws"),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", ""),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", ""),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", ""),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", ""),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", ""),
    Partition("aws", "", "amazonaws.com", "on.aws"),
)
"""The last one matches every region that no other one matches."""

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}")
_ECR = re.compile(
    rf"(?P<account>[0-9]{{12}})\.dkr(?P<joint>[.-])ecr(?P<fips>-fips)?\.(?P<region>{_REGION.pattern})\.(?P<domain>[a-z0-9.-]+)",
)


_LONGEST = 1024
_LONGEST_NAME = 255
_REMEMBERED = 256
"""Cached references: a cluster has a handful of images, which are evaluated again and again."""


@dataclass(frozen=True, slots=True)
class EcrHost:
    """The parts of the host name of a private ECR registry."""

    account: str
    region: str
    partition: str
    fips: bool = False
    dual_stack: bool = False

    @property
    def host(self) -> str:
        """The full host name."""
        partition = partition_of(self.region)
        joint, domain = ("-", partition.dual_stack) if self.dual_stack else (".", partition.domain)
        return f"{self.account}.dkr{joint}ecr{'-fips' if self.fips else ''}.{self.region}.{domain}"


@lru_cache(maxsize=64)
def partition_of(region: str) -> Partition:
    """The partition of a region, including regions that are not in the table."""
    return next(partition for partition in PARTITIONS if region.startswith(partition.regions))


def ecr_host(text: str) -> EcrHost | None:
    """Parse the host name of a registry; ``None`` if it is not exactly an ECR host."""
    return _ecr_host(text) if len(text) <= _LONGEST_NAME else None


@lru_cache(maxsize=_REMEMBERED)
def _ecr_host(text: str) -> EcrHost | None:
    found = _ECR.fullmatch(text)
    if found is None:
        return None
    dual_stack = found["joint"] == "-"
    partition = partition_of(found["region"])
    if found["domain"] != (partition.dual_stack if dual_stack else partition.domain):
        return None
    return EcrHost(found["account"], found["region"], partition.name, found["fips"] is not None, dual_stack)


def registry_for(region: str) -> str | None:
    """The registry that AWS recommends for a region; ``None`` if the region is not in the table."""
    account = ACCOUNTS.get(region)
    return None if account is None else EcrHost(account, region, partition_of(region).name).host


DEFAULT_REGISTRY = "docker.io"
"""The registry that a container runtime uses for a reference without one."""


@dataclass(frozen=True, slots=True)
class Image:
    """A parsed image reference."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def basename(self) -> str:
        """The last part of the repository, which mirrors keep."""
        return self.repository.rpartition("/")[2]

    def __str__(self) -> str:
        """The full reference, including the registry."""
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.registry}/{self.repository}{tag}{digest}"


_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?")
_PART = "[a-z0-9]+(?:(?:[.]|__?|-+)[a-z0-9]+)*"
_REST = re.compile(
    rf"(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?",
)
_IDENTIFIER = re.compile("[0-9a-f]{64}")


def _split(text: str) -> tuple[str | None, str]:
    """Split off the registry: the first part, if it cannot be part of a repository."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return None, text


def parse_image(text: str) -> Image | None:
    """Parse an image reference; ``None`` if a container runtime rejects it."""
    return _parse_image(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=_REMEMBERED)
def _parse_image(text: str) -> Image | None:
    if _IDENTIFIER.fullmatch(text):
        return None
    registry, rest = _split(text)
    found = _REST.fullmatch(rest)
    if found is None or (registry is not None and _HOST.fullmatch(registry) is None):
        return None
    image = Image(registry or DEFAULT_REGISTRY, found["repository"], found["tag"], found["digest"])
    too_long = len(image.registry) + 1 + len(image.repository) > _LONGEST_NAME
    return None if too_long else image


def within(image: Image, registry: str) -> bool:
    """Whether an image lies below a registry with an optional path: compared in whole parts."""
    full = f"{_plain(image.registry)}/{image.repository}"
    host, slash, path = registry.removesuffix("/").partition("/")
    return full.startswith(f"{_plain(host)}{slash}{path}/")


def _plain(registry: str) -> str:
    """A registry in lower case, as DNS compares; one of ECR by its plain host.

    Those of ECR for FIPS and for both families serve the same images.
    """
    lower = registry.lower()
    host = ecr_host(lower)
    return replace(host, fips=False, dual_stack=False).host if host else lower


def official_image(container: str, tag: str, region: str) -> str | None:
    """The reference that AWS recommends for a container; ``None`` if the region is not in the table."""
    registry = registry_for(region)
    return None if registry is None else f"{registry}/{REPOSITORIES[container]}:{tag}"
