"""The rules of all modules in this package.

The name of a module begins with the prefix of the family whose rules it holds: ``ipt_targets`` holds IPT rules.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from webhook.catalogue import Catalogue
from webhook.catalogue.rule import Rule


def _rules() -> Iterator[Rule]:
    for module in iter_modules(__path__):
        yield from (one for one in vars(import_module(f"{__name__}.{module.name}")).values() if isinstance(one, Rule))


CATALOGUE = Catalogue(_rules())
