"""The permit of a deletion: an annotation on the stored object, since a DELETE request carries no change."""

from datetime import datetime, timedelta

from webhook.catalogue import moments
from webhook.model import Json, User, at, text

ALLOW_DELETE = "cni-guard.dev/allow-delete"
"""The annotation on the stored object that permits its deletion until a time, RFC 3339, an hour ahead at most."""

LONGEST = timedelta(hours=1)
_USUAL = timedelta(minutes=15)

CLEANER = "system:serviceaccount:kube-system:namespace-controller"
"""It empties a namespace whose deletion was already allowed."""


def is_cleaner(user: User | None) -> bool:
    """Whether a deletion only follows from that of its namespace."""
    return user is not None and user.name == CLEANER


def permit_of(raw: Json) -> str:
    """The permit on an object; empty if it has none."""
    return text(at(raw, "metadata", "annotations", ALLOW_DELETE))


def command(resource: str, namespace: str, now: datetime) -> str:
    """The kubectl command that writes a permit.

    Args:
        resource: Kind and name as arguments of kubectl, ``daemonset aws-node``.
        namespace: The namespace; empty for a cluster-scoped object.
        now: The time of the request.
    """
    until = (now + _USUAL).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"`kubectl {f'-n {namespace} ' if namespace else ''}annotate {resource} --overwrite {ALLOW_DELETE}={until}`"


def refusal(raw: Json, now: datetime) -> str:
    """Why the permit of an object does not count, as the end of a clause; empty if it counts."""
    permit = permit_of(raw)
    if not permit:
        return " without a permit"
    until = moments.read(permit)
    if until is None:
        return f', and its permit "{permit}" is not an RFC 3339 time'
    if until <= now:
        return f", and its permit ended at {permit}"
    if until > now + LONGEST:
        return f", and its permit {permit} is more than an hour ahead"
    if _is_written_by_status(raw):
        return f", and its permit {permit} was written through the status of the object, which proves no right to do so"
    return ""


def _is_written_by_status(raw: Json) -> bool:
    """Whether a writer of the status owns the permit: the API server lets one change annotations too.

    Source: `PrepareForUpdate` of `daemonSetStatusStrategy` (pkg/registry/apps/daemonset/strategy.go of
    kubernetes/kubernetes) keeps the spec alone.
    """
    entries = at(raw, "metadata", "managedFields")
    for entry in entries if isinstance(entries, list) else ():
        if at(entry, "subresource") == "status":
            owned = at(entry, "fieldsV1", "f:metadata", "f:annotations")
            if isinstance(owned, dict) and f"f:{ALLOW_DELETE}" in owned:
                return True
    return False
