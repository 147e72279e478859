"""A cluster behind the guard, and words for what people do in it and what they see."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.controlplane.cluster import Cluster, Completed
from tests.controlplane.guard import GuardProcess

Object = dict[str, Any]

DAEMONSETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
AWS_NODE = f"{DAEMONSETS}/aws-node"
ENICONFIGS = "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs"
THE_AWS_NODE = ("daemonset/aws-node", "--namespace=kube-system")

MASTERS = ("system:masters",)
BREAK_GLASS = (*MASTERS, "cni-guard:break-glass")
"""The groups of the break-glass command in the README."""

NODES = 3
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_CLAUSE = re.compile(r"[A-Z][A-Z0-9]*(?:-\d{3})?: .+?(?=: |\. |$)")
_DENIED = "denied the request: "
_UNFINISHED = "ROLL-002: "
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


@dataclass(frozen=True)
class Answer:
    """What a person sees of a command: whether it went through, and what was said."""

    passed: bool
    out: str
    err: str

    @property
    def denied(self) -> list[str]:
        """Each refusal's rule and what is wrong, in order."""
        _, _, refusals = self.err.partition(_DENIED)
        return _clauses(refusals.splitlines())

    @property
    def warned(self) -> list[str]:
        """Each warning's rule and what is wrong, in order; not those of kubectl or of the API server.

        Whether a rollout is unfinished depends on how fast the tests follow each other: `unfinished` tells it.
        """
        return [one for one in self._warned if not one.startswith(_UNFINISHED)]

    @property
    def unfinished(self) -> bool:
        """Whether the guard said that a rollout is unfinished."""
        return any(one.startswith(_UNFINISHED) for one in self._warned)

    @property
    def _warned(self) -> list[str]:
        lines = self.err.splitlines()
        return _clauses(line.removeprefix("Warning: ") for line in lines if line.startswith("Warning: "))


def _clauses(lines: Iterable[str]) -> list[str]:
    return [found[0] for line in lines if (found := _CLAUSE.match(line))]


@dataclass(frozen=True)
class Reply:
    """What the API server answered to a request of our own."""

    status: int
    body: Object
    warnings: tuple[str, ...]

    @property
    def answer(self) -> Answer:
        """The same, as kubectl would have shown it."""
        passed = self.status < HTTPStatus.BAD_REQUEST
        said = [f"Warning: {warning}" for warning in self.warnings]
        return Answer(passed, json.dumps(self.body), "\n".join([*said, "" if passed else str(self.body["message"])]))


