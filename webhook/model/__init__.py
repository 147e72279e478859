"""The data model: rules check a change and yield problems, which the engine turns into the findings of a verdict.

Everything here is a frozen value, independent of HTTP, files, the cluster and the clock.
"""

from webhook.model.change import (
    ADDON_MANAGER,
    BREAK_GLASS,
    Change,
    Json,
    Operation,
    Path,
    Position,
    Source,
    Target,
    User,
    at,
    text,
)
from webhook.model.finding import Finding, Overrun, RuleError, Skipped
from webhook.model.merging import together
from webhook.model.problem import (
    CouldNotCheckError,
    Edit,
    Evidence,
    Level,
    Part,
    Problem,
    UnknownKey,
    UnknownValueError,
)
from webhook.model.verdict import Verdict

__all__ = [
    "ADDON_MANAGER",
    "BREAK_GLASS",
    "Change",
    "CouldNotCheckError",
    "Edit",
    "Evidence",
    "Finding",
    "Json",
    "Level",
    "Operation",
    "Overrun",
    "Part",
    "Path",
    "Position",
    "Problem",
    "RuleError",
    "Skipped",
    "Source",
    "Target",
    "UnknownKey",
    "UnknownValueError",
    "User",
    "Verdict",
    "at",
    "text",
    "together",
]
