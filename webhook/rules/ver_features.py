"""VER-006: settings that do not fit the release of the image."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.container import Container
from webhook.cni.features import FeatureFloor
from webhook.cni.values import go_bool
from webhook.cni.variables import Variable
from webhook.cni.version import Version
from webhook.model import Evidence, Path, Problem

_USER_AGENT = "VPC_CNI_VERSION"
"""Only a text in the CNI's requests: without it nothing is lost."""


@rule(
    "VER-006",
    "A setting that is newer than the image",
    level="deny",
    link=links.VARIABLES,
    bad=(
        Example(DaemonSet(release="1.18.6", env={"ENABLE_MULTI_NIC": "true"})),
        Example(DaemonSet(release="1.10.4", env={"POD_SECURITY_GROUP_ENFORCING_MODE": "standard"})),
        Example(DaemonSet(release="1.12.6", init_env={"ENABLE_V6_EGRESS": "true"})),
        Example(DaemonSet(release="1.15.5", env={"ENABLE_POD_ENI": "true", "ENABLE_IPv6": "true"}), level="warn"),
    ),
)
def too_new_setting(case: AwsNodeCase) -> Iterator[Problem]:
    """A variable that the image does not know yet is ignored without a word: the wanted protection is absent."""
    version = case.new.known_version
    for holder in case.new.roles:
        later = case.tables.not_yet_read(holder.role, version)
        for name, value in holder.known:
            if name not in later or name == _USER_AGENT:
                continue
            row = case.tables.variables[holder.role][name]
            if not _is_default(row, value):
                yield _too_new(case, holder.where(name), holder, name, row.since)
    yield from _too_new_features(case, version)


def _is_default(row: Variable, value: str) -> bool:
    """Whether leaving the variable out would mean the same."""
    if row.parser in {"bool", "bool-quiet"}:
        return (go_bool(value) is True) == (row.default == "true")
    return value == (row.default or "")


def _too_new(case: AwsNodeCase, path: Path, holder: Container, name: str, since: Version) -> Problem:
    return Problem(
        path=path,
        evidence=(*holder.evidence(name), ("needs CNI", str(since))),
        level="deny",
        wrong=f"{name} in container {holder.label} needs CNI {since}, the image is {case.new.version}",
        effect="the setting would be ignored without a word",
        remedy=f"Remove {name} until the cluster runs CNI {since} or newer",
    )


def _too_new_features(case: AwsNodeCase, version: Version) -> Iterator[Problem]:
    for row in case.tables.features:
        if version < row.first and all(case.new.switched_on(switch) for switch in row.switches):
            yield _unsupported(case, row, version)


def _unsupported(case: AwsNodeCase, row: FeatureFloor, version: Version) -> Problem:
    switch = row.switches[0]
    return Problem(
        path=_path(case, switch),
        evidence=(*_evidence(case, row.switches), ("needs CNI", str(row.first))),
        level="warn" if row.disputed else "deny",
        wrong=f"{row.name} ({' and '.join(row.switches)}) needs CNI {row.first}, the image is {version}",
        effect="AWS does not support the feature with this release",
        remedy=f"Switch {switch} off until the cluster runs CNI {row.first} or newer",
    )


def _path(case: AwsNodeCase, switch: str) -> Path:
    main, agent = case.new.required, case.new.agent
    if switch.startswith("--"):
        return (agent or main).path
    return main.where(switch)


def _evidence(case: AwsNodeCase, switches: tuple[str, ...]) -> Evidence:
    main = case.new.required
    return tuple(
        pair
        for switch in switches
        for pair in (((switch, "true"),) if switch.startswith("--") else main.evidence(switch))
    )
