"""A control plane that lives as long as a `with` block."""

import http.client
import json
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from tests.controlplane import components
from tests.controlplane.addresses import claimed
from tests.controlplane.binaries import Binaries, binaries
from tests.controlplane.objects import node, selectorless_service
from tests.controlplane.pki import Authority
from tests.controlplane.process import Process

Completed = subprocess.CompletedProcess[str]
Object = Mapping[str, Any]
T = TypeVar("T")

START_SECONDS = 60


class CommandFailedError(Exception):
    """kubectl ended with an error; the message has the command and what it said."""


class Cluster:
    """A real API server with etcd; with `controllers`, also controllers, a scheduler, and simulated nodes and pods."""

    def __init__(
        self, *, controllers: bool = False, programs: Binaries | None = None, api_server_flags: Sequence[str] = ()
    ) -> None:
        """Say what to start; entering the `with` block starts it.

        Args:
            controllers: start kube-controller-manager, kube-scheduler and kwok too.
            programs: what to start it from, when it is not what `binaries()` finds.
            api_server_flags: more flags for kube-apiserver.

        """
        self._controllers = controllers
        self._programs = programs
        self._api_server_flags = api_server_flags
        self._authority = Authority()
        self._processes: list[Process] = []
        self._stop = ExitStack()

    def __enter__(self) -> Self:
        """Start everything, and wait until the API server is ready."""
        with ExitStack() as stack:
            self._programs = self._programs or binaries()
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="controlplane-")))
            self._start(self._programs, stack)
            self._stop = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop everything, the last one started first, and forget it."""
        self._stop.close()

    def _start(self, programs: Binaries, stack: ExitStack) -> None:
        addresses = stack.enter_context(claimed())
        self.server_url = components.server_url(addresses)
        components.write_keys(self.folder, self._authority, addresses)
        self.kubeconfig = self.kubeconfig_for("admin", "system:masters")
        self._tls = self._tls_context()
        self._run(components.etcd(programs, self.folder, addresses), stack)
        self._api_server = [*components.kube_apiserver(programs, self.folder, addresses), *self._api_server_flags]
        self._run(self._api_server, stack)
        self.wait_for(self._ready, "the API server to be ready", START_SECONDS)
        if self._controllers:
            manager = self.kubeconfig_for("system:kube-controller-manager")
            scheduler = self.kubeconfig_for("system:kube-scheduler")
            self._run(components.kube_controller_manager(programs, self.folder, manager), stack)
            self._run(components.kube_scheduler(programs, scheduler), stack)
            self._run(components.kwok(programs, self.folder, self.kubeconfig_for("kwok", "system:masters")), stack)

    def _run(self, command: components.Command, stack: ExitStack) -> None:
        log = self.folder / f"{Path(command[0]).name}.log"
        self._processes.append(stack.enter_context(Process(command, log)))

    def _ready(self) -> bool:
        """Tell whether it answers, and has made the namespaces that everybody takes for given."""
        wanted = ("/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system")
        try:
            return all(self._get(path)[0] == http.HTTPStatus.OK for path in wanted)
        except OSError:
            return False

    def restart_api_server(self) -> None:
        """Kill the API server, so that all connections break, and start it again with what etcd holds."""
        [old] = [process for process in self._processes if process.name == "kube-apiserver"]
        self._processes.remove(old)
        old.__exit__(None, None, None)
        self._run(self._api_server, self._stop)
        self.wait_for(self._ready, "the API server to be ready again", START_SECONDS)

    # How to reach it.

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """Write a kubeconfig with a client certificate of this user in these groups."""
        credential = self._authority.client(user, groups)
        # A colon would be the end of a path in the variable KUBECONFIG.
        file = self.folder / f"{quote(','.join([user, *groups]), safe=',')}.kubeconfig"
        content = components.kubeconfig(self.server_url, self._authority.certificate, credential)
        return components.write_secret(file, content)

    def connection(self) -> http.client.HTTPSConnection:
        """Open a kept-alive connection to the API server as the administrator (its client certificate says so)."""
        host, port = self.server_url.removeprefix("https://").split(":")
        return http.client.HTTPSConnection(host, int(port), context=self._tls, timeout=30)

    def metrics(self) -> str:
        """Read the API server's own metrics."""
        status, text = self._get("/metrics")
        if status != http.HTTPStatus.OK:
            raise CommandFailedError(f"GET /metrics: {status}\n{text}")
        return text

    def _tls_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self._authority.certificate.decode())
        credential = self._authority.client("admin", ["system:masters"])
        both = components.write_secret(self.folder / "admin.pem", credential.certificate + credential.key)
        context.load_cert_chain(both)
        return context

    def _get(self, path: str) -> tuple[int, str]:
        connection = self.connection()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    # What to do with it.

    def kubectl(
        self,
        *args: str | Path,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
        as_user: str | None = None,
        as_groups: Sequence[str] = (),
        timeout: float = 120,
    ) -> Completed:
        """Run kubectl as the administrator, or as somebody else by impersonation.

        Raises:
            CommandFailedError: it ended with an error, unless `check` is false.

        """
        assert self._programs
        identity = [f"--as={as_user}"] if as_user else []
        command = [self._programs.kubectl, *args, *identity, *(f"--as-group={group}" for group in as_groups)]
        # Neither the user's configuration nor his cache of other clusters.
        own = {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.folder / "kubectl"), "KUBERC": "off"}
        done = subprocess.run(
            command, env=os.environ | own, input=input, capture_output=True, text=True, check=False, timeout=timeout
        )
        if check and done.returncode:
            self._check()
            raise CommandFailedError(f"kubectl {' '.join(map(str, args))}: exit code {done.returncode}\n{done.stderr}")
        return done

    def apply(self, what: Path | Object | Iterable[Object], *flags: str) -> Completed:
        """Apply an object, several, a file, a folder, or a kustomization; more flags as kubectl takes them."""
        if isinstance(what, Path):
            option = "--kustomize" if (what / "kustomization.yaml").exists() else "--filename"
            return self.kubectl("apply", option, what, *flags)
        items = [what] if isinstance(what, Mapping) else list(what)
        everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        return self.kubectl("apply", "--filename=-", *flags, input=everything)

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """Read an object."""
        where = [f"--namespace={namespace}"] if namespace else []
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, *where, "--output=json").stdout)
        return found

    def nodes(self, count: int, instance_type: str = "m5.large") -> list[str]:
        """Let there be nodes `node-1` to `node-COUNT`, Ready, spread over three zones; return their names."""
        if not self._controllers:
            raise ValueError("nodes are simulated by the controllers: Cluster(controllers=True)")
        wanted = [node(number, instance_type) for number in range(1, count + 1)]
        self.apply(wanted)
        names = [f"node/{item['metadata']['name']}" for item in wanted]
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *names)
        return [name.removeprefix("node/") for name in names]

    def service(self, namespace: str, name: str, port: int = 8443) -> str:
        """Return the ClusterIP of the Service, made (with its namespace) unless it is there.

        Listen on this address and the port: there the API server calls a webhook whose `clientConfig` names the
        Service, and it wants a certificate for NAME.NAMESPACE.svc.
        """
        if self.kubectl("get", "service", name, f"--namespace={namespace}", check=False).returncode:
            self.apply(selectorless_service(namespace, name, port))
        address: str = self.get("service", name, namespace)["spec"]["clusterIP"]
        return address

    def wait_for(self, predicate: Callable[[], T], description: str, timeout: float = 30) -> T:
        """Ask again and again until the answer is true, and return it.

        Raises:
            TimeoutError: it never was.
            DiedError: a program of the control plane ended meanwhile.

        """
        end = time.monotonic() + timeout
        while not (answer := predicate()):
            self._check()
            if time.monotonic() > end:
                logs = "\n".join(f"--- {process.name}\n{process.tail(5)}" for process in self._processes)
                raise TimeoutError(f"waited {timeout:g} seconds for {description}\n{logs}")
            time.sleep(0.05)
        return answer

    def _check(self) -> None:
        for process in self._processes:
            process.check()
