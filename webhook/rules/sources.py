"""ENV-006: where values come from, and which API server they name."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from webhook.cni.container import Container, Unknown
from webhook.cni.flags import FLAGS
from webhook.model import Evidence, Json, Level, Path, Problem, at, text
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example, env
from webhook.rules.parts import warning
from webhook.rules.rule import AwsNodeCase, rule


@rule(
    "ENV-006",
    "A value that can not be checked, stands twice, or names no API server",
    level="deny",
    link=links.variable("cluster_endpoint-v1121"),
    bad=(
        Example(DaemonSet(repeat=("WARM_ENI_TARGET",))),
        env(CLUSTER_ENDPOINT="EKS_CLUSTER_API_ENDPOINT"),
        env(WARM_IP_TARGET="$(TARGET)"),
        Example(DaemonSet(env={"WARM_IP_TARGET": {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "warm"}}}})),
        Example(DaemonSet(fields={"command": ["env", "WARM_ENI_TARGET=5", "/app/aws-vpc-cni"]})),
    ),
    good=(env(CLUSTER_ENDPOINT="https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com"),),
)
def uncheckable(case: AwsNodeCase) -> Iterator[Problem]:
    """What comes from elsewhere can be changed there past every check, and a name that stands twice means two things.

    An endpoint that is no URL keeps ipamd from the API server; placeholders of templates have been seen there.
    """
    for holder in case.new.roles:
        for path, wrong in holder.defects:
            yield _uncheckable(path, (("env defect", wrong),), "deny", wrong, "Write env as a list of name and value")
        for name, listed in holder.repeated.items():
            yield _uncheckable(
                holder.where(name), ((f"{holder.name} env {name} repeated", repr(listed)),), "deny",
                f"{name} is set twice in container {holder.name}", "Keep one of the two entries",
            )  # fmt: skip
        if holder.prefixes:
            yield _uncheckable(
                (*holder.path, "envFrom"), ((f"{holder.name} envFrom", repr(holder.prefixes)),), "warn",
                f"container {holder.name} takes variables from envFrom", "Write the values into the manifest",
            )  # fmt: skip
        yield from _foreign_values(case, holder)
    yield from _identity(case)
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
                holder.where(name), holder.evidence(name), "warn",
                f"{name} in container {holder.name} {value.says}", "Write the value into the manifest",
            )  # fmt: skip


def _uncheckable(path: Path, evidence: Evidence, level: Level, wrong: str, remedy: str) -> Problem:
    return Problem(
        path=path,
        evidence=evidence,
        level=level,
        wrong=wrong,
        effect="the guard can not tell which value aws-node will use, and a later change elsewhere passes every check"
        if level == "warn"
        else "nobody can say which value aws-node will use",
        remedy=remedy,
    )


def _identity(case: AwsNodeCase) -> Iterator[Problem]:
    main = case.new.required
    endpoint = main.get("CLUSTER_ENDPOINT")
    if endpoint and not _is_https(endpoint):
        yield Problem(
            path=main.where("CLUSTER_ENDPOINT"),
            evidence=main.evidence("CLUSTER_ENDPOINT"),
            level="deny",
            wrong=f'CLUSTER_ENDPOINT="{endpoint[:200]}" is not an https:// URL',
            effect="ipamd can not reach the API server",
            remedy="Write the endpoint that `aws eks describe-cluster` shows, or remove the variable",
        )
    if not case.policy.cluster.scoped_by_name:
        return
    name = main.get("CLUSTER_NAME")
    before = case.old.main.get("CLUSTER_NAME") if case.old is not None and case.old.main is not None else name
    if not name or name != before:
        wrong = f"CLUSTER_NAME changes from {before} to {name}" if name else "CLUSTER_NAME is not set"
        yield warning(
            case, ("CLUSTER_NAME",), wrong,
            "interfaces get no cluster tag, so an IAM policy or subnets that are scoped by it shut ipamd out",
            "Set CLUSTER_NAME to the name of the EKS cluster",
        )  # fmt: skip


def _is_https(endpoint: str) -> bool:
    """Whether it is an https URL with a host that can be one: a placeholder has no dot."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "https" and ("." in host or ":" in host) and not set("<>{}$ ") & set(endpoint)


_AGENT = "aws-eks-nodeagent"
_FLAGS = {flag.name: flag.kind == "bool" for flag in FLAGS}
"""The flags of the agent, and whether each is a switch: only the others take the next word as their value."""

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
                words = _unknown_words(words)
            if words not in (None, []):
                yield Problem(
                    path=(*holder.path, field),
                    evidence=((f"{holder.role} {field}", repr(words)),),
                    level="warn",
                    wrong=f"container {holder.name} has its own {field}{_names(words)}",
                    effect="the official manifest has none, and what it sets reaches the process past every rule",
                    remedy="Remove it, and set variables in env",
                )


def _unknown_words(words: list[Json]) -> list[Json]:
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
        known = isinstance(word, str) and word.startswith("-") and name in _FLAGS
        takes_next = known and not equals and not _FLAGS[name]
        if not known:
            unknown.append(word)
    return unknown


def _names(words: Json) -> str:
    """The variables that these words set, as the end of a clause."""
    texts = [word for word in words if isinstance(word, str)] if isinstance(words, list) else [text(words)]
    found = list(dict.fromkeys(match[1] for word in texts for match in _ASSIGNED.finditer(word)))
    rest = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f", which sets {', '.join(name[:60] for name in found[:_NAMED])}{rest}" if found else ""
