"""What several themes build their problems from."""

from webhook.model import Edit, Problem
from webhook.rules.rule import AwsNodeCase


def fill(case: AwsNodeCase, name: str, value: str) -> tuple[Edit, ...]:
    """The edit that gives container aws-node a variable; none where it may have one already, with any value."""
    main = case.new.required
    if main.may_have(name) or main.defects:
        return ()
    return (Edit((*main.path, "env"), None, {"name": name, "value": value}, f"aws-node env {name}={value}"),)


def warning(  # noqa: PLR0913, PLR0917 - the parts of a problem, in its order
    case: AwsNodeCase, names: tuple[str, ...], wrong: str, effect: str, remedy: str, before: str | None = None
) -> Problem:
    """A problem of container aws-node that only warns, resting on these variables."""
    main = case.new.required
    past = ((f"{names[0]} before", before),) if before is not None else ()
    return Problem(
        path=main.where(names[0]),
        evidence=(*main.evidence(*names), *past),
        level="warn",
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


def goes_down(case: AwsNodeCase) -> bool:
    """Whether the change is a step down in version, as a rollback is: in an outage it may be the cure."""
    if case.old is None or case.old.version is None or case.new.version is None:
        return False
    return case.new.version < case.old.version
