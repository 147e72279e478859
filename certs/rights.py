"""The permissions of the installer: only what it uses. A test compares them with the roles in the manifests.

Objects are written by server-side apply, a PATCH that names its object, so that even `create` can be limited to a name.
Only the Lease is created by POST, so that one of two concurrent runs fails.
"""

from dataclasses import dataclass
from typing import Any

from certs import canary, farewell, lease, registration
from certs.install import OWNER
from certs.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    DAEMON_SET,
    ENDPOINT_SLICE,
    LEASE,
    MUTATING,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    VALIDATING,
    Resource,
)

SERVICE_NAME = "cni-guard"
SECRET_NAME = f"{SERVICE_NAME}-tls"


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one object, or on all objects of a kind where a request has no name (list, create)."""

    verb: str
    resource: Resource
    name: str | None


def _rights(verbs: str, resource: Resource, name: str | None) -> tuple[Right, ...]:
    return tuple(Right(verb, resource, name) for verb in verbs.split())


RIGHTS: tuple[Right, ...] = (
    *_rights("get", CLUSTER_ROLE, OWNER),
    *_rights("create", LEASE, None),
    *_rights("get update", LEASE, lease.NAME),
    *_rights("get create patch delete", SECRET, SECRET_NAME),
    *_rights("get create patch", VALIDATING, registration.NAME),
    *_rights("get create patch", MUTATING, registration.NAME),
    *_rights("create patch delete", VALIDATING, canary.NAME),
    *_rights("create patch", DAEMON_SET, canary.NAME),
    *_rights("get", SERVICE, SERVICE_NAME),
    *_rights("list", ENDPOINT_SLICE, None),
    *_rights("patch", CLUSTER_ROLE_BINDING, farewell.CLUSTER_WIDE),
    *_rights("patch", ROLE_BINDING, farewell.NAMESPACED),
)


def rules(*, namespaced: bool) -> list[dict[str, Any]]:
    """The RBAC rules of the Role in the installer's namespace, or of the ClusterRole."""
    grouped: dict[tuple[Resource, str | None], list[str]] = {}
    for right in RIGHTS:
        if right.resource.namespaced == namespaced:
            grouped.setdefault((right.resource, right.name), []).append(right.verb)
    return [
        {
            "apiGroups": [resource.group],
            "resources": [resource.plural],
            **({"resourceNames": [name]} if name else {}),
            "verbs": verbs,
        }
        for (resource, name), verbs in grouped.items()
    ]
