"""Whether what the table says of a variable holds for an object: its release, its features, its address family."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from webhook.catalogue.rule import AwsNodeCase
from webhook.cni.container import Container
from webhook.cni.objections import Objection, objections
from webhook.cni.reading import FATAL, Condition, Effect, Reading, Variable
from webhook.cni.values import go_lower
from webhook.cni.version import Version
from webhook.model import Evidence

_SHORT = 100
"""Characters of a text of which it is remembered whether it is plain."""

_SGP: Literal["security-groups-for-pods"] = "security-groups-for-pods"
_VARIABLES: Mapping[Condition, str] = MappingProxyType(
    {_SGP: "ENABLE_POD_ENI", "custom-networking": "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"}
)
_LEVEL = "AWS_VPC_K8S_PLUGIN_LOG_LEVEL"
_QUIET = {"plugin": ("warn", "error", "fatal"), "egress-plugin": ("info", "warn", "error", "fatal")}
"""The log levels at which a plugin writes no line for a pod that it sets up."""


HARM: Mapping[Effect, str] = MappingProxyType(
    {
        "exit": "aws-node exits at start on every node",
        "start-fails": "ipamd refuses to start on every node",
        "breaks": "every new pod fails",
        "harms": "the empty text is used as it stands, and nodes lose their network or their way to the API server",
        "exposes": "the endpoint listens on a random port of every interface of the node",
        "default": "the default takes its place, and the log says so as an error",
        "default-silent": "the default takes its place, as if the variable were absent",
        "kept": "an empty text is used as it stands, which is not the same as absent",
    }
)
"""What an empty text does, and what a bad one does that stops aws-node."""


def reading_of(case: AwsNodeCase, holder: Container, name: str) -> Reading | None:
    """How the object's release reads a variable; None where it does not."""
    row = case.tables.variables[holder.role].get(name)
    return row.reading(case.new.version) if row else None


def is_known(case: AwsNodeCase) -> bool:
    """Whether the object's release is one that the tables know all of: only then is anything certain."""
    return case.new.version is not None and case.new.version <= case.tables.newest


def takes_as_true(case: AwsNodeCase, name: str) -> bool:
    """Whether the entry point takes a boolean of container aws-node as true: early ones took nothing but "true"."""
    main = case.new.required
    reading = reading_of(case, main, name)
    return main.get(name) == "true" if reading is not None and reading.true_only else main.flag(name)


def is_read(case: AwsNodeCase, reading: Reading) -> bool:
    """Whether clusters of the object's address family read the variable."""
    return not reading.family or (reading.family == "ipv6") is case.new.ipv6


def harms(case: AwsNodeCase, reading: Reading) -> bool:
    """Whether the features are on without which a bad value does no harm."""
    return all(
        takes_as_true(case, "ENABLE_POD_ENI") if condition == _SGP else case.new.feature(condition)
        for condition in reading.only_with
    )


def is_logged(case: AwsNodeCase, reading: Reading) -> bool:
    """Whether the plugin writes a line for every pod at the object's log level."""
    level = go_lower(case.new.required.get(_LEVEL) or "")
    return bool(reading.log_of) and level not in _QUIET[reading.log_of]


def is_plain(case: AwsNodeCase, holder: Container, name: str, text: str) -> bool:
    """Whether nothing is held against a text in any cluster, as of nearly every text of nearly every request."""
    row = case.tables.variables[holder.role].get(name)
    return row is None or (len(text) <= _SHORT and _is_plain(row, case.new.version, text))


@lru_cache(maxsize=1024)
def _is_plain(row: Variable, version: Version | None, text: str) -> bool:
    reading = row.reading(version)
    if reading is None:
        return True
    found = [one for ipv6 in (False, True) for one in objections(reading, text, ipv6=ipv6)]
    return not found and reading.parser != "folder"


def standing(case: AwsNodeCase, reading: Reading, text: str) -> Objection | None:
    """The gravest objection to a text that holds for this object."""
    if not is_read(case, reading):
        return None
    found = objections(reading, text, ipv6=reading.minimum6 is not None and case.new.ipv6)
    held = [one for one in found if _holds(case, reading, one)]
    return max(held, key=lambda one: (one.effect in FATAL, one.sure), default=None)


def _holds(case: AwsNodeCase, reading: Reading, one: Objection) -> bool:
    if one.to == "log":
        return is_logged(case, reading)
    return one.to == "conflist" or one.effect not in FATAL or harms(case, reading)


def evidence(case: AwsNodeCase, reading: Reading, one: Objection | None = None) -> Evidence:
    """The variables, beside its own, on which it depends what becomes of a text; of an empty one without objection.

    They decide whether there is a fault, and not which: as long as it is there it is the same one.
    """
    main = case.new.required
    names = [_VARIABLES[condition] for condition in reading.only_with] if one is None or one.to == "value" else []
    if reading.family or reading.minimum6 is not None:
        names.append("ENABLE_IPv6")
    if one is not None and one.to == "log":
        names.append(_LEVEL)
    return tuple((f"{main.name} env {name}", "as it counts") for name in names)
