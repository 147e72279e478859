"""The problem of a value that is empty, or on which aws-node or every new pod stops, for the rules that name it."""

from collections.abc import Iterator

from webhook.catalogue.rule import AwsNodeCase
from webhook.catalogue.standing import HARM, evidence, harms, is_known, is_read, reading_of, standing
from webhook.cni.container import Container
from webhook.cni.objections import Objection, objections
from webhook.cni.reading import FATAL, NO_EFFECT, Effect, Reading, Variable
from webhook.model import Evidence, Problem

SG_MODE, NP_MODE = "POD_SECURITY_GROUP_ENFORCING_MODE", "NETWORK_POLICY_ENFORCING_MODE"
"""The enforcing modes, whose bad values are SGP-001 and NP-001."""

MODES = frozenset((SG_MODE, NP_MODE))


def empty(case: AwsNodeCase, holder: Container, row: Variable) -> Problem:
    """The problem of a variable that is present and empty."""
    reading = row.reading(case.new.version) or NO_EFFECT
    effect: Effect = reading.on_empty
    stops = effect in FATAL or effect == "harms"
    if stops and not (is_read(case, reading) and harms(case, reading)):
        stops, effect = False, "kept"
    return Problem(
        path=holder.where(row.name),
        evidence=holder.evidence(row.name) + evidence(case, reading),
        level="deny" if stops else "warn",
        certain=stops and effect in FATAL and is_known(case),
        wrong=f"{row.name} in container {holder.label} is present with an empty value",
        effect=HARM[effect],
        remedy="Remove the entry, or give it a value",
    )


def stopping(  # noqa: PLR0913, PLR0917 - the parts of a problem
    case: AwsNodeCase, holder: Container, name: str, value: str, one: Objection, beside: Evidence
) -> Problem:
    """The problem of a value that the CNI does not take."""
    return Problem(
        path=holder.where(name),
        evidence=holder.evidence(name) + beside,
        level="deny",
        certain=one.sure and one.effect in FATAL and is_known(case),
        wrong=f'{name}="{value[:200]}" must be {one.wanted}',
        effect=_fatal_effect(one),
        remedy=_way_out(case, holder, name, one),
    )


def _fatal_effect(one: Objection) -> str:
    if one.to == "log":
        return "the plugin writes its log into its own answer, and every new pod fails"
    if one.effect == "harms":
        return "the files stay inside the container, and nodes get no CNI plugin or no CNI configuration"
    return (
        f"nodes cannot read the CNI's configuration file, and {HARM[one.effect]}"
        if (one.to == "conflist" and one.effect == "breaks")
        else HARM[one.effect]
    )


def _way_out(case: AwsNodeCase, holder: Container, name: str, one: Objection) -> str:
    reading = reading_of(case, holder, name)
    if (
        reading is not None
        and reading.log_of
        and one.to != "conflist"
        and case.tables.behaves(case.new.version, "logs-to-stderr")
    ):
        return f'Set {name} to "stderr" or to a file, or remove it to take the default'
    return f"Correct {name}, or remove it to take the default"


def bad_mode(case: AwsNodeCase, name: str) -> Iterator[Problem]:
    """The problem of an enforcing mode of container aws-node that is empty, or none of its choices."""
    main, row = case.new.main, case.tables.variables["aws-node"].get(name)
    value = main.known_text(name) if main is not None else None
    if main is None or row is None or value is None:
        return
    if not value:
        yield empty(case, main, row)
        return
    reading = row.reading(case.new.version)
    one = standing(case, reading, value) if reading is not None else None
    if reading is not None and one is not None and one.effect in FATAL:
        yield stopping(case, main, name, value, one, evidence(case, reading, one))
    elif reading is not None:
        yield from _idle(case, main, reading, name, value)


def _idle(case: AwsNodeCase, main: Container, reading: Reading, name: str, value: str) -> Iterator[Problem]:
    """A bad mode beside a feature that is off: it waits for the day on which somebody switches the feature on."""
    one = next((found for found in objections(reading, value, ipv6=False) if found.to == "value"), None)
    if one is not None and reading.only_with:
        yield Problem(
            path=main.where(name),
            evidence=main.evidence(name) + evidence(case, reading, one),
            level="warn",
            wrong=f'{name}="{value[:200]}" must be {one.wanted}',
            effect=f"{HARM[one.effect]} as soon as ENABLE_POD_ENI is true",
            remedy=f"Correct {name}, or remove it to take the default",
        )
