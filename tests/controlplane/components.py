"""The command lines of the programs, from their addresses and files."""

import base64
import json
from pathlib import Path

import yaml

from tests.controlplane.addresses import Addresses
from tests.controlplane.binaries import Binaries
from tests.controlplane.pki import Authority, Credential, private_key

Command = list[str | Path]
CONTROLLER_FLAGS = [
    "--leader-elect=false",
    "--secure-port=0",
    # The defaults spare an API server that others use too.
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
]


def server_url(addresses: Addresses) -> str:
    """Return where the API server is reached."""
    return f"https://{addresses.host}:6443"


def write_keys(folder: Path, authority: Authority, addresses: Addresses) -> None:
    """Write the files that the command lines below name."""
    dns = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    serving = authority.server(*dns, addresses.host, addresses.kubernetes_service)
    for name, content in {
        "ca.crt": authority.certificate,
        "apiserver.crt": serving.certificate,
        "apiserver.key": serving.key,
        "service-accounts.key": private_key(),
    }.items():
        write_secret(folder / name, content)


def write_secret(file: Path, content: bytes | str) -> Path:
    """Write a file that only we may read."""
    file.touch(mode=0o600)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def kubeconfig(server: str, authority: bytes, credential: Credential) -> str:
    """Write a kubeconfig that needs no other file (JSON is YAML)."""

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    cluster = {"server": server, "certificate-authority-data": text(authority)}
    user = {"client-certificate-data": text(credential.certificate), "client-key-data": text(credential.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "controlplane",
        "contexts": [{"name": "controlplane", "context": {"cluster": "controlplane", "user": "controlplane"}}],
        "clusters": [{"name": "controlplane", "cluster": cluster}],
        "users": [{"name": "controlplane", "user": user}],
    }
    return json.dumps(config, indent=2)


def etcd(binaries: Binaries, folder: Path, addresses: Addresses) -> Command:
    """Store everything in the folder, and never wait for the disk: nobody will read it after a crash."""
    clients, peers = f"http://{addresses.host}:2379", f"http://{addresses.host}:2380"
    return [
        binaries.etcd,
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]


def kube_apiserver(binaries: Binaries, folder: Path, addresses: Addresses) -> Command:
    """Authenticate by client certificate, authorize by RBAC, and dial a webhook's Service at its ClusterIP."""
    return [
        binaries.kube_apiserver,
        f"--etcd-servers=http://{addresses.host}:2379",
        f"--bind-address={addresses.host}",
        f"--advertise-address={addresses.host}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={addresses.services}",
        # A loopback address is no endpoint that the reconciler would accept.
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        # It would refuse each pod whose service account has not got here yet.
        "--disable-admission-plugins=ServiceAccount",
        f"--client-ca-file={folder / 'ca.crt'}",
        f"--tls-cert-file={folder / 'apiserver.crt'}",
        f"--tls-private-key-file={folder / 'apiserver.key'}",
        f"--service-account-key-file={folder / 'service-accounts.key'}",
        f"--service-account-signing-key-file={folder / 'service-accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
    ]


def kube_controller_manager(binaries: Binaries, folder: Path, config: Path) -> Command:
    """Let each controller come as its own service account, as it does in a real cluster."""
    return [
        binaries.kube_controller_manager,
        f"--kubeconfig={config}",
        *CONTROLLER_FLAGS,
        "--use-service-account-credentials",
        f"--service-account-private-key-file={folder / 'service-accounts.key'}",
        f"--root-ca-file={folder / 'ca.crt'}",
    ]


def kube_scheduler(binaries: Binaries, config: Path) -> Command:
    """Place pods on the simulated nodes."""
    return [binaries.kube_scheduler, f"--kubeconfig={config}", *CONTROLLER_FLAGS]


def kwok(binaries: Binaries, folder: Path, config: Path) -> Command:
    """Play the kubelet of every node, but for the guard's own pods: `kubelet.py` runs those."""
    stages = folder / "kwok-stages.yaml"
    stages.write_text(_sparing(binaries.stages.read_text()))
    # Without leases the nodes would be taken for lost after a minute, and their pods for unready.
    leases = "--node-lease-duration-seconds=40"
    return [binaries.kwok, f"--kubeconfig={config}", f"--config={stages}", "--manage-all-nodes", leases]


def _sparing(stages: str) -> str:
    """Let each stage of a pod pass over what is labelled as the guard."""
    documents = [document for document in yaml.safe_load_all(stages) if document]
    for document in documents:
        if document["spec"]["resourceRef"]["kind"] == "Pod":
            expressions = document["spec"].setdefault("selector", {}).setdefault("matchExpressions", [])
            label = '.metadata.labels["app.kubernetes.io/name"]'
            expressions.append({"key": label, "operator": "NotIn", "values": ["cni-guard"]})
    return yaml.safe_dump_all(documents)
