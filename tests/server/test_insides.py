"""What the worker relies on inside of gunicorn: where that moves, these tests say what, before anything is served."""

import inspect
from importlib.metadata import requires, version

import pytest
from gunicorn.workers.base import Worker as Base
from gunicorn.workers.base_async import AsyncWorker
from gunicorn.workers.ggevent import GeventWorker

from webhook.worker import Worker

REPLACED = {
    name: method for name, method in vars(Worker).items() if inspect.isfunction(method) and not name.startswith("_")
}
USED = ("handle", "handle_exit", "handle_quit", "handle_request", "handle_error", "load_wsgi", "notify", "timeout_ctx")
"""What gunicorn calls on its worker, and this worker replaces or calls."""


def test_gunicorn_has_a_ceiling() -> None:
    (named,) = [requirement for requirement in requires("cni-guard") or () if requirement.startswith("gunicorn")]
    ceiling = named.partition("<")[2].partition(",")[0].partition(";")[0]
    assert int(version("gunicorn").split(".")[0]) + 1 == int(ceiling)


@pytest.mark.parametrize("name", USED)
def test_gunicorn_still_has_what_is_replaced(name: str) -> None:
    assert hasattr(GeventWorker, name), f"gunicorn has no {name} any more: see webhook/worker.py"


@pytest.mark.parametrize("name", sorted(set(REPLACED) & set(dir(GeventWorker))))
def test_what_is_replaced_takes_what_gunicorn_passes(name: str) -> None:
    ours, theirs = (list(inspect.signature(getattr(one, name)).parameters) for one in (Worker, GeventWorker))
    assert ours == theirs, f"gunicorn passes other arguments to {name}: see webhook/worker.py"


def test_the_worker_has_the_fields_that_are_read() -> None:
    written = inspect.getsource(Base.__init__)
    for name in ("self.sockets", "self.cfg", "self.log", "self.alive"):
        assert f"{name} =" in written, f"gunicorn's worker has no {name} any more: see webhook/worker.py"
    assert "self.worker_connections" in inspect.getsource(AsyncWorker)
