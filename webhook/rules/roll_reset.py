"""ROLL: what a change does to a configuration that was there."""

import re
from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import rolls_back
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import reading_of, standing
from webhook.cni.container import Container, Unknown
from webhook.cni.overruled import overruled_by
from webhook.cni.values import go_bool, go_int
from webhook.cni.variables import RELEASE_TAG, Variable
from webhook.model import Problem

GUARDED = (
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS",
    "ENABLE_PREFIX_DELEGATION",
    "ENABLE_POD_ENI",
    "POD_SECURITY_GROUP_ENFORCING_MODE",
    "WARM_ENI_TARGET",
    "WARM_IP_TARGET",
    "MINIMUM_IP_TARGET",
    "WARM_PREFIX_TARGET",
    "MAX_ENI",
    "ENI_CONFIG_LABEL_DEF",
    "ENI_CONFIG_ANNOTATION_DEF",
    "ENABLE_IPv6",
    "AWS_VPC_ENI_MTU",
    "POD_MTU",
    "NETWORK_POLICY_ENFORCING_MODE",
    "CLUSTER_NAME",
    "ADDITIONAL_ENI_TAGS",
)
"""The settings whose loss is felt, in the order in which they are named."""

_SWEEPING = 5
"""A request that changes this many variables is an apply of a whole manifest, not a person's single step."""

_ELSEWHERE = {"configMapKeyRef": {"name": "cni", "key": "warm"}}
_MINE = {"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true", "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone"}


@rule(
    "ROLL-003",
    "An update that resets the configuration",
    level="deny",
    acknowledgeable=True,
    link=links.MANAGE,
    bad=(
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.22.4", env=_MINE)),
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.23.0", env={"WARM_IP_TARGET": "5"})),
        Example(
            DaemonSet(release="1.23.1", env={"WARM_IP_TARGET": {"valueFrom": _ELSEWHERE}}),
            before=DaemonSet(release="1.23.0", env={"WARM_IP_TARGET": "5"}),
        ),
    ),
    good=(
        Example(DaemonSet(env={"WARM_ENI_TARGET": "1"}), before=DaemonSet(env={"WARM_ENI_TARGET": "2"})),
        Example(DaemonSet(release="1.23.1", env=_MINE), before=DaemonSet(release="1.22.4", env=_MINE)),
    ),
)
def reset(case: AwsNodeCase) -> Iterator[Problem]:
    """Applying the upstream manifest, Helm without values or an add-on update with OVERWRITE brings defaults back.

    A value that becomes a reference counts as lost too: what it refers to may be another value.
    What had no effect, or was a fault itself, is not missed; on a step down in version, or to an older build of EKS,
    which may be the cure, the loss is only told.
    Such a request also changes the image, or many variables at once; a person who resets one setting does neither.
    """
    if case.old is None or case.old.main is None or case.new.main is None:
        return
    old, new = case.old.main, case.new.main
    was, becomes = old.env, new.env
    changed = {name for name in was.keys() | becomes.keys() if was.get(name) != becomes.get(name)}
    if old.image_text == new.image_text and len(changed) < _SWEEPING:
        return
    for name in GUARDED:
        before, now = old.env.get(name), new.env.get(name)
        row = case.tables.variables["aws-node"].get(name)
        if name not in changed or row is None or isinstance(before, Unknown):
            continue
        if not before or _is_default(row, before) or not (not now or _is_carried_away(row, now)):
            continue
        if not overruled_by(case.old, name) and not _is_cure(case, old, name, before, changed):
            yield _lost(case, name, before, now)


_WORD = re.compile(r"\w+", re.ASCII)


def _is_cure(case: AwsNodeCase, old: Container, name: str, before: str, changed: set[str]) -> bool:
    """Whether the new release refuses the value, or to give it up is the remedy of what was found before.

    It is the remedy of a crash that it caused, and what the remedy's words name. Of two settings that contradict each
    other these name both: to give up the one that won is the remedy only where the other stays.
    """
    reading = reading_of(case, case.new.required, name)
    if reading is not None and standing(case, reading, before):
        return True
    here, kept = old.where(name), {old.where(other) for other in old.env.keys() - changed}
    return any(
        (problem.path == here and problem.certain)
        or (
            (problem.path == here or (problem.path in kept and problem.level == "deny"))
            and name in _WORD.findall(problem.remedy)
        )
        for problem in case.found_before()
    )


def _is_carried_away(row: Variable, now: str | Unknown) -> bool:
    """Whether the object no longer carries the value; one that it takes from elsewhere may be changed there."""
    return isinstance(now, Unknown) or _is_default(row, now)


def _is_default(row: Variable, value: str) -> bool:
    """Whether a value is the usual one: the default of the code or of the official manifest."""
    usual = {row.default, *(shipped for _, shipped in row.shipped if shipped != RELEASE_TAG)}
    if row.parser in {"bool", "bool-quiet"}:
        read = go_bool(value)
        return read is None or read in {go_bool(text) for text in usual if text}
    if row.parser == "target":
        number = go_int(value)
        return number is None or number < (row.minimum or 0) or str(number) in usual
    return value in usual


_ACKNOWLEDGE = (
    ", or acknowledge it in the same request with a new text in the annotation "
    'cni-guard.dev/acknowledge: "ROLL-003 REASON"'
)


def _lost(case: AwsNodeCase, name: str, before: str, now: str | Unknown | None) -> Problem:
    new = case.new.required
    listed = case.policy.acknowledge
    after = "a reference" if isinstance(now, Unknown) else f'"{now}"' if now else "nothing"
    return Problem(
        path=new.where(name),
        evidence=((f"aws-node env {name} before", before), *new.evidence(name)),
        # Neither `kubectl rollout undo` nor `helm rollback` can carry an acknowledgement.
        level="warn" if rolls_back(case) else "deny",
        lowered=rolls_back(case),
        wrong=f'this update resets {name} from "{before}" to {after}',
        effect="what the setting gave is gone on every node that restarts, although the update was about something "
        "else",
        remedy=f"Carry {name} over (a reference in a change of its own)"
        f"{_ACKNOWLEDGE if listed is None or 'ROLL-003' in listed else ''}",
    )
