"""An API server that answers 409, 429, 500 or nothing in the middle: real connections, one request at a time."""

import time

import pytest

from certs.resources import SECRET
from tests.certs.echo import Echo
from tests.certs.faults import Fault, Faults, is_write, nth
from tests.certs.world import SECRET_NAME, World

FAULTS = {
    "409": Fault(409),
    "429": Fault(429, {"Retry-After": "0"}),
    "500": Fault(500),
    "503": Fault(503),
    "broken": Fault(),
    "broken after it was done": Fault(after=True),
    "500 after it was done": Fault(500, after=True),
}


def test_any_read_may_fail_once(world: World) -> None:
    """What an installation from nothing asks, each failed in turn, the kinds of faults alternating."""
    faults = [fault for kind, fault in FAULTS.items() if kind != "409"]
    with Echo(world), Faults(world.cluster) as proxy:
        assert world.install(proxy.environment).code == 0
        reads = [number for number, request in enumerate(proxy.requests) if not is_write(*request)]
    assert len(reads) > 5
    for number in reads:
        with World(world.cluster, world.folder) as fresh, Echo(fresh), Faults(fresh.cluster) as proxy:
            fault = faults[number % len(faults)]
            proxy.plan = nth(number, fault)
            run = fresh.install(proxy.environment, lease_seconds=1)
            assert run.code == 0, (proxy.requests[number], run.output)
            fresh.assert_installed()


@pytest.mark.parametrize("kind", ["409", "429", "broken", "500 after it was done"])
def test_every_write_fails_once(world: World, kind: str) -> None:
    """Each write fails the first time that it is sent; whether it was done is not known then."""
    seen = set()

    def plan(_number: int, method: str, path: str) -> Fault | None:
        first = (method, path) not in seen
        seen.add((method, path))
        return FAULTS[kind] if first and is_write(method, path) else None

    with Echo(world), Faults(world.cluster, plan) as proxy:
        run = world.install(proxy.environment)
    assert run.code == 0, run.output
    world.assert_installed()


def test_retry_after_is_obeyed(world: World) -> None:
    with Echo(world), Faults(world.cluster, nth(0, Fault(429, {"Retry-After": "2"}))) as proxy:
        began = time.monotonic()
        run = world.install(proxy.environment)
    assert run.code == 0, run.output
    assert time.monotonic() - began >= 2
    assert run.lines[0].startswith("retrying in 2.")
    assert "HTTP 429 a fault" in run.lines[0]


def test_patience_ends(world: World) -> None:
    """What never goes well ends with the time, and with the last answer."""

    def plan(_number: int, method: str, path: str) -> Fault | None:
        return Fault(500) if method == "PATCH" and "secrets" in path else None

    with Faults(world.cluster, plan) as proxy:
        began = time.monotonic()
        run = world.install(proxy.environment, timeout=2)
    assert run.code == 1
    assert "timed out waiting for the API server: PATCH" in run.error
    assert "HTTP 500 a fault" in run.error
    assert time.monotonic() - began < 8
    assert world.find(SECRET, SECRET_NAME) is None
    world.assert_open()


def test_nobody_there(world: World) -> None:
    with Faults(world.cluster) as proxy:
        environment = proxy.environment
    run = world.install(environment, timeout=1)
    assert run.code == 1
    assert "Connection refused" in run.error


def test_a_long_retry_after_is_not_waited_for_in_vain(world: World) -> None:
    with Faults(world.cluster, nth(0, Fault(429, {"Retry-After": "3600"}))) as proxy:
        began = time.monotonic()
        run = world.install(proxy.environment)
    assert run.code == 1
    assert time.monotonic() - began < 5
