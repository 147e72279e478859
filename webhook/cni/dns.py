"""Names as the API server takes them: RFC 1123, as apimachinery has it (k8s.io/apimachinery/pkg/util/validation)."""

import re

LONGEST_LABEL, LONGEST_SUBDOMAIN = 63, 253

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*")


def is_label(name: str) -> bool:
    """Whether a namespace or a container can have this name."""
    return len(name) <= LONGEST_LABEL and _LABEL.fullmatch(name) is not None


def is_subdomain(name: str) -> bool:
    """Whether an object can have this name."""
    return len(name) <= LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(name) is not None
