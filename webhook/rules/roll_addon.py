"""ROLL-005: changes of what the EKS add-on manages."""

from collections.abc import Iterator
from itertools import islice

from webhook.catalogue import links
from webhook.catalogue.examples import CNI, DaemonSet, Example
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.ownership import is_managed, touched
from webhook.model import ADDON_MANAGER, Json, Problem, User, at, text
from webhook.printable import named

_MANAGER = "eks"
_MANY = 50
_TOOLS = (
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
    ("annotations", "meta.helm.sh/release-name", "Helm"),
)
"""What tools write into the metadata of the objects that they manage."""


def _managed(**further: Json) -> Json:
    """The metadata of an aws-node of which the add-on manages image and settings."""
    env: Json = {'k:{"name":"WARM_ENI_TARGET"}': {".": {}, "f:name": {}, "f:value": {}}}
    main: Json = {'k:{"name":"aws-node"}': {".": {}, "f:image": {}, "f:env": env}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": main}}}}
    entry = {"manager": _MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
    owned = [{**entry, "fieldsV1": fields}]
    return {"name": "aws-node", "namespace": "kube-system", "managedFields": owned, **further}


@rule(
    "ROLL-005",
    "A change of what the EKS add-on manages",
    level="warn",
    link=links.FIELDS,
    bad=(
        Example(
            DaemonSet(env={"WARM_ENI_TARGET": "2"}, metadata=_managed()),
            before=DaemonSet(metadata=_managed()),
            user=User("alice"),
        ),
        Example(
            DaemonSet(metadata=_managed(labels={"argocd.argoproj.io/instance": "cni"})),
            before=DaemonSet(metadata=_managed()),
            user=User("argocd"),
        ),
    ),
    good=(
        Example(
            DaemonSet(env={"WARM_IP_TARGET": "5", "MINIMUM_IP_TARGET": "12"}, metadata=_managed()),
            before=DaemonSet(metadata=_managed()),
            user=User("alice"),
        ),
        Example(
            DaemonSet(images={"aws-node": f"{CNI}:v1.23.1"}, metadata=_managed()),
            before=DaemonSet(metadata=_managed()),
            user=User(ADDON_MANAGER),
        ),
    ),
)
def fights_the_addon(case: AwsNodeCase) -> Iterator[Problem]:
    """The EKS add-on applies the fields that it owns again, so another value lasts for minutes.

    Settings that the add-on does not own, such as WARM_IP_TARGET where its configuration does not set it, are kept.
    """
    user = case.change.user
    if case.old is None or (user is not None and user.name == ADDON_MANAGER) or not is_managed(case.old.raw, _MANAGER):
        return
    old, new = case.old.raw, case.new.raw
    for path, name in dict.fromkeys(islice(touched(old, new, _MANAGER), _MANY)):
        yield Problem(
            path=path,
            evidence=(("field of the EKS add-on", name),),
            level="warn",
            wrong=f"{named(name)} belongs to the EKS add-on (field manager {_MANAGER})",
            effect="the add-on overwrites the change, usually within 15 minutes",
            remedy="Change it in the add-on: `aws eks update-addon --addon-name vpc-cni --configuration-values ...`",
        )
    for part, key, tool in _TOOLS:
        if text(at(new, "metadata", part, key)) and not text(at(old, "metadata", part, key)):
            yield Problem(
                path=("metadata", part, key),
                evidence=((key, "new"),),
                level="warn",
                wrong=f"{tool} takes over aws-node, which the EKS add-on manages (field manager {_MANAGER})",
                effect="the two overwrite each other's fields, and aws-node restarts each time",
                remedy="Let one of them manage it: remove the add-on with --preserve, or leave aws-node to the add-on",
            )
