"""gunicorn's gevent worker with what it lacks in front of an API server: deadlines, and a stop that loses nothing."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import gevent
from greenlet import greenlet
from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from webhook.live import LOG, running

HANDSHAKE_SECONDS = 5
"""A client that has not finished the TLS handshake by then is let go."""

REQUEST_SECONDS = 10
"""Reading the body, judging and answering: longer than an API server waits (3 s where we register)."""

LINGER_SECONDS = 3
"""After SIGTERM, how long an idle connection may still bring a request, which is answered with `Connection: close`."""

LEFT_OVER = 16 * 2**20
"""Bytes of a body that were not read, taken off the connection so that the client sees the answer (413)."""


class Quiet(Logger):
    """gunicorn's logger without its access log: there is one line a decision, ours."""

    def access(self, *_: object) -> None:
        """Say nothing. Even composing a line that nobody reads would cost a tenth of a request."""


class Worker(GeventWorker):
    """One process that serves every connection, each in a greenlet."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._idle: dict[greenlet, gevent.Timeout] = {}
        self._stopped_at = 0.0

    def load_wsgi(self) -> None:
        """Load the application, and let each answer say whether its connection goes on when it begins.

        gunicorn decides that when a request begins. One that SIGTERM met half-way would promise a connection that is
        about to go; and it must not be taken back once it is promised, since an API server does not try again.
        """
        super().load_wsgi()
        application = self.wsgi

        def answer(environ: Any, start_response: Any) -> Any:
            def begin(*arguments: Any) -> Any:
                if not self.alive:
                    start_response.__self__.force_close()
                return start_response(*arguments)

            return application(environ, begin)

        self.wsgi = answer

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection. The handshake is done here, within a deadline, and its failure is no traceback."""
        try:
            with gevent.Timeout(HANDSHAKE_SECONDS):
                client.do_handshake()
        except gevent.Timeout:
            self._no_handshake(addr, "the client was silent")
        except ssl.SSLEOFError:
            util.close(client)  # a TCP probe
        except ssl.SSLError as error:
            self._no_handshake(addr, error.reason or str(error))
        except OSError:
            util.close(client)
        else:
            super().handle(listener, client, addr)
            return
        util.close(client)

    def _no_handshake(self, addr: Any, reason: str) -> None:
        running().metrics.handshake_failed()
        LOG.warning({"message": "TLS handshake failed", "client": str(addr[0]), "reason": reason})

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer one request within a deadline, however slowly its body comes."""
        done = False
        with _silent(REQUEST_SECONDS):
            try:
                super().handle_request(listener_name, req, sock, addr)
            except gevent.Timeout:
                req.body.failed = True  # nothing more will come of it
                raise
            finally:
                _read_off(req.body)
            _let_others()
            done = True
        if not done:
            LOG.warning({"message": "request took too long; connection closed", "client": str(addr[0])})
            raise StopIteration
        return True

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override] # a context manager, whatever the stubs say
        """The time that a connection may wait for its next request; gunicorn asks before each."""
        with _silent(self.cfg.keepalive) as timeout:
            me = gevent.getcurrent()
            self._idle[me] = timeout
            try:
                yield
            finally:
                del self._idle[me]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: not ready from here on, and every answer closes its connection."""
        super().handle_exit(sig, frame)
        self._stopped_at = time.monotonic()
        running().draining = True

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C: as SIGTERM, instead of an exit inside a greenlet that prints a traceback."""
        self.handle_exit(sig, frame)

    def notify(self) -> None:
        """Let idle connections go; gunicorn calls this each second, also while it stops."""
        super().notify()
        if self._stopped_at and time.monotonic() - self._stopped_at > LINGER_SECONDS:
            for waiting, timeout in list(self._idle.items()):
                gevent.get_hub().loop.run_callback(self._let_go, waiting, timeout)

    def _let_go(self, waiting: greenlet, timeout: gevent.Timeout) -> None:
        """End a wait for a request, unless the request came meanwhile."""
        if self._idle.get(waiting) is timeout:
            waiting.throw(timeout)


def _let_others() -> None:
    """Serve whoever else has something to read before this connection goes on.

    Without it a client that sends its next request fast enough never lets go of the process. A timer that is due
    makes the loop look at every connection; `gevent.sleep(0)` would not.
    """
    hub = gevent.get_hub()
    due = hub.loop.timer(0.0)
    try:
        hub.wait(due)
    finally:
        due.close()


def _silent(seconds: float) -> gevent.Timeout:
    """A deadline that ends its `with` block without an exception."""
    return gevent.Timeout(seconds, exception=False)  # type: ignore[arg-type] # the stubs forget this documented use


def _read_off(body: Any) -> None:
    """Take what was not read of a body off the connection: closing it with bytes unread would lose the answer."""
    left = LEFT_OVER
    # Broken framing after the answer is no second answer: gunicorn closes a connection whose body failed.
    with suppress(Exception):
        while left > 0 and not body.failed and (data := body.read(2**16)):
            left -= len(data)
    body.failed = body.failed or left <= 0
