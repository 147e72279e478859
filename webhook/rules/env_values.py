"""ENV-002 and ENV-003: values that the CNI replaces, and empty ones."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.bad_values import MODES, empty
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.parts import same_before
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_plain, reading_of, standing
from webhook.cni.container import Container, Unknown
from webhook.cni.objections import reserved_tags
from webhook.cni.reading import Effect
from webhook.model import Evidence, Path, Problem, at, text
from webhook.printable import named


@rule(
    "ENV-002",
    "A value that is silently replaced by the default",
    level="deny",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(WARM_IP_TARGET="ten"),
        env(WARM_IP_TARGET="-1"),
        env(MAX_ENI="0"),
        env(ENABLE_POD_ENI="yes"),
        env(ADDITIONAL_ENI_TAGS="{team: net}"),
        env(ADDITIONAL_ENI_TAGS='{"node.k8s.amazonaws.com/x": "1"}'),
        env(AWS_VPC_K8S_CNI_CONNMARK="0x100000000"),
        env(HTTP_TIMEOUT="5"),
        env(AWS_VPC_K8S_CNI_LOGLEVEL="verbose"),
        Example(DaemonSet(env={"WARM_IP_TARGET": {"value": 5}})),
    ),
    good=(
        env(WARM_IP_TARGET="5", MINIMUM_IP_TARGET="+10", DISABLE_LEAKED_ENI_CLEANUP="T", MAX_ENI="3"),
        env(AWS_VPC_K8S_CNI_CONNMARK="0x100", ADDITIONAL_ENI_TAGS='{"team": "net"}', HTTP_TIMEOUT="30"),
    ),
)
def replaced_value(case: AwsNodeCase) -> Iterator[Problem]:
    """The CNI uses its default where it cannot read a value, and for the targets it does not even log that."""
    for holder in case.new.roles:
        for path, wrong in holder.defects:
            yield _no_variable(case, holder, path, wrong)
        for name, value in holder.env.items():
            if isinstance(value, Unknown):
                if value.malformed:
                    yield _malformed(holder, name, value)
            elif value and not is_plain(case, holder, name, value):
                yield from _replaced(case, holder, name, value)


_ENTRY = 200
"""Characters of an entry that is not a variable, as evidence."""


def _no_variable(case: AwsNodeCase, holder: Container, path: Path, wrong: str) -> Problem:
    return Problem(
        path=path,
        evidence=((f"{holder.name} env defect", repr(at(case.new.raw, *path))[:_ENTRY]),),
        level="deny",
        wrong=wrong,
        effect="the API server refuses the manifest",
        remedy="Write env as a list of name and value",
    )


def _malformed(holder: Container, name: str, value: Unknown) -> Problem:
    return Problem(
        path=(*holder.where(name), "value"),
        evidence=holder.evidence(name),
        level="deny",
        wrong=f"{named(name)} in container {holder.label} {value.says}",
        effect="the API server refuses the manifest",
        remedy='Put the value in quotes: value: "5", value: "true"',
    )


_REPLACED: frozenset[Effect] = frozenset({"default", "default-silent", "dropped"})


def _replaced(case: AwsNodeCase, holder: Container, name: str, value: str) -> Iterator[Problem]:
    """The problem of a value that the object's release does not take; none where another rule speaks of it."""
    reading = reading_of(case, holder, name)
    one = standing(case, reading, value) if reading else None
    # A choice whose fall-back is logged is AWS_VPC_K8S_CNI_RANDOMIZESNAT, of which SNAT-003 speaks.
    logged_choice = reading is not None and reading.parser == "choice" and reading.on_bad == "default"
    if reading is None or one is None or one.effect not in _REPLACED or logged_choice:
        return
    silent = " without a log line" if one.effect == "default-silent" else ""
    yield Problem(
        path=holder.where(name),
        evidence=_tags_left(case, holder, name, value) if reading.parser == "json" else holder.evidence(name),
        level="warn" if reading.parser == "clamped" else "deny",
        wrong=f'{name}="{value[:200]}" must be {one.wanted}',
        effect=f"the CNI takes {one.taken or f'the default ({reading.default})'} instead{silent}",
        remedy=f"Write {one.wanted}, or remove {name}",
    )


def _tags_left(case: AwsNodeCase, holder: Container, name: str, value: str) -> Evidence:
    """What is wrong with tags, as evidence: the reserved keys, as they were where some of them are gone and no new."""
    keys, old = reserved_tags(value), same_before(case, holder)
    before = reserved_tags(text(old.written(name))) if old is not None and keys else ()
    return (
        ((f"{holder.name} env {name}", repr(before if set(keys) <= set(before) else keys)),)
        if keys
        else holder.evidence(name)
    )


@rule(
    "ENV-003",
    "A variable that is set but empty",
    level="deny",
    link=links.VARIABLES,
    bad=(
        env(AWS_VPC_ENI_MTU="", certain=True),
        env(CLUSTER_ENDPOINT=""),
        env(ENABLE_POD_ENI="", level="warn"),
    ),
)
def empty_value(case: AwsNodeCase) -> Iterator[Problem]:
    """Present with an empty value is not absent: some variables then crash aws-node, others lose their default.

    Updates of the EKS add-on have left such entries behind.
    """
    for holder in case.new.roles:
        for name, value in holder.known:
            row = case.tables.variables[holder.role].get(name)
            if row is not None and not value and name not in MODES:
                yield empty(case, holder, row)
