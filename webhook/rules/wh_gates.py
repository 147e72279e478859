"""WH-001: webhooks of others that stand before the pods of aws-node."""

from collections.abc import Iterator, Mapping

from webhook.catalogue import links
from webhook.catalogue.examples import Example, Whole
from webhook.catalogue.rule import NeighborCase, rule
from webhook.cni.webhooks import gates
from webhook.model import Json, Problem, text
from webhook.printable import named

_FILE = "webhooks.yaml"
_PODS: Json = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
_HOME: Json = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}


def _configuration(kind: str = "ValidatingWebhookConfiguration", **fields: Json) -> Whole:
    webhook: Mapping[str, Json] = {"name": "pods.example.com", "rules": [_PODS], **fields}
    whole = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "example"}}
    return Whole({**whole, "webhooks": [webhook]})


@rule(
    "WH-001",
    "A webhook without which no aws-node starts",
    level="warn",
    target=("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    operations=("CREATE",),
    files_only=True,
    link=links.WEBHOOKS,
    bad=(
        Example(_configuration(), file=_FILE),
        Example(_configuration("MutatingWebhookConfiguration", failurePolicy="Fail"), file=_FILE),
    ),
    good=(
        Example(_configuration(failurePolicy="Ignore"), file=_FILE),
        Example(_configuration(namespaceSelector={"matchExpressions": [_HOME]}), file=_FILE),
        Example(_configuration(objectSelector={"matchLabels": {"inject": "true"}}), file=_FILE),
    ),
)
def gate(case: NeighborCase) -> Iterator[Problem]:
    """The pods of a webhook need the network that aws-node gives their nodes.

    A webhook that must admit the pods of kube-system, and whose own pods are down, keeps aws-node from new nodes, which
    then cannot run its pods either.
    """
    for index, name in gates(case.new.raw):
        called = f"webhook {named(name)}" if name else f"webhooks[{index}]"
        yield Problem(
            path=("webhooks", index),
            evidence=((called, "decides on pods of kube-system"),),
            level="warn",
            wrong=f"{called} of {text(case.new.raw.get('kind'))} {named(case.new.name)} decides on new pods of "
            "kube-system and fails closed",
            effect="while it does not answer, no new node gets aws-node, and no pod of aws-node is replaced",
            remedy="Leave kube-system out with a namespaceSelector (kubernetes.io/metadata.name NotIn kube-system), or "
            "set failurePolicy: Ignore",
        )
