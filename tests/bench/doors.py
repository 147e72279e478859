"""The two doors over TLS, on kept-alive connections, beside an empty handler under the same settings."""

import multiprocessing
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from statistics import median

from tests.bench import client
from tests.bench.client import Load
from tests.bench.figures import p50, p99
from tests.bench.plan import Aim, Plan
from tests.bench.reviews import Reviews
from tests.bench.served import Served, Tls
from tests.controlplane.progress import Progress

TIMES_EMPTY = 2.0
MEMORY = 90.0
PATIENCE = 60

Servers = Mapping[str, Served]
"""`empty` and `guard`."""


@dataclass
class Row:
    """What one door took for one operation and number of clients, on each of the servers."""

    door: str
    operation: str
    clients: int
    rounds: dict[str, list[Load]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Say which it is."""
        return f"{self.door} {self.operation}"

    @property
    def ratio(self) -> float:
        """The p50 of the guard in p50 of the empty handler: the median of the rounds, each a pair of neighbours."""
        pairs = zip(self.rounds["guard"], self.rounds["empty"], strict=True)
        return median(p50(guard.latencies) / p50(empty.latencies) for guard, empty in pairs)

    def cells(self) -> Iterator[str]:
        """Show it as a row of the table."""
        yield from (self.name, str(self.clients))
        loads = {server: Load.sum(rounds) for server, rounds in self.rounds.items()}
        for server in ("empty", "guard"):
            load = loads[server]
            count = len(load.latencies)
            milliseconds = (p50(load.latencies) * 1e3, p99(load.latencies) * 1e3, load.server_cpu / count * 1e3)
            yield from (f"{figure:.2f}" for figure in milliseconds)
            yield f"{count / load.seconds:.0f}"
        yield f"{self.ratio:.2f}"
        yield f"{max(load.busy / load.seconds for load in loads.values()):.0%}"


HEAD = (
    *("request", "clients"),
    *(f"{server} {figure}" for server in ("empty", "guard") for figure in ("p50", "p99", "cpu", "req/s")),
    *("p50 ratio", "client busy"),
)


def measure(servers: Servers, reviews: Reviews, tls: Tls, plan: Plan, progress: Progress) -> list[Row]:
    """Load the servers in turn, so that the machine's moods meet both alike."""
    rows = [Row(*case, clients) for case, clients in product(reviews, plan.clients)]
    # The client is a process of its own: it must not share an interpreter with what prints and counts.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        for number in range(plan.rounds):
            progress(f"measuring the doors: round {number + 1} of {plan.rounds}")
            names = list(servers)[:: -1 if number % 2 else 1]
            for row, name in product(rows, names):
                _round(row, name, servers[name], _request(row, reviews), tls, plan, pool)
    return rows


def _request(row: Row, reviews: Reviews) -> bytes:
    body = next(body for case, body in reviews.items() if case == (row.door, row.operation))
    return client.post(f"/{row.door}", body)


def _round(
    row: Row, name: str, server: Served, request: bytes, tls: Tls, plan: Plan, pool: ProcessPoolExecutor
) -> None:
    job = client.Job(server.port, server.worker, str(tls.ca), request, row.clients, plan.seconds)
    load = pool.submit(client.run, job).result(timeout=PATIENCE)
    row.rounds.setdefault(name, []).append(load)


def aims(rows: Iterable[Row], servers: Servers) -> Iterator[Aim]:
    """Hold the figures against what they should be."""
    for row in rows:
        if row.clients == 1:
            yield Aim(f"p50 of {row.name} at one client, in empty handlers", row.ratio, TIMES_EMPTY, "x")
    yield Aim("memory of the guard's worker after all that", servers["guard"].memory(), MEMORY, "MiB")