class Guarded:
    """The cluster, the guard in front of it, and its aws-node."""

    def __init__(self, cluster: Cluster, guard: GuardProcess) -> None:
        self.cluster = cluster
        self.guard = guard

    # What people do.

    def kubectl(
        self, *words: str, manifest: object = None, user: str | None = None, groups: Sequence[str] = ()
    ) -> Answer:
        """Run kubectl, whatever comes of it; a manifest goes to its standard input.

        Who changes aws-node while its status changes may be told to try again, as the API server itself does a few
        times; here that is tried.
        """
        given = None if manifest is None else manifest if isinstance(manifest, str) else json.dumps(manifest)

        def run() -> Completed | None:
            done = self.cluster.kubectl(*words, input=given, check=False, as_user=user, as_groups=groups)
            return None if _MODIFIED in done.stderr else done

        done = self.cluster.wait_for(run, "no status to come between", 20)
        assert done is not None
        return Answer(done.returncode == 0, done.stdout, done.stderr)

    def apply(self, manifest: object, *flags: str) -> Answer:
        """`kubectl apply -f`."""
        return self.kubectl("apply", "--filename=-", *flags, manifest=manifest)

    def set_env(self, *values: str, container: str = "aws-node") -> Answer:
        """`kubectl set env` for one container."""
        return self.kubectl("set", "env", *THE_AWS_NODE, f"--containers={container}", *values)

    # What there is.

    @property
    def aws_node(self) -> Object:
        """The stored DaemonSet."""
        reply = self.request("GET", AWS_NODE)
        assert reply.status == HTTPStatus.OK, reply.body
        return reply.body

    def exists(self) -> bool:
        """Whether there is an aws-node."""
        return self.request("GET", AWS_NODE).status == HTTPStatus.OK

    def pods(self) -> list[Object]:
        """The pods of aws-node that are not on their way out."""
        path = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Daws-node"
        items: list[Object] = self.request("GET", path).body["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    # How a test gets to where it begins.

    def store(self, manifest: Object) -> Object:
        """Let aws-node be this, past the guard, as `kubectl apply` would have left it; return what is stored."""
        wanted = deepcopy(manifest)
        wanted["metadata"].setdefault("annotations", {})
        noted = json.dumps(wanted, sort_keys=True, separators=(",", ":")) + "\n"
        wanted["metadata"]["annotations"][LAST_APPLIED] = noted

        def stored() -> Reply | None:
            reply = self.past_the_guard("PUT", AWS_NODE, wanted)
            if reply.status == HTTPStatus.NOT_FOUND:
                reply = self.past_the_guard("POST", DAEMONSETS, wanted)
            gone_soon = reply.status == HTTPStatus.CONFLICT
            assert gone_soon or reply.answer.passed, reply.body
            return None if gone_soon else reply

        reply = self.cluster.wait_for(stored, "aws-node to be stored", 20)
        assert reply is not None
        return reply.body

    def remove(self) -> None:
        """Let there be no aws-node, past the guard."""
        self.past_the_guard("DELETE", AWS_NODE, {"propagationPolicy": "Background"})
        self.cluster.wait_for(lambda: not self.exists(), "aws-node to be gone", 20)

    def settle(self) -> Object:
        """Wait until aws-node has rolled out and its status rests."""

        def settled() -> Object | None:
            found = self.aws_node
            status = found["status"]
            counts = {status.get(f"{key}NumberScheduled") for key in ("desired", "updated", "current")}
            rests = counts | {status.get("numberAvailable")} == {NODES}
            return found if rests and status["observedGeneration"] == found["metadata"]["generation"] else None

        found = self.cluster.wait_for(settled, "aws-node to have rolled out", 60)
        assert found is not None
        return found

    def past_the_guard(self, method: str, path: str, body: object = None) -> Reply:
        """A request with the break-glass."""
        return self.request(method, path, body, user="admin", groups=BREAK_GLASS)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "",
        groups: Sequence[str] = (),
        content_type: str = "application/json",
    ) -> Reply:
        """One request to the API server; a body that is bytes goes as it is."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.cluster.connection()
        try:
            connection.putrequest(method, path)
            connection.putheader("Content-Type", content_type)
            connection.putheader("Content-Length", str(len(content)))
            if user:
                connection.putheader("Impersonate-User", user)
            for group in groups:
                connection.putheader("Impersonate-Group", group)
            connection.endheaders(content)
            response = connection.getresponse()
            warnings = tuple(map(_unquoted, response.headers.get_all("Warning") or ()))
            return Reply(response.status, json.loads(response.read()), warnings)
        finally:
            connection.close()

    def decisions_after(self, mark: int) -> list[Object]:
        """The guard's decisions since there were `mark`, up to now."""
        probe = {"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": "fence"}}
        self.request("POST", f"{ENICONFIGS}?dryRun=All", probe | {"spec": {"subnet": "none"}})

        def seen() -> list[Object]:
            found = self.guard.decisions()[mark:]
            return found if found and found[-1]["name"] == "fence" else []

        return self.cluster.wait_for(seen, "the guard's log to have the last decision", 10)[:-1]


def _unquoted(header: str) -> str:
    """The text of a Warning header: 299 - "text"."""
    text: str = json.loads(header.removeprefix("299 - "))
    return text


def container(daemonset: Mapping[str, Any], name: str = "aws-node") -> Object:
    """A container of an aws-node object, or of one of its pods."""
    spec = daemonset["spec"].get("template", daemonset)["spec"]
    found: Object = next(one for one in (*spec["containers"], *spec["initContainers"]) if one["name"] == name)
    return found


def env(daemonset: Mapping[str, Any], name: str = "aws-node") -> dict[str, str | None]:
    """The variables of a container; None for those that are taken from the pod."""
    return {entry["name"]: entry.get("value") for entry in container(daemonset, name)["env"]}
