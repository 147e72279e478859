"""Which ENIConfig gives a node its interfaces under custom networking.

Source: pkg/eniconfig/eniconfig.go (GetNodeSpecificENIConfigName) of aws/amazon-vpc-cni-k8s; the external label is read
from 1.11.0 on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Container
from webhook.model import CouldNotCheckError

CUSTOM_NETWORKING = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
LABEL_KEY, ANNOTATION_KEY = "ENI_CONFIG_LABEL_DEF", "ENI_CONFIG_ANNOTATION_DEF"
"""The variables that name the keys on a node."""

DEFAULT = "default"
"""The ENIConfig of a node that carries none of the keys."""

ZONE = "topology.kubernetes.io/zone"
"""The label that is the usual key: nodes have it by themselves."""

_KEY = "k8s.amazonaws.com/eniConfig"
_EXTERNAL = "vpc.amazonaws.com/externalEniConfig"
_FIRST_EXTERNAL = (1, 11, 0)


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a release looks on a node for the name of its ENIConfig."""

    annotation: str = _KEY
    label: str = _KEY
    external: bool = True
    """Whether the label of other controllers goes before both."""

    def eniconfig(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
        """The name of a node's ENIConfig. A key that is present counts, and an empty value is a name that none has."""
        if self.external and _EXTERNAL in labels:
            return labels[_EXTERNAL]
        if self.annotation in annotations:
            return annotations[self.annotation]
        return labels.get(self.label, DEFAULT)


def keys_of(view: AwsNode) -> Keys:
    """The keys that an aws-node looks for.

    Raises:
        CouldNotCheckError: A key is not known. No value stands for all that it may be: nodes have keys of any name.
    """
    return Keys(
        annotation=_key(view.required, ANNOTATION_KEY),
        label=_key(view.required, LABEL_KEY),
        external=view.version is None or view.version >= _FIRST_EXTERNAL,
    )


def _key(main: Container, name: str) -> str:
    key = main.known_text(name)
    if key is None and main.may_have(name):
        raise CouldNotCheckError(f"{name} is not known at admission, and it says which ENIConfig a node uses")
    return key or _KEY
