"""Names that the API server accepts: RFC 1123, as in k8s.io/apimachinery/pkg/util/validation."""

import re

LONGEST_LABEL, LONGEST_SUBDOMAIN = 63, 253

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*")


def is_label(name: str) -> bool:
    """Whether it is a valid name of a namespace or a container."""
    return len(name) <= LONGEST_LABEL and _LABEL.fullmatch(name) is not None


def is_subdomain(name: str) -> bool:
    """Whether it is a valid name of an object."""
    return len(name) <= LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(name) is not None
