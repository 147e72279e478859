"""`python -m tests.bench`: measure, and print each aim beside its figure. An error of a server ends it with 1."""

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench import doors, empty, judging, machine, reviews, road
from tests.bench.client import BenchError
from tests.bench.figures import table
from tests.bench.plan import FULL, QUICK, Aim, Plan
from tests.bench.served import GUARD, Served, Tls
from tests.controlplane import Cluster, CommandFailedError, UnavailableError, binaries
from tests.controlplane.process import DiedError
from tests.controlplane.progress import on_stderr

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, as shells know it."""

SERVERS = {"empty": empty.COMMAND, "guard": GUARD}


def main() -> int:
    """Measure everything in one run."""
    # SIGTERM ends it as Ctrl-C does: everything that was started goes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = QUICK if _arguments().quick else FULL
    try:
        with ExitStack() as stack:
            _run(plan, stack)
    except (BenchError, DiedError, CommandFailedError, OSError) as error:
        _say(f"bench failed: {type(error).__name__}: {error}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the guard.")
    parser.add_argument("--quick", action="store_true", help="a few seconds: whether it runs, not how fast things are")
    return parser.parse_args()


def _run(plan: Plan, stack: ExitStack) -> None:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cni-guard-bench-")))
    tls = Tls.made_in(folder)
    cluster = _cluster(stack)
    bodies = reviews.recorded(cluster, tls) if isinstance(cluster, Cluster) else reviews.made()
    _say(machine.described(cluster), machine.load())
    judged = judging.measure(bodies, plan)
    _say(_JUDGING, table(judging.HEAD, (row.cells() for row in judged)))
    servers = _servers(folder, tls, stack)
    rows = doors.measure(servers, bodies, tls, plan, on_stderr)
    _say(_DOORS.format(plan=plan), table(doors.HEAD, (row.cells() for row in rows)), _memory(servers))
    aims = [*doors.aims(rows, servers), *judging.aims(judged)]
    if isinstance(cluster, Cluster):
        aims += _whole_road(road.Road(cluster, servers, tls, plan), plan)
    _say("Aims", table(("aim", "figure", "at most", "met"), map(_aim, aims)), machine.load())


_JUDGING = "CPU of a decision, ms, without HTTP: best of several rounds"
_DOORS = """The doors over TLS on kept-alive connections: ms, {plan.rounds} rounds of {plan.seconds} s for each server,
taking turns; cpu is that of the worker for a request, "empty" an empty handler under the same settings"""
_ROAD = """The whole road: a server-side dry-run PUT of aws-node on one kept-alive connection, {plan.road_rounds} rounds
of {plan.road_puts} PUTs with each webhook at both doors, taking turns"""


def _cluster(stack: ExitStack) -> Cluster | str:
    """Start an API server, or say why there is none."""
    try:
        return stack.enter_context(Cluster(programs=binaries()))
    except UnavailableError as reason:
        return str(reason)


def _servers(folder: Path, tls: Tls, stack: ExitStack) -> doors.Servers:
    policy = folder / "policy.yaml"
    policy.write_text(judging.POLICY)
    return {
        name: stack.enter_context(Served(command, tls, folder / f"{name}.log", "--policy", policy))
        for name, command in SERVERS.items()
    }


def _memory(servers: doors.Servers) -> str:
    held = ", ".join(f"{name} {server.memory():.1f} MiB" for name, server in servers.items())
    return f"memory of the worker afterwards: {held}"


def _whole_road(measured: road.Road, plan: Plan) -> list[Aim]:
    latencies = measured.measure(on_stderr)
    _say(_ROAD.format(plan=plan), table(road.HEAD, road.cells(latencies)))
    return list(road.aims(latencies))


def _aim(aim: Aim) -> tuple[str, ...]:
    return aim.what, f"{aim.figure:.2f} {aim.unit}", f"{aim.limit:g} {aim.unit}", "yes" if aim.met else "NO"


def _say(*blocks: str) -> None:
    sys.stdout.write("\n".join(blocks) + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
