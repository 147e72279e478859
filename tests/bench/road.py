"""The whole road: a PUT of aws-node, as a dry run, through a real API server and the webhooks at its doors."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from http import HTTPStatus
from statistics import median

from tests.bench.client import BenchError
from tests.bench.doors import Servers
from tests.bench.figures import p50, p99
from tests.bench.plan import Aim, Plan
from tests.bench.registered import calls, registered
from tests.bench.reviews import VALUE, VARIABLE
from tests.bench.served import Tls
from tests.controlplane import Cluster
from tests.controlplane.progress import Progress
from webhook.cni.stock import stock

TIMES_EMPTY = 1.5
WITHOUT = "none"
DOORS = 2
PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node?dryRun=All"

Latencies = Mapping[str, list[list[float]]]
"""Seconds of each PUT of each round, by what stood in its way."""


class Road:
    """A cluster with aws-node in it, and a change of it that is never stored."""

    def __init__(self, cluster: Cluster, servers: Servers, tls: Tls, plan: Plan) -> None:
        """Store aws-node, and make the change."""
        self._cluster, self._servers, self._tls, self._plan = cluster, servers, tls, plan
        cluster.apply(stock())
        self._body = _changed(cluster)
        self._connection = cluster.connection()

    def measure(self, progress: Progress) -> Latencies:
        """Go the road in turn with each of the webhooks and with none."""
        latencies: dict[str, list[list[float]]] = {WITHOUT: [], **{name: [] for name in self._servers}}
        names = list(latencies)
        for number in range(self._plan.road_rounds):
            progress(f"measuring the whole road: round {number + 1} of {self._plan.road_rounds}")
            for name in names[number % 3 :] + names[: number % 3]:
                latencies[name].append(self._round(name))
        self._connection.close()
        return latencies

    def _round(self, name: str) -> list[float]:
        server = self._servers.get(name)
        door = registered(self._cluster, name, server.port, self._tls) if server else nullcontext()
        with door:
            self._cluster.wait_for(lambda: self._goes_by(name, 2), f"PUTs to meet this webhook alone: {name}")
            before = Counter(calls(self._cluster))
            latencies = [self._put() for _ in range(self._plan.road_puts)]
            made = Counter(calls(self._cluster)) - before
        if made != _expected(name, len(latencies)):
            raise BenchError(f"{len(latencies)} PUTs with webhook {name!r} made these calls: {dict(made)}")
        return latencies

    def _goes_by(self, name: str, puts: int) -> bool:
        """Whether a PUT meets this webhook at both doors, and no other: a registration takes a moment to count."""
        before = Counter(calls(self._cluster))
        for _ in range(puts):
            self._put()
        return Counter(calls(self._cluster)) - before == _expected(name, puts)

    def _put(self) -> float:
        began = time.perf_counter()
        self._connection.request("PUT", PATH, self._body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        latency = time.perf_counter() - began
        if answer.status != HTTPStatus.OK:
            raise BenchError(f"a PUT was answered by {answer.status}: {said[:600]!r}")
        return latency


def _changed(cluster: Cluster) -> bytes:
    """Change the stored object as the reviews do."""
    stored = cluster.get("daemonset", "aws-node", "kube-system")
    env = stored["spec"]["template"]["spec"]["containers"][0]["env"]
    next(entry for entry in env if entry["name"] == VARIABLE)["value"] = VALUE
    return json.dumps(stored).encode()


def _expected(name: str, puts: int) -> Counter[str]:
    return Counter() if name == WITHOUT else Counter({name: DOORS * puts})


HEAD = ("webhook", "p50 ms", "p99 ms", "adds ms", "of empty's")


def cells(latencies: Latencies) -> Iterator[Iterator[str]]:
    """Show the rows of the table."""
    for name, rounds in latencies.items():
        yield _cells(name, [latency for one in rounds for latency in one], latencies)


def _cells(name: str, values: list[float], latencies: Latencies) -> Iterator[str]:
    yield from (name, f"{p50(values) * 1e3:.2f}", f"{p99(values) * 1e3:.2f}")
    if name == WITHOUT:
        yield from ("", "")
    else:
        yield f"{_added(name, latencies) * 1e3:.2f}"
        yield f"{_added(name, latencies) / _added('empty', latencies):.2f}"


def _added(name: str, latencies: Latencies) -> float:
    """How much longer the road is with this webhook: the median of the rounds, each with its own bare road."""
    pairs = zip(latencies[name], latencies[WITHOUT], strict=True)
    return median(p50(with_it) - p50(bare) for with_it, bare in pairs)


def aims(latencies: Latencies) -> Iterator[Aim]:
    """Hold the figures against what they should be."""
    ratio = _added("guard", latencies) / _added("empty", latencies)
    yield Aim("what the guard adds to a PUT, in what an empty webhook adds", ratio, TIMES_EMPTY, "x")
