"""What a rule is: a frozen record around a pure generator.

To add a rule, write a function under `@rule` in a file of its family. Its docstring is the reason that people read, and
its examples are its tests and its documentation.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, get_args

from webhook.catalogue.examples import Example
from webhook.cni.aws_node import AwsNode
from webhook.cni.eniconfig import EniConfig
from webhook.cni.neighbors import Neighbor
from webhook.cni.tables import Tables
from webhook.facts import FactName, Facts
from webhook.model import Change, CouldNotCheckError, Level, Operation, Part, Problem, Target
from webhook.policy import Policy

View = TypeVar("View", AwsNode, EniConfig, Neighbor)


@dataclass(frozen=True, slots=True)
class Case(Generic[View]):
    """The input of a rule: the parsed object, its previous state, and everything else that the answer may depend on."""

    change: Change
    new: View
    """The object; on DELETE, the one that is deleted."""
    old: View | None
    """The object before the change; None on CREATE, in files, and while the old object itself is evaluated."""
    policy: Policy
    facts: Facts
    now: datetime
    tables: Tables
    found_before: Callable[[], tuple[Problem, ...]] = tuple
    """Returns the problems of all rules in the old object alone; expensive, so call it only where needed."""

    @property
    def kubernetes(self) -> tuple[int, int] | None:
        """The version of the API server, from the facts or from the policy; None if unknown."""
        if self.facts.kubernetes is not None:
            return self.facts.kubernetes.value
        if self.policy.cluster.kubernetes is None:
            return None
        major, minor = self.policy.cluster.kubernetes.split(".")
        return int(major), int(minor)


@contextmanager
def postponed(reasons: list[str]) -> Iterator[None]:
    """Collect why parts are skipped, so that a rule evaluates the rest first and raises at its end."""
    try:
        yield
    except CouldNotCheckError as reason:
        if str(reason) not in reasons:
            reasons.append(str(reason))


AwsNodeCase = Case[AwsNode]
EniConfigCase = Case[EniConfig]
NeighborCase = Case[Neighbor]

Check = Callable[[Case[Any]], Iterator[Problem]]
AnyCheck = TypeVar("AnyCheck", bound=Callable[..., Iterator[Problem]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the catalogue."""

    id: str
    title: str
    targets: tuple[Target, ...]
    """What it is about."""
    level: Level
    """The highest level of its problems."""
    check: Check
    why: str
    bad: tuple[Example, ...]
    """Changes in which it finds a problem; the reference shows the first two."""
    good: tuple[Example, ...]
    """Changes in which no rule finds a problem."""
    link: str
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")
    rests_on_releases: bool = False
    """Whether it relies on a table of releases, so that it only warns about a release newer than the tables."""
    excusable: bool = True
    """Whether a problem that the old object already has is only a warning."""
    reads: frozenset[Part] = frozenset(get_args(Part))
    """The parts of the object that it reads; after a default is added, it runs again only if one of them changed."""
    files_only: bool = False
    """Whether it runs only on files, because the API server itself rejects what it finds."""
    acknowledgeable: bool = False
    """Whether the author of a change may acknowledge it if the policy has no list of such rules."""
    formerly: tuple[str, ...] = ()
    """Its IDs in the previous minor version, including those of rules that it was a part of."""
    binds_addon_manager: bool = False
    """Whether it also denies changes by the EKS add-on manager that are not certain to fail."""
    binds_rollbacks: bool = False
    """Whether it also denies a rollback to a pod template that a ControllerRevision of aws-node holds."""
    needs: frozenset[FactName] = frozenset()
    """The facts that it reads; it receives no others."""
    on_version_change: bool = False
    """Whether it runs only on updates that change the release of aws-node."""
    since: str = ""
    """The variable or flag (``--name``) that it is about: it does not run for releases older than that one."""


def rule(  # noqa: PLR0913 - a record's fields, each by name
    rule_id: str,
    title: str,
    *,
    level: Level,
    link: str,
    bad: tuple[Example, ...],
    good: tuple[Example, ...] = (),
    target: Target | tuple[Target, ...] = "aws-node",
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE"),
    rests_on_releases: bool = False,
    excusable: bool = True,
    files_only: bool = False,
    acknowledgeable: bool = False,
    binds_addon_manager: bool = False,
    binds_rollbacks: bool = False,
    formerly: tuple[str, ...] = (),
    needs: tuple[FactName, ...] = (),
    on_version_change: bool = False,
    since: str = "",
    reads: tuple[Part, ...] = get_args(Part),
) -> Callable[[AnyCheck], Rule]:
    """Turn a generator of problems into a rule; the docstring of the generator is the reason for the rule."""

    def make(check: AnyCheck) -> Rule:
        return Rule(
            id=rule_id,
            title=title,
            targets=target if isinstance(target, tuple) else (target,),
            level=level,
            check=check,
            why=inspect.cleandoc(check.__doc__ or ""),
            bad=bad,
            good=good,
            link=link,
            operations=operations,
            rests_on_releases=rests_on_releases,
            excusable=excusable,
            files_only=files_only,
            acknowledgeable=acknowledgeable,
            binds_addon_manager=binds_addon_manager,
            binds_rollbacks=binds_rollbacks,
            formerly=formerly,
            needs=frozenset(needs),
            on_version_change=on_version_change,
            since=since,
            reads=frozenset(reads),
        )

    return make
