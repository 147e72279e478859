"""The kubelet and the kube-proxy of the guard's own pods: they really run, as processes of this machine.

kwok plays all other pods. Those of the guard get what a kubelet gives them: their files from Secret and ConfigMaps,
followed while they run; probes that decide on readiness; preStop, SIGTERM and a grace period at their end. What the API
server sends to the Service goes to a pod that is ready, connection by connection.
"""

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.controlplane.cluster import Cluster
from tests.controlplane.network import PYTHONPATH, published
from tests.controlplane.process import DIE_WITH_PARENT
from tests.controlplane.proxy import Proxy

NAMESPACE = "cni-guard"
PORT = 8443
LOOK_SECONDS = 0.1
PRE_STOP_SECONDS = 1.0
"""Instead of the manifest's ten: the time is for news to get around, which is a matter of moments here."""

Pod = dict[str, Any]


class Kubelet:
    """Runs the guard's pods of one namespace, in a thread of its own, until the end of the `with` block."""

    def __init__(self, cluster: Cluster, folder: Path, namespace: str = NAMESPACE) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.proxy: Proxy | None = None
        self.frozen = False
        """While it is set no process is started: what is down stays down."""
        self.late: set[str] = set()
        """Nodes whose pods keep the files that they have, as each node does until its kubelet looks again."""
        self._folder = folder
        self._running: dict[str, Running] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        for running in self._running.values():
            running.kill()
        if self.proxy:
            self.proxy.close()

    def kill_all(self) -> None:
        """Every process of the guard dies at once, and none comes back until `frozen` is unset."""
        self.frozen = True
        for running in list(self._running.values()):
            running.kill()

    def addresses(self) -> list[str]:
        """Where ready replicas listen."""
        return sorted(running.address for running in self._running.values() if running.ready)

    def logs(self) -> list[dict[str, Any]]:
        """The JSON log lines of all replicas that ever ran."""
        lines = [line for log in sorted(self._folder.glob("*/log")) for line in log.read_text().splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def job_log(self) -> str:
        """What the install Jobs said."""
        return "\n".join(log.read_text() for log in sorted(self._folder.glob("*install*/log")))

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            with suppress(OSError, subprocess.SubprocessError, LookupError):
                self._look()

    def _look(self) -> None:
        pods = {pod["metadata"]["uid"]: pod for pod in self._list("pods") if pod["spec"].get("nodeName")}
        self._follow_service()
        for uid, pod in pods.items():
            if uid not in self._running and not self.frozen and "deletionTimestamp" not in pod["metadata"]:
                self._running[uid] = Running(self, pod, self._folder / pod["metadata"]["name"])
            elif uid not in self._running and "deletionTimestamp" in pod["metadata"]:
                self._delete(pod)
        for uid, running in list(self._running.items()):
            running.look(pods.get(uid))
            if running.gone:
                del self._running[uid]
        if self.proxy:
            self.proxy.backends = [(address, PORT) for address in self.addresses()]

    def _follow_service(self) -> None:
        found = [item for item in self._list("services") if item["metadata"]["name"] == "cni-guard"]
        address = found[0]["spec"]["clusterIP"] if found else ""
        if self.proxy and self.proxy.address != address:
            self.proxy.close()
            self.proxy = None
        if address and self.proxy is None:
            self.proxy = Proxy(address, PORT)

    def _list(self, plural: str) -> list[dict[str, Any]]:
        selector = "?labelSelector=app.kubernetes.io%2Fname%3Dcni-guard"
        items: list[dict[str, Any]] = self.request("GET", f"/api/v1/namespaces/{self.namespace}/{plural}{selector}")[
            "items"
        ]
        return items

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "") -> dict[str, Any]:
        """One request to the API server. Raises LookupError for what is not there or changed meanwhile."""
        connection = self.cluster.connection()
        try:
            headers = {"Content-Type": kind or "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 300:
            raise LookupError(answer.get("message", path))
        return answer

    def _delete(self, pod: Pod) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}"
        with suppress(LookupError):
            self.request("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}})

    def finish(self, pod: Pod) -> None:
        """Take a pod whose processes ended off the API server."""
        self._delete(pod)


class Running:
    """One pod: its process, its files, and what the API server is told of it."""

    def __init__(self, kubelet: Kubelet, pod: Pod, folder: Path) -> None:
        self.ready = False
        self.gone = False
        self._kubelet = kubelet
        self._pod = pod
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        """The first container, which decides about the pod."""
        self._others: dict[str, subprocess.Popen[bytes]] = {}
        self._told: tuple[str, bool] | None = None
        self._end: float | None = None
        number = int(pod["spec"]["nodeName"].rpartition("-")[2])
        host = kubelet.cluster.server_url.removeprefix("https://").split(":")[0]
        self.address = f"{host.rpartition('.')[0]}.{100 + number}"
        self.node_ip = published(self.address)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def _is_job(self) -> bool:
        return "batch.kubernetes.io/job-name" in self._pod["metadata"]["labels"]

    def look(self, pod: Pod | None) -> None:
        """Bring the process and what is told of it to where the pod is."""
        if pod is None:
            self.kill()
            self.gone = True
        elif "deletionTimestamp" in pod["metadata"]:
            self._terminate(pod)
        else:
            self._pod = pod
            if self._process is None or pod["spec"]["nodeName"] not in self._kubelet.late:
                self._mount()
            self._start()
            self._report()

    def kill(self) -> None:
        """End the processes at once."""
        self.ready = False
        for process in filter(None, (self._process, *self._others.values())):
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _terminate(self, pod: Pod) -> None:
        """preStop, then SIGTERM, then the end, each without waiting for it here."""
        now = time.monotonic()
        self.ready = False
        if self._process is None or self._process.poll() is not None or self._is_job:
            self.kill()
            self._kubelet.finish(pod)
            self.gone = True
        elif self._end is None:
            self._end = now + PRE_STOP_SECONDS
            self._tell("Running", ready=False)
        elif now > self._end + 30:
            self.kill()
        elif now > self._end:
            self._process.send_signal(signal.SIGTERM)

    def _mount(self) -> None:
        """The files of each volume, replaced as a whole when their object changed."""
        for volume in self._pod["spec"]["volumes"]:
            content = self._content(volume)
            target = self._folder / volume["name"]
            if "emptyDir" in volume or "projected" in volume:
                target.mkdir(exist_ok=True)
            for name, data in (content or {}).items():
                file = target / name
                target.mkdir(exist_ok=True)
                if not file.exists() or file.read_bytes() != data:
                    fresh = file.with_suffix(".new")
                    fresh.write_bytes(data)
                    fresh.replace(file)

    def _content(self, volume: Mapping[str, Any]) -> dict[str, bytes] | None:
        root = f"/api/v1/namespaces/{self._kubelet.namespace}"
        try:
            if "secret" in volume:
                data = self._kubelet.request("GET", f"{root}/secrets/{volume['secret']['secretName']}").get("data", {})
                return {name: b64decode(value) for name, value in data.items()}
            if "configMap" in volume:
                data = self._kubelet.request("GET", f"{root}/configmaps/{volume['configMap']['name']}").get("data", {})
                return {name: value.encode() for name, value in data.items()}
        except LookupError:
            return None
        return {}

    def _mounted(self) -> bool:
        return all(
            (self._folder / volume["name"]).exists()
            for volume in self._pod["spec"]["volumes"]
            if not volume.get("configMap", {}).get("optional")
        )

    def _start(self) -> None:
        """Start each container once the volumes are there, and again when it ended, as a kubelet does."""
        if self._kubelet.frozen or not self._mounted():
            return
        first, *others = self._pod["spec"]["containers"]
        ended = self._process is not None and self._process.poll() is not None
        if self._process is None or (ended and not self._is_job):
            self._process = self._run(first, "log")
        for container in others:
            running = self._others.get(container["name"])
            if running is None or running.poll() is not None:
                self._others[container["name"]] = self._run(container, f"{container['name']}.log")

    def _run(self, container: Mapping[str, Any], log_name: str) -> "subprocess.Popen[bytes]":
        words = [
            self._in_folder(word, container)
            for word in (*container.get("command", ["cni-guard"]), *container.get("args", ()))
        ]
        with (self._folder / log_name).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), _program(words[0]), *words[1:]],
                env=self._environment(container),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                process_group=0,
                cwd=self._folder,
            )

    def _in_folder(self, word: str, container: Mapping[str, Any]) -> str:
        """A word of the command line, with mounts where they are here and the node's own address to listen on."""
        for mount in container["volumeMounts"]:
            word = word.replace(mount["mountPath"], str(self._folder / mount["name"]))
        return word.replace("[::]", self.address)

    def _environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        account = self._pod["spec"]["serviceAccountName"]
        own = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "POD_NAMESPACE": self._kubelet.namespace}
        tokens = {one["name"] for one in self._pod["spec"]["volumes"] if "projected" in one}
        mounts_token = any(mount["name"] in tokens for mount in container["volumeMounts"])
        if self._pod["spec"].get("automountServiceAccountToken") is False and not mounts_token:
            return own
        return own | {
            "KUBECONFIG": str(token_kubeconfig(self._kubelet.cluster, self._folder, self._kubelet.namespace, account)),
            "PYTHONPATH": PYTHONPATH,
        }

    def _report(self) -> None:
        if self._process is None:
            return
        code = self._process.poll()
        if self._is_job:
            self._tell("Running" if code is None else "Failed" if code else "Succeeded", ready=code is None)
            return
        self.ready = code is None and _answers(self.address, "/readyz")
        self._tell("Running", ready=self.ready)

    def _tell(self, phase: str, *, ready: bool) -> None:
        if self._told == (phase, ready):
            return
        conditions = [{"type": kind, "status": str(ready)} for kind in ("Ready", "ContainersReady")]
        always = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized")]
        status = {
            "phase": phase,
            "podIP": self.node_ip,
            "podIPs": [{"ip": self.node_ip}],
            "hostIP": self.node_ip,
            "conditions": conditions + always,
        }
        name = self._pod["metadata"]["name"]
        path = f"/api/v1/namespaces/{self._kubelet.namespace}/pods/{name}/status"
        with suppress(LookupError):
            self._kubelet.request("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")
            self._told = (phase, ready)


def token_kubeconfig(cluster: Cluster, folder: Path, namespace: str, account: str) -> Path:
    """A kubeconfig with a token of a service account, as a pod has one.

    In a namespace that is being deleted there is no new token, and a kubelet keeps the one that it has.
    """
    file = folder / f"{account}.kubeconfig"
    done = cluster.kubectl("create", "token", account, f"--namespace={namespace}", check=not file.exists())
    if done.returncode == 0:
        config = json.loads(cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": done.stdout.strip()}
        file.write_text(json.dumps(config))
    return file


def _program(word: str) -> str:
    beside = Path(sys.executable).with_name(word)
    return str(beside) if beside.exists() else shutil.which(word) or word


def _answers(address: str, path: str) -> bool:
    """A probe as the kubelet makes it: TLS without looking at the certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address, PORT, context=context, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
