"""Whether what the tables say about a variable applies to an object, given its release, features and IP family."""

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
"""Values up to this many characters are cached."""

_SGP: Literal["security-groups-for-pods"] = "security-groups-for-pods"
_VARIABLES: Mapping[Condition, str] = MappingProxyType(
    {_SGP: "ENABLE_POD_ENI", "custom-networking": "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"}
)
_LEVEL = "AWS_VPC_K8S_PLUGIN_LOG_LEVEL"
_QUIET = {"plugin": ("warn", "error", "fatal"), "egress-plugin": ("info", "warn", "error", "fatal")}
"""The log levels at which a plugin does not log each pod."""


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
"""What an empty value, or a value that stops aws-node, leads to."""


def reading_of(case: AwsNodeCase, holder: Container, name: str) -> Reading | None:
    """How the release of the object reads a variable; None if it does not read it."""
    row = case.tables.variables[holder.role].get(name)
    return row.reading(case.new.version) if row else None


def is_known(case: AwsNodeCase) -> bool:
    """Whether the tables cover the release of the object; otherwise no problem is certain."""
    return case.new.version is not None and case.new.version <= case.tables.newest


def takes_as_true(case: AwsNodeCase, name: str) -> bool:
    """Whether the entry point reads a boolean of container aws-node as true; early releases accept only "true"."""
    main = case.new.required
    reading = reading_of(case, main, name)
    return main.get(name) == "true" if reading is not None and reading.true_only else main.flag(name)


def is_read(case: AwsNodeCase, reading: Reading) -> bool:
    """Whether the variable is read in clusters of the object's IP family."""
    return not reading.family or (reading.family == "ipv6") is case.new.ipv6


def harms(case: AwsNodeCase, reading: Reading) -> bool:
    """Whether the features are on that make a bad value harmful."""
    return all(
        takes_as_true(case, "ENABLE_POD_ENI") if condition == _SGP else case.new.feature(condition)
        for condition in reading.only_with
    )


def is_logged(case: AwsNodeCase, reading: Reading) -> bool:
    """Whether the plugin logs a line for every pod at the log level of the object."""
    level = go_lower(case.new.required.get(_LEVEL) or "")
    return bool(reading.log_of) and level not in _QUIET[reading.log_of]


def is_plain(case: AwsNodeCase, holder: Container, name: str, text: str) -> bool:
    """Whether a value is fine in any cluster, as nearly all values are: the fast path."""
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
    """The most serious objection to a value that applies to this object; None if there is none."""
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
    """The other variables that decide whether a value is a problem, as evidence.

    They decide whether there is a problem, not which one, so their values are not part of the evidence.
    """
    main = case.new.required
    names = [_VARIABLES[condition] for condition in reading.only_with] if one is None or one.to == "value" else []
    if reading.family or reading.minimum6 is not None:
        names.append("ENABLE_IPv6")
    if one is not None and one.to == "log":
        names.append(_LEVEL)
    return tuple((f"{main.name} env {name}", "as it counts") for name in names)
