"""JSON as Go's encoding/json reads it, and texts that the CNI puts into JSON without escaping."""

import json
from typing import Any, Literal

Fit = Literal["fits", "breaks", "changes"]
"""What a text does inside the quotes of a JSON string: it is one, it spoils the JSON, or it means something else."""


def go_tags(text: str) -> dict[str, str] | None:
    """json.Unmarshal into a map of strings; None where it fails. A null is an empty map, or an empty string in one."""
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
    """What becomes of a JSON document in which a text is put between two quotes as it stands."""
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
