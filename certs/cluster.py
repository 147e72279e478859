"""Client for the API server. Only this module uses the package `kubernetes`, for authentication and connections.

Objects are raw dicts in both directions. Transient errors are retried with jittered backoff within the time set by
`allow`: broken connections, 5xx, 429 (after `Retry-After`), and the conflict of a server-side apply with another write.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config.incluster_config import InClusterConfigLoader
from urllib3.exceptions import HTTPError

from certs.answers import Answer, lacking_right, raise_for, read
from certs.errors import ForbiddenError, UnavailableError, UsageError
from certs.resources import Object, Resource

FIELD_MANAGER = "cni-guard"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_REQUEST_SECONDS = 15.0
"""Timeout of one request: a canary may wait for two webhooks of three seconds each, on a slow API server."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_RANDOM = random.SystemRandom()
_MANAGED = {"fieldManager": FIELD_MANAGER}
_CONFLICT = frozenset({HTTPStatus.CONFLICT})
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"

Say = Callable[[str], None]


def credentials(environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Configuration:
    """Load the API server's address and credentials: the pod's service account, else the file in KUBECONFIG.

    Raises:
        UsageError: There is neither.
    """
    configuration = Configuration()
    try:
        if environment.get("KUBERNETES_SERVICE_HOST"):
            account = InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"), environ=environment)
            account.load_and_set(configuration)
        else:
            file = environment.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
            config.load_kube_config(config_file=file, client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise UsageError(f"no credentials: found neither a service account nor a kubeconfig: {error}") from error
    # urllib3's own retries ignore our deadline and would repeat requests that must not be repeated.
    configuration.retries = False
    return configuration


@dataclass(frozen=True, slots=True)
class _Request:
    """A request to the API server."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = None
    content_type: str = "application/json"
    """Of the body, if there is one."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Cluster:
    """Requests to one API server; a `with` block closes its connections."""

    def __init__(self, configuration: Configuration, namespace: str, say: Say) -> None:
        """Connect with these credentials, for this namespace; `say` is called before each retry."""
        self.namespace = namespace
        self._client = ApiClient(configuration)
        self._say = say
        self._end = time.monotonic()
        self._dated: tuple[datetime, float] | None = None
        self.allow(_REQUEST_SECONDS)

    def __enter__(self) -> Self:
        """Return the cluster."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the connections."""
        self._client.close()

    def allow(self, seconds: float) -> None:
        """Set the time for everything that follows, in seconds from now."""
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self._end - time.monotonic())

    def now(self) -> datetime:
        """The API server's time, since it verifies certificates; the local time before its first response."""
        if self._dated is None:
            return datetime.now(UTC)
        date, seen = self._dated
        return date + timedelta(seconds=time.monotonic() - seen)

    def get(self, resource: Resource, name: str) -> Object | None:
        """Read an object; None if it does not exist."""
        answer = self._send(_Request("GET", resource.path(self.namespace, name)))
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return self._body(answer, f"reading {resource.kind} {name}", name, resource)

    def select(self, resource: Resource, labels: str) -> list[Object]:
        """List the objects that match a label selector."""
        answer = self._send(_Request("GET", resource.path(self.namespace), {"labelSelector": labels}))
        found: list[Object] = self._body(answer, f"listing {resource.plural}", "", resource)["items"]
        return found

    def create(self, resource: Resource, wanted: Object) -> Object:
        """Create an object.

        Raises:
            ConflictError: It exists already.
        """
        name = wanted["metadata"]["name"]
        answer = self._send(_Request("POST", resource.path(self.namespace), _MANAGED, wanted))
        return self._body(answer, f"creating {resource.kind} {name}", name, resource)

    def replace(self, resource: Resource, wanted: Object) -> Object:
        """Replace an object.

        Raises:
            ConflictError: It changed since it was read.
        """
        name = wanted["metadata"]["name"]
        answer = self._send(_Request("PUT", resource.path(self.namespace, name), _MANAGED, wanted))
        return self._body(answer, f"replacing {resource.kind} {name}", name, resource)

    def apply(self, resource: Resource, wanted: Object, *, dry_run: bool = False) -> Object:
        """Apply these fields server-side and take over their ownership; other fields keep their values."""
        name = wanted["metadata"]["name"]
        answer = self._send(self._applied(resource, wanted, dry_run=dry_run), repeat=_CONFLICT)
        return self._body(answer, f"applying {resource.kind} {name}", name, resource)

    def clear(self, resource: Resource, name: str, field_name: str) -> bool:
        """Remove a field, so that no manager owns it.

        Returns:
            Whether the object exists.
        """
        path = resource.path(self.namespace, name)
        answer = self._send(_Request("PATCH", path, _MANAGED, {field_name: None}, _MERGE), repeat=_CONFLICT)
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        self._body(answer, f"patching {resource.kind} {name}", name, resource)
        return True

    def delete(self, resource: Resource, name: str) -> bool:
        """Delete an object.

        Returns:
            Whether it existed.
        """
        answer = self._send(_Request("DELETE", resource.path(self.namespace, name)), repeat=_CONFLICT)
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        self._body(answer, f"deleting {resource.kind} {name}", name, resource)
        return True

    def try_out(self, resource: Resource, wanted: Object) -> Answer:
        """Create an object as a dry run, so that the webhooks see it; a denial is returned, not raised.

        Each call opens a new connection, since there may be several API servers behind the address. It is not retried,
        and it may exceed the remaining time: a slow denial says why it was slow.

        Raises:
            ForbiddenError: A permission is missing.
        """
        self._client.rest_client.close()
        name = wanted["metadata"]["name"]
        try:
            answer = self._once(self._applied(resource, wanted, dry_run=True), _REQUEST_SECONDS)
        except (HTTPError, ApiException) as error:
            return Answer(0, {}, _words(error), (), None, None)
        if lacking := lacking_right(answer, name, self._where(resource)):
            raise ForbiddenError(f"dry run of {resource.kind} {name}: {lacking}")
        return answer

    def _applied(self, resource: Resource, wanted: Object, *, dry_run: bool) -> _Request:
        """A server-side apply."""
        query = {**_MANAGED, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        return _Request("PATCH", resource.path(self.namespace, wanted["metadata"]["name"]), query, wanted, _APPLY)

    def _body(self, answer: Answer, what: str, name: str, resource: Resource) -> Object:
        raise_for(answer, what, name, self._where(resource))
        return dict(answer.body)

    def _where(self, resource: Resource) -> str:
        return self.namespace if resource.namespaced else ""

    def _send(self, request: _Request, repeat: frozenset[HTTPStatus] = frozenset()) -> Answer:
        """Send a request; retry transient errors and the statuses in `repeat`."""
        pause = _FIRST_PAUSE
        while True:
            wait = None
            try:
                answer = self._once(request, max(1.0, min(_REQUEST_SECONDS, self.remaining)))
            except (HTTPError, ApiException) as error:
                trouble = _words(error)
            else:
                if not answer.transient and answer.status not in repeat:
                    return answer
                trouble, wait = f"HTTP {answer.status} {answer.message}", answer.retry_after
            self._wait(f"{request}: {trouble}", (wait or 0.0) + pause * _RANDOM.uniform(0.5, 1))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _wait(self, trouble: str, seconds: float) -> None:
        if seconds >= self.remaining:
            raise UnavailableError(f"timed out waiting for the API server: {trouble}")
        self._say(f"retrying in {seconds:.1f} s: {trouble}")
        time.sleep(seconds)

    def _once(self, request: _Request, limit: float) -> Answer:
        """Send one request; all traffic passes through here. `limit` is its timeout in seconds."""
        body, content = request.body, request.content_type
        headers = {"Accept": "application/json", **({"Content-Type": content} if body is not None else {})}
        _, url, headers, *_ = self._client.param_serialize(
            request.method,
            request.path,
            header_params=headers,
            query_params=list(request.query.items()),
            auth_settings=["BearerToken"],
        )
        # The client does not serialize the content type of an apply, so it gets text.
        sent = json.dumps(body) if body is not None and content == _APPLY else body
        response = self._client.call_api(request.method, url, headers, sent, _request_timeout=limit)
        answer = read(response.status, response.headers.items(), response.read())
        if answer.date:
            self._dated = answer.date, time.monotonic()
        return answer


def _words(error: Exception) -> str:
    """The cause of a connection error, without the representations of Python objects."""
    if isinstance(error, ApiException):
        return " ".join(str(error.reason).split())
    return str(error).rsplit(">: ", maxsplit=1)[-1]
