"""What a rule is: a frozen record around a pure generator.

To add a rule, write one function under `@rule` in the file of its theme: its docstring is the reason, its examples
are its tests and its page.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, get_args

from webhook.catalogue.examples import Example
from webhook.cni.aws_node import AwsNode
from webhook.cni.eniconfig import EniConfig
from webhook.cni.tables import Tables
from webhook.model import Change, CouldNotCheckError, Level, Operation, Part, Problem
from webhook.policy import Policy

Target = Literal["aws-node", "ENIConfig"]

View = TypeVar("View", AwsNode, EniConfig)


@dataclass(frozen=True, slots=True)
class Case(Generic[View]):
    """What a rule is given: the object as parsed, what it was before, and all that may inform the judgement."""

    change: Change
    new: View
    """The object; for a DELETE the one that goes."""
    old: View | None
    """The object before; None on CREATE, in files, and while the old object itself is judged."""
    policy: Policy
    now: datetime
    tables: Tables
    found_before: Callable[[], tuple[Problem, ...]] = tuple
    """What all rules find in the old object by itself; asked only where it matters."""

    @property
    def kubernetes(self) -> tuple[int, int] | None:
        """The Kubernetes version of the cluster, as the policy states it."""
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

Check = Callable[[Case[Any]], Iterator[Problem]]
AnyCheck = TypeVar("AnyCheck", bound=Callable[..., Iterator[Problem]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the catalogue."""

    id: str
    title: str
    target: Target
    level: Level
    """The highest level that it gives."""
    check: Check
    why: str
    bad: tuple[Example, ...]
    """Changes in which it finds something: the first is the one that its page shows."""
    good: tuple[Example, ...]
    """Changes in which no rule finds anything."""
    link: str
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")
    rests_on_releases: bool = False
    """It judges by a table of what each release knows, so for a release newer than the tables it only warns."""
    excusable: bool = True
    """Whether a finding that the old object has too is only warned about."""
    reads: frozenset[Part] = frozenset(get_args(Part))
    """What its answer depends on: after a default was added it runs again only where the default touches this."""
    files_only: bool = False
    """It finds what the API server itself would refuse, so it runs only on files."""
    acknowledgeable: bool = False
    """Whether the author of a change may acknowledge it, where the policy says nothing about that."""
    formerly: tuple[str, ...] = ()
    """The ids that it had, alone or as a part of another rule, in the minor version before."""
    binds_addon_manager: bool = False
    """Whether the EKS add-on's manager is denied by it too, and not only by what is certain to fail."""


def rule(  # noqa: PLR0913 - a record's fields, each by name
    rule_id: str,
    title: str,
    *,
    level: Level,
    link: str,
    bad: tuple[Example, ...],
    good: tuple[Example, ...] = (),
    target: Target = "aws-node",
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE"),
    rests_on_releases: bool = False,
    excusable: bool = True,
    files_only: bool = False,
    acknowledgeable: bool = False,
    binds_addon_manager: bool = False,
    formerly: tuple[str, ...] = (),
    reads: tuple[Part, ...] = get_args(Part),
) -> Callable[[AnyCheck], Rule]:
    """Make a rule of the generator below it; the generator's docstring is the reason why the rule exists."""

    def make(check: AnyCheck) -> Rule:
        return Rule(
            id=rule_id,
            title=title,
            target=target,
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
            formerly=formerly,
            reads=frozenset(reads),
        )

    return make
