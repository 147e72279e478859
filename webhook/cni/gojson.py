"""JSON as Go's encoding/json parses it, and values that the CNI puts into JSON without escaping."""

import json
from typing import Any, Literal

Fit = Literal["fits", "breaks", "changes"]
"""The effect of an unescaped value in a JSON string: it fits, breaks the JSON, or changes its meaning."""


def go_tags(text: str) -> dict[str, str] | None:
    """json.Unmarshal into a map of strings; None if it fails. A null is an empty map, or as a value an empty string."""
    try:
        read = _loads(text)
    except (ValueError, RecursionError):
        return None
    if read is None:
        return {}
    if not isinstance(read, dict) or not all(value is None or isinstance(value, str) for value in read.values()):
        return None
    return {key: value or "" for key, value in read.items()}


def fit_in_string(text: str) -> Fit:
    """The effect on a JSON document of putting a value between quotes without escaping."""
    try:
        _loads(f'{{"": "{text}"}}')
    except RecursionError:
        return "changes"
    except ValueError:
        return "breaks"
    escaped = text.replace("\\\\", "").replace('\\"', "")
    return "changes" if '"' in escaped else "fits"


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
