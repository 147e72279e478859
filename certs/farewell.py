"""The end of an installation's rights: it takes its account out of the bindings that gave them.

The rights reach further than the namespace (a webhook configuration decides about the whole cluster), and who can start
a pod in the namespace could use the account. So the last step of a run that went well empties the `subjects` of both
bindings. The bindings themselves stay, and a field that is absent belongs to no manager: applying the manifests again,
on either side, gives the rights back without a conflict.
"""

from certs.cluster import Cluster, Say
from certs.errors import InstallError
from certs.resources import ROLE_BINDING, Resource

CLUSTER_WIDE = "cni-guard"
"""The ClusterRoleBinding."""

NAMESPACED = "cni-guard-install"
"""The RoleBinding, without which no Lease can be released."""


def give_up(cluster: Cluster, resource: Resource, say: Say) -> None:
    """Empty one of the two bindings; where that fails, say what stays. An installation is good without it, too."""
    name = NAMESPACED if resource is ROLE_BINDING else CLUSTER_WIDE
    try:
        found = cluster.clear(resource, name, "subjects")
    except InstallError as error:
        where = f" -n {cluster.namespace}" if resource.namespaced else ""
        say(f"rights: they may outlive this run (`kubectl{where} delete {resource.plural} {name}`): {error}")
    else:
        if found:
            say(f"rights: given up, the {resource.kind} {name} has no subjects now")
