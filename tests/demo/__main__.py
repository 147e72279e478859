"""`python -m tests.demo`: the walk on a cluster where one can be had, else on the served endpoint alone."""

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.controlplane import Cluster, CommandFailedError, UnavailableError, binaries
from tests.controlplane.process import DiedError
from tests.demo import on_cluster, on_endpoint
from tests.demo.runner import NotAsToldError
from tests.demo.screen import BOLD, GREEN, RED, say

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, as shells know it."""


def main() -> int:
    """Walk, clean up, and sum up: 0 where everything ended as told."""
    # In the background a shell lets SIGINT be ignored, and Python leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    endpoint = _arguments().endpoint
    began = time.monotonic()
    try:
        counts = _walk(endpoint=endpoint)
    except KeyboardInterrupt:
        say("\ninterrupted: everything that was started is stopped and removed", RED)
        return INTERRUPTED
    except (NotAsToldError, CommandFailedError, DiedError, TimeoutError) as error:
        say(f"\ndemo failed: {error}", RED)
        return 1
    say(_summary(counts, time.monotonic() - began), BOLD, GREEN)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description="Tune a CNI with the guard in front.")
    parser.add_argument("--endpoint", action="store_true", help="without a cluster: the served endpoint alone")
    return parser.parse_args()


def _walk(*, endpoint: bool) -> Counter[str]:
    """Take one road or the other; what it needed is gone afterwards, whatever happens."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cni-guard-demo-")))
        cluster = "you asked for the endpoint alone" if endpoint else _cluster(stack)
        if isinstance(cluster, Cluster):
            counts = on_cluster.walk(folder, cluster, stack)
        else:
            say(f"This runs WITHOUT a cluster: {cluster}.", BOLD)
            counts = on_endpoint.walk(folder, stack)
        say("\nCleaning up …")
    return counts


def _cluster(stack: ExitStack) -> Cluster | str:
    """Start a control plane, or say why there is none."""
    try:
        programs = binaries()
        say("Starting etcd, a Kubernetes API server, controllers, a scheduler and simulated nodes …")
        return stack.enter_context(Cluster(controllers=True, programs=programs))
    except UnavailableError as reason:
        return f"no control plane: {reason}"
    except (DiedError, TimeoutError, OSError) as error:
        return f"the control plane did not start: {error}"


def _summary(counts: Counter[str], seconds: float) -> str:
    return (
        f"{counts.total()} steps in {seconds:.0f} seconds, all as told: "
        f"{counts['passed']} changes let through, {counts['refused']} refused, {counts['seen']} looks."
    )


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End on SIGTERM as on Ctrl-C: everything that was started goes."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
