"""Whether a text or a value mentions the CNI; an unread one that does may be something to evaluate."""

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
"""Variables of the CNI whose names other programs use too."""

_SETTINGS: Final = sorted({row.name for row in VARIABLES} - _SHARED)
_WORDS: Final = re.compile(
    r"(?<![\w-])aws-node(?![\w-]|\.(?:ya?ml|json|md|tf|sh|txt)\b)|amazon-k8s-cni|aws-network-policy-agent|ENIConfig|"
    rf"(?<!\w)(?:AWS_VPC_(?:K8S|CNI|ENI)_\w+|{'|'.join(_SETTINGS)})(?!\w)"
)


def in_text(text: str) -> bool:
    """Whether a text mentions aws-node, its images, ENIConfigs or a setting.

    Only whole names count (aws-node-termination-handler is another program), and file names do not.
    """
    return _WORDS.search(text) is not None


def in_bytes(data: bytes) -> bool:
    """Whether a file mentions the CNI, even if it is binary or UTF-16."""
    return in_text(data.replace(b"\0", b"").decode("latin-1"))


def in_value(value: Any) -> bool:
    """Whether a key or a string in a value mentions the CNI; sentences and scripts do not count."""
    if isinstance(value, str):
        is_prose = any(map(str.isspace, value.strip())) and "kind:" not in value
        return not is_prose and in_text(value)
    if isinstance(value, list):
        return any(map(in_value, value))
    return isinstance(value, dict) and any(in_value(key) or in_value(item) for key, item in value.items())
