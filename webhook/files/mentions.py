"""Whether a text, or a value, speaks of the CNI: what cannot be read and does may be what had to be evaluated."""

import re
from typing import Any, Final

from webhook.cni.variables import VARIABLES

_SHARED: Final = frozenset(
    (
        "CLUSTER_ENDPOINT",
        "CLUSTER_NAME",
        "DISABLE_METRICS",
        "ENABLE_IPv4",
        "ENABLE_IPv6",
        "HTTP_TIMEOUT",
        "MY_NODE_NAME",
        "MY_POD_NAME",
    )
)
"""Variables of the CNI whose names other programs read too."""

_SETTINGS: Final = sorted({row.name for row in VARIABLES} - _SHARED)
_WORDS: Final = re.compile(
    r"(?<![\w-])aws-node(?![\w-]|\.(?:ya?ml|json|md|tf|sh|txt)\b)|amazon-k8s-cni|aws-network-policy-agent|ENIConfig|"
    rf"(?<!\w)(?:AWS_VPC_(?:K8S|CNI|ENI)_\w+|{'|'.join(_SETTINGS)})(?!\w)"
)


def in_text(text: str) -> bool:
    """Whether a text mentions aws-node, its images, ENIConfigs or a setting.

    The name must be whole, as aws-node-termination-handler is something else, and the name of a file proves nothing.
    """
    return _WORDS.search(text) is not None


def in_bytes(data: bytes) -> bool:
    """The same for a file that may not be text, or may be UTF-16."""
    return in_text(data.replace(b"\0", b"").decode("latin-1"))


def in_value(value: Any) -> bool:
    """Whether a key or a string of a value does; a sentence or a script that speaks of aws-node is not a setting."""
    if isinstance(value, str):
        is_prose = any(map(str.isspace, value.strip())) and "kind:" not in value
        return not is_prose and in_text(value)
    if isinstance(value, list):
        return any(map(in_value, value))
    return isinstance(value, dict) and any(in_value(key) or in_value(item) for key, item in value.items())
