"""The guard's own roll-out, and a drain: aws-node changes all the while, and no change meets a closed door."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.installation.world import NAMESPACE, World

pytestmark = pytest.mark.xdist_group("installation")


class Changing:
    """A user who changes aws-node again and again, in dry runs, each of which the guard must have refused."""

    def __init__(self, world: World) -> None:
        self.outcomes: Counter[str] = Counter()
        self._world = world
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            done = self._world.set_env("WARM_ENI_TARGET=3", "WARM_IP_TARGET=5", "--dry-run=server")
            refused = done.returncode != 0 and "denied the request: IPT-004" in done.stderr
            self.outcomes["refused" if refused else done.stderr or "let through"] += 1

    @contextmanager
    def while_(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


def test_a_roll_out_on_two_nodes_has_no_moment_without_an_answer(installed: World) -> None:
    installed.kubectl("cordon", "node-3")
    try:
        installed.cluster.apply(installed.aws_node())
        before = set(installed.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name").stdout.split())
        changing = Changing(installed)
        with changing.while_():
            installed.kubectl("rollout", "restart", "deployment/cni-guard", "-n", NAMESPACE)
            installed.kubectl(
                "rollout", "status", "deployment/cni-guard", "-n", NAMESPACE, "--timeout=100s", timeout=110
            )
        after = set(installed.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name").stdout.split())
        assert len(after - before) >= 2
        assert set(changing.outcomes) == {"refused"}
        assert changing.outcomes["refused"] > 10
    finally:
        installed.kubectl("uncordon", "node-3")


def test_a_drain_has_none_either(installed: World) -> None:
    installed.cluster.apply(installed.aws_node())
    pods = ("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=webhook")
    node = installed.kubectl("get", *pods, "-o", "jsonpath={.items[0].spec.nodeName}").stdout
    changing = Changing(installed)
    try:
        with changing.while_():
            installed.kubectl(
                "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=100s", timeout=110
            )
            installed.kubectl(
                "rollout", "status", "deployment/cni-guard", "-n", NAMESPACE, "--timeout=100s", timeout=110
            )
        assert set(changing.outcomes) == {"refused"}
        assert node not in installed.kubectl("get", *pods, "-o", "jsonpath={.items[*].spec.nodeName}").stdout.split()
    finally:
        installed.kubectl("uncordon", node)
