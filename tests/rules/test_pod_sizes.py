"""POD-008: the times of probes, resources, and ports, by release."""

from typing import Any

import pytest

from tests.rules.ask import changed, main, said
from tests.rules.releases import daemonset
from webhook.cni.stock import stock
from webhook.facts import Fact, Facts, Workload


@pytest.mark.parametrize(
    ("release", "timeout", "found"),
    [("1.9.3", None, 0), ("1.10.0", 4, 1), ("1.10.0", 5, 0), ("1.10.2", 9, 1), ("1.23.1", 10, 0), ("1.23.1", None, 1)],
)
def test_timeouts(release: str, timeout: int | None, found: int) -> None:
    whole = daemonset(release)
    main(whole)["readinessProbe"].pop("timeoutSeconds", None)
    main(whole)["readinessProbe"] |= {} if timeout is None else {"timeoutSeconds": timeout}
    assert len(said("POD-008", whole)) == found


@pytest.mark.parametrize(("delay", "startup", "found"), [(59, False, 1), (60, False, 0), (0, True, 0)])
def test_a_liveness_probe_waits_until_ipamd_is_up(delay: int, found: int, *, startup: bool) -> None:
    whole = stock()
    main(whole)["livenessProbe"]["initialDelaySeconds"] = delay
    if startup:
        main(whole)["startupProbe"] = main(whole)["livenessProbe"]
    assert len(said("POD-008", whole)) == found


@pytest.mark.parametrize(
    ("resources", "found"),
    [
        ({"requests": {"cpu": "25m"}}, 0),
        ({"requests": {"cpu": "0.025"}}, 0),
        ({"requests": {"cpu": 1}}, 0),
        ({"requests": {"cpu": "24m"}}, 1),
        ({}, 1),
        (None, 1),
        ({"limits": {"cpu": "1"}}, 1),
        ({"requests": {"cpu": "25m"}, "limits": {"memory": "200Mi"}}, 0),
        ({"requests": {"cpu": "25m"}, "limits": {"memory": "209715199"}}, 1),
        ({"requests": {"cpu": "25m"}, "limits": {"memory": "much"}}, 0),
        ({"requests": {"cpu": "10m"}, "limits": {"cpu": "1", "memory": "64Mi"}}, 3),
    ],
)
def test_resources(resources: Any, found: int) -> None:
    assert len(said("POD-008", changed(stock(), lambda one: main(one).update(resources=resources)))) == found


@pytest.mark.parametrize(("release", "found"), [("1.11.2", 0), ("1.11.3", 1)])
def test_the_cpu_request_by_release(release: str, found: int) -> None:
    whole = daemonset(release)
    main(whole)["resources"] = {"requests": {"cpu": "10m"}}
    assert len(said("POD-008", whole)) == found


def taken(*ports: int) -> Facts:
    one = Workload(kind="Deployment", namespace="x", name="y", host_network=True, host_ports=ports)
    return Facts(workloads=Fact((one,), "cluster"))


@pytest.mark.parametrize(
    ("release", "port", "found"),
    [
        ("1.22.4", 50051, 1),
        ("1.23.0", 50051, 0),
        ("1.13.4", 50052, 0),
        ("1.20.1", 50052, 1),
        ("1.20.2", 50052, 0),
        ("1.14.0", 8080, 1),
        ("1.14.0", 8162, 0),
        ("1.14.1", 8080, 0),
        ("1.14.1", 8162, 1),
        ("1.23.1", 8163, 1),
        ("1.23.1", 61678, 1),
        ("1.23.1", 61679, 1),
        ("1.23.1", 443, 0),
    ],
)
def test_ports_by_release(release: str, port: int, found: int) -> None:
    whole = daemonset(release)
    told = said("POD-008", whole, facts=taken(port))
    assert len(told) == found
    assert all(f"port {port} " in one.message and "Deployment x/y" in one.message for one in told)
    assert said("POD-008", whole, whole, facts=taken(port)) == []
    assert said("POD-008", whole) == []


def test_a_port_that_is_moved_or_closed_is_free() -> None:
    whole = stock()
    main(whole)["env"] = [one for one in main(whole)["env"] if one["name"] != "DISABLE_METRICS"]
    main(whole)["env"].append({"name": "DISABLE_METRICS", "value": "true"})
    whole["spec"]["template"]["spec"]["containers"][1]["args"].append("--metrics-bind-addr=:9000")
    assert said("POD-008", whole, facts=taken(61678, 8162)) == []
    assert len(said("POD-008", whole, facts=taken(9000))) == 1
