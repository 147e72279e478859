"""Whether a change is a repair: what may never be held up in an outage."""

from webhook.catalogue.parts import goes_down
from webhook.catalogue.rule import AwsNodeCase
from webhook.model import Path, at


def is_repair(case: AwsNodeCase, own: Path | None = None) -> bool:
    """Whether the change is a step down in version, or changes what is denied in the old object.

    Args:
        case: The change.
        own: The place of the asking rule's own problem, which does not count.
    """
    if case.old is None:
        return False
    old, new = case.old.raw, case.new.raw
    return goes_down(case) or any(
        problem.level == "deny" and problem.path != own and at(old, *problem.path) != at(new, *problem.path)
        for problem in case.found_before()
    )


def is_touched(case: AwsNodeCase, *paths: Path) -> bool:
    """Whether the change is a new object, or changes one of these fields."""
    return case.old is None or any(at(case.old.raw, *path) != at(case.new.raw, *path) for path in paths)
