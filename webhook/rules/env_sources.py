"""ENV-006: values that come from elsewhere."""

import re
from collections.abc import Iterator, Mapping

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.container import Container, Unknown
from webhook.cni.flags import Flag
from webhook.model import Evidence, Json, Path, Problem, at, text


@rule(
    "ENV-006",
    "A value that cannot be evaluated",
    level="warn",
    link=links.VARIABLES,
    bad=(
        env(WARM_IP_TARGET="$(TARGET)"),
        Example(DaemonSet(env={"WARM_IP_TARGET": {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "warm"}}}})),
        Example(DaemonSet(fields={"envFrom": [{"configMapRef": {"name": "cni"}}]})),
        Example(DaemonSet(fields={"command": ["env", "WARM_ENI_TARGET=5", "/app/aws-vpc-cni"]})),
    ),
)
def uncheckable(case: AwsNodeCase) -> Iterator[Problem]:
    """A value that comes from elsewhere can be changed there without any evaluation."""
    for holder in case.new.roles:
        if holder.prefixes:
            evidence = ((f"{holder.name} envFrom", repr(holder.prefixes)),)
            wrong = f"container {holder.label} takes variables from envFrom"
            yield _uncheckable((*holder.path, "envFrom"), evidence, wrong, "Write the values into the manifest")
        yield from _foreign_values(case, holder)
    yield from started_otherwise(case)


def _foreign_values(case: AwsNodeCase, holder: Container) -> Iterator[Problem]:
    for name, value in holder.env.items():
        if not isinstance(value, Unknown) or value.malformed:
            continue
        row = case.tables.variables[holder.role].get(name)
        if row is None:
            continue
        entry = at(holder.raw, "env", holder.index[name], "valueFrom", "fieldRef", "fieldPath")
        if row.parser != "field" or entry != row.field_path:
            yield _uncheckable(
                holder.where(name),
                holder.evidence(name),
                f"{name} in container {holder.label} {value.says}",
                "Write the value into the manifest",
            )


def _uncheckable(path: Path, evidence: Evidence, wrong: str, remedy: str) -> Problem:
    return Problem(
        path=path,
        evidence=evidence,
        level="warn",
        wrong=wrong,
        effect="which value aws-node will use is not known, and a later change elsewhere is not evaluated",
        remedy=remedy,
    )


_AGENT = "aws-eks-nodeagent"


_ASSIGNED = re.compile(r"(?<![A-Za-z0-9_./$-])([A-Za-z_][A-Za-z0-9_]*)=(?!=)", re.ASCII)


_NAMED = 20


def started_otherwise(case: AwsNodeCase) -> Iterator[Problem]:
    """A `command` or `args` that the official manifest does not have: it can set variables past every rule.

    Yields:
        One warning for each such field of a container of the CNI, naming up to 20 of the variables that it sets.
    """
    for holder in case.new.roles:
        for field in ("command", "args"):
            words = holder.raw.get(field)
            if holder.role == _AGENT and field == "args" and isinstance(words, list):
                words = _unknown_words(words, case.tables.flags)
            if words not in (None, []):
                yield Problem(
                    path=(*holder.path, field),
                    evidence=((f"{holder.role} {field}", repr(words)),),
                    level="warn",
                    wrong=f"container {holder.label} has its own {field}{_names(words)}",
                    effect="what it sets reaches the process without any evaluation",
                    remedy="Remove what the official manifest does not have, and set variables in env",
                )


def _unknown_words(words: list[Json], flags: Mapping[str, Flag]) -> list[Json]:
    """The arguments of the agent that are neither one of its flags nor the value of one."""
    unknown: list[Json] = []
    takes_next = False
    for word in words:
        if takes_next and isinstance(word, str) and not word.startswith("-"):
            takes_next = False
            continue
        name, equals, _ = (
            word.removeprefix("-").removeprefix("-").partition("=") if isinstance(word, str) else ("",) * 3
        )
        known = isinstance(word, str) and word.startswith("-") and name in flags
        takes_next = known and not equals and flags[name].kind != "bool"
        if not known:
            unknown.append(word)
    return unknown


def _names(words: Json) -> str:
    """The variables that these words set, as the end of a clause."""
    texts = [word for word in words if isinstance(word, str)] if isinstance(words, list) else [text(words)]
    found = list(dict.fromkeys(match[1] for word in texts for match in _ASSIGNED.finditer(word)))
    rest = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f", which sets {', '.join(name[:60] for name in found[:_NAMED])}{rest}" if found else ""
