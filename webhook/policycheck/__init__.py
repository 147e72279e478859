"""What a policy says in vain, found when it is loaded: exceptions, levels, defaults and releases without effect.

A policy that loads may still name what never occurs. This needs the catalogue and the tables, which the package
`policy` does not import.
"""

from datetime import datetime
from typing import NamedTuple

from webhook import policy
from webhook.catalogue import Catalogue
from webhook.cni.tables import KNOWN, Tables
from webhook.policy import Diagnostic, Loaded
from webhook.policycheck.defaults import denied_defaults, unread_defaults
from webhook.policycheck.exceptions import exceptions_in_vain
from webhook.policycheck.levels import levels_in_vain
from webhook.policycheck.versions import blocked_replacements


class Checked(NamedTuple):
    """A policy that was loaded, and all warnings about it, in the order of the file."""

    loaded: Loaded
    warnings: tuple[Diagnostic, ...]


def read(text: str, file: str, rules: Catalogue, now: datetime, tables: Tables = KNOWN) -> Checked:
    """Parse a policy, and check what it says against the rules and the tables.

    Args:
        text: The content of the policy file.
        file: The name of the file, for messages.
        rules: The catalogue.
        now: The time; exceptions end.
        tables: What is known of the CNI.

    Raises:
        PolicyError: The policy does not load.
    """
    loaded = policy.read(text, file, rules.ids, rules.former)
    found = (
        *loaded.warnings,
        *exceptions_in_vain(loaded, rules, now.date()),
        *levels_in_vain(loaded, rules),
        *unread_defaults(loaded, tables),
        *denied_defaults(loaded, rules, tables, now),
        *blocked_replacements(loaded),
    )
    return Checked(loaded, tuple(sorted(found, key=lambda one: (one.place.line, one.place.column))))
