"""Raw answers of the API server. Only this module uses the package `kubernetes`, for credentials and connections."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import yaml
from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from urllib3.exceptions import HTTPError

from webhook.cluster.errors import CredentialsError, StatusError, UnreachableError

CONNECTIONS = 32
"""Connections that are kept: one for each watch, and those of lists."""

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 30.0
"""Without a byte for this long, an answer is given up."""

_LATE_SECONDS = 10.0
"""How much longer than asked for a watch may be silent."""

_WHOLE = "application/json"
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"

_ARN = re.compile(r"arn:[a-z-]+:eks:[a-z0-9-]+:\d+:cluster/(?P<name>.+)")
_EKSCTL = re.compile(r"(?P<name>.+)\.[a-z0-9-]+\.eksctl\.io")

Query = Mapping[str, str]


class _Status(msgspec.Struct):
    """The body of an error."""

    message: str = ""


class Client:
    """Requests to one API server; its methods may be called from several threads."""

    def __init__(self, configuration: Configuration, cluster: str = "") -> None:
        configuration.retries = False  # urllib3 would repeat requests on its own, without a pause
        configuration.connection_pool_maxsize = CONNECTIONS
        self.cluster = cluster
        """The name of the cluster; empty if it is not known."""
        self.host = str(configuration.host)
        self._client = ApiClient(configuration)
        self._large = threading.Lock()

    def get(self, path: str, query: Query | None = None, *, metadata: bool = False) -> bytes:
        """Read a path. One answer at a time is held in memory: a page of nodes may take several MiB.

        Raises:
            StatusError: The answer is an error.
            UnreachableError: There is no answer.
        """
        with self._large:
            response = self._send(path, query or {}, _accept("List", metadata=metadata), _READ_SECONDS)
            with closing(response):
                try:
                    return bytes(response.data)
                except (HTTPError, OSError) as error:
                    raise UnreachableError(f"the connection to the API server broke: {_words(error)}") from error

    def lines(self, path: str, query: Query, seconds: int, *, metadata: bool = False) -> Iterator[bytes]:
        """The events of a watch, until the server closes it after `seconds`.

        Raises:
            StatusError: The answer is an error.
            UnreachableError: There is no answer, or the connection broke.
        """
        asked = {**query, "timeoutSeconds": str(seconds)}
        response = self._send(path, asked, _accept("", metadata=metadata), seconds + _LATE_SECONDS)
        rest = bytearray()
        with closing(response):
            try:
                for piece in response.stream(amt=None):
                    *whole, last = piece.split(b"\n")
                    for line in whole:
                        yield bytes(rest + line)
                        rest.clear()
                    rest += last
            except (HTTPError, OSError) as error:
                raise UnreachableError(f"the connection to the API server broke: {_words(error)}") from error

    def _send(self, path: str, query: Query, accept: str, seconds: float) -> Any:
        try:
            _, url, headers, *_ = self._client.param_serialize(
                "GET",
                path,
                header_params={"Accept": accept},
                query_params=list(query.items()),
                auth_settings=["BearerToken"],
            )
            answer = self._client.call_api("GET", url, headers, _request_timeout=(_CONNECT_SECONDS, seconds))
        except (HTTPError, ApiException, OSError) as error:
            raise UnreachableError(f"the API server {self.host} is unreachable: {_words(error)}") from error
        except config.ConfigException as error:
            raise CredentialsError(f"the credentials cannot be renewed: {_words(error)}") from error
        response: Any = answer.response
        if response.status != HTTPStatus.OK:
            with closing(response):
                raise _status(response)
        return response


def connect(environment: Mapping[str, str]) -> Client:
    """Connect with the kubeconfig in KUBECONFIG, else as the pod's service account, else with ~/.kube/config.

    Raises:
        CredentialsError: There are no credentials, or they cannot be used.
    """
    configuration = Configuration()
    file = environment.get("KUBECONFIG", "")
    try:
        if environment.get("KUBERNETES_SERVICE_HOST") and not file:
            config.load_incluster_config(client_configuration=configuration)
            return Client(configuration)
        file = file or str(Path("~/.kube/config").expanduser())
        config.load_kube_config(config_file=file, client_configuration=configuration)
        _, context = config.list_kube_config_contexts(config_file=file)
        return Client(configuration, _short(str(context["context"]["cluster"])))
    except (config.ConfigException, OSError, yaml.YAMLError, ValueError, LookupError, TypeError) as error:
        reason = (
            f"no usable credentials: {_words(error)}: set KUBECONFIG to a kubeconfig, or run in a pod of the cluster"
        )
        raise CredentialsError(reason) from error


def _short(cluster: str) -> str:
    """The name of an EKS cluster from that in a kubeconfig, as the AWS CLI and eksctl write it."""
    match = _ARN.fullmatch(cluster) or _EKSCTL.fullmatch(cluster)
    return match["name"] if match else cluster


def _accept(suffix: str, *, metadata: bool) -> str:
    return _METADATA.format(suffix) if metadata else _WHOLE


def _status(response: Any) -> StatusError:
    body = b""
    with suppress(HTTPError, OSError):
        body = bytes(response.data)
    said = ""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        said = msgspec.json.decode(body, type=_Status).message
    message = f"the API server answered with HTTP {response.status}: {said or response.reason}"
    if response.status == HTTPStatus.UNAUTHORIZED:
        message = f"the API server rejects the credentials (HTTP 401 {said or 'Unauthorized'}): log in again"
    after = response.headers.get("Retry-After", "")
    return StatusError(message, response.status, float(after) if after.isdecimal() else 0.0)


def _words(error: Exception) -> str:
    """The cause of a connection error on one line, without the representations of Python objects."""
    said = error.reason if isinstance(error, ApiException) else str(error).rsplit(">: ", maxsplit=1)[-1]
    return " ".join(str(said).split()) or type(error).__name__
