"""Files for tests of inputs, and what reading them gives."""

import io
from pathlib import Path

from webhook.documents import Unread
from webhook.inputs import Inputs, read
from webhook.model import Change

DAEMONSET = """\
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: aws-node
  namespace: kube-system
spec:
  template:
    spec:
      containers:
        - name: aws-node
          image: amazon-k8s-cni:v1.20.0
"""
ENICONFIG = """\
apiVersion: crd.k8s.amazonaws.com/v1alpha1
kind: ENIConfig
metadata:
  name: eu-west-1a
spec: {subnet: subnet-1}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
IMAGE = ("spec", "template", "spec", "containers", 0, "image")
PATCH = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: aws-node, namespace: kube-system}
spec:
  template:
    spec:
      containers:
        - name: aws-node
          env: [{name: WARM_IP_TARGET, value: "5"}]
"""


def write(name: str, content: str | bytes) -> str:
    """A file, with the folders above it."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def look(*paths: str, stdin: bytes = b"") -> Inputs:
    """Read the paths."""
    return read(paths, io.BytesIO(stdin))


def names(reading: Inputs) -> list[str]:
    """What was found, as messages name it."""
    return [str(change) for change in reading.changes]


def only(reading: Inputs) -> Change:
    """The one resource."""
    assert reading.unread == ()
    [change] = reading.changes
    return change


def missing(reading: Inputs) -> Unread:
    """The one thing that was not read."""
    assert reading.changes == ()
    [unread] = reading.unread
    return unread
