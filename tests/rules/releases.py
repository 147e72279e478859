"""An aws-node of any release from 1.6.0 on, for what rules say of a variable there."""

from typing import Any

from tests.changes import evaluated
from webhook.catalogue.examples import container, set_env
from webhook.cni.aws_node import POD_SPEC
from webhook.cni.identity import change_of
from webhook.cni.releases import FIRST_WITH_MANIFEST
from webhook.cni.stock import stock
from webhook.cni.tables import CONTAINERS, KNOWN, Tables
from webhook.cni.version import Version
from webhook.model import Finding, Verdict, at

Env = dict[str, str | None]


def daemonset(release: str, env: Env | None = None, *, holder: str = "aws-node") -> dict[str, Any]:
    """The official manifest; of a release before 1.9.0 the oldest one that is known, with that release's images."""
    shape = release if Version.of(release) >= FIRST_WITH_MANIFEST else str(FIRST_WITH_MANIFEST)
    found = stock(shape)
    for kind in ("initContainers", "containers"):
        for one in at(found, *POD_SPEC, kind):
            if one["name"] != "aws-eks-nodeagent":
                one["image"] = f"{one['image'].rpartition(':')[0]}:v{release}"
    set_env(container(found, holder), env or {})
    return found


def has(release: str, holder: str) -> bool:
    """Whether the manifest of a release has a container."""
    try:
        container(daemonset(release), holder)
    except KeyError:
        return False
    return holder in CONTAINERS


def judged(release: str, env: Env, *, holder: str = "aws-node", tables: Tables = KNOWN) -> Verdict:
    """What all rules say of such an object as a new one."""
    return evaluated(change_of("DaemonSet", daemonset(release, env, holder=holder)), tables=tables)


def about(verdict: Verdict, holder: str, name: str) -> list[Finding]:
    """The findings that rest on a variable."""
    key = f"{holder} env {name}"
    return [one for one in verdict.findings if any(key == pair[0] for pair in one.problem.evidence)]


def gravity(release: str, env: Env, name: str, *, holder: str = "aws-node") -> str:
    """The gravest that is said of a variable: ``certain``, ``deny``, ``warn``, or nothing at all."""
    found = about(judged(release, env, holder=holder), holder, name)
    if any(one.problem.certain for one in found):
        return "certain"
    levels = {one.level for one in found}
    return "deny" if "deny" in levels else "warn" if levels else ""
