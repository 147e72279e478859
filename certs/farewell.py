"""Drops the installer's permissions: removes its account from the bindings that grant them.

The permissions reach beyond the namespace (a webhook configuration affects the whole cluster), and anyone who can
start a pod in the namespace could use the account. So the last step of a successful run removes the `subjects` of both
bindings. The bindings stay, and no field manager owns an absent field, so applying the manifests again, client-side or
server-side, restores the permissions without a conflict.
"""

from certs.cluster import Cluster, Say
from certs.errors import InstallError
from certs.resources import ROLE_BINDING, Resource

CLUSTER_WIDE = "cni-guard"
"""The ClusterRoleBinding."""

NAMESPACED = "cni-guard-install"
"""The RoleBinding; it goes last, since releasing the Lease needs it."""


def give_up(cluster: Cluster, resource: Resource, say: Say) -> None:
    """Remove the subjects of one binding. A failure is only reported, since the installation is complete without it."""
    name = NAMESPACED if resource is ROLE_BINDING else CLUSTER_WIDE
    try:
        found = cluster.clear(resource, name, "subjects")
    except InstallError as error:
        where = f" -n {cluster.namespace}" if resource.namespaced else ""
        say(f"permissions: not dropped, run `kubectl{where} delete {resource.plural} {name}`: {error}")
    else:
        if found:
            say(f"permissions: dropped, the {resource.kind} {name} has no subjects now")
