"""The few objects that the harness itself puts into a cluster."""

from typing import Any

ZONES = ("us-west-2a", "us-west-2b", "us-west-2c")
PODS_OF_NODE = {"m5.large": "29"}


def node(number: int, instance_type: str) -> dict[str, Any]:
    """Describe a node as EKS labels it; kwok fills in the rest of its status."""
    name, zone = f"node-{number}", ZONES[(number - 1) % len(ZONES)]
    room = {"cpu": "2", "memory": "8Gi", "pods": PODS_OF_NODE.get(instance_type, "110")}
    address = f"10.0.{number // 256}.{number % 256}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": instance_type,
                "topology.kubernetes.io/region": zone[:-1],
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {"providerID": f"aws:///{zone}/i-{number:017x}"},
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        },
    }


def selectorless_service(namespace: str, name: str, port: int) -> list[dict[str, Any]]:
    """Describe a namespace and a Service in it that nothing stands behind but who listens on its ClusterIP."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": [{"name": "https", "port": port}]},
        },
    ]
