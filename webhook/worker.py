"""gunicorn's gevent worker, extended for API servers: deadlines, limits per peer, and a stop that loses no request."""

import gc
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import Any

import gevent
from gevent.pool import Group
from gevent.socket import wait_read
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from webhook import process, refusals
from webhook.acceptor import Acceptor, Named
from webhook.connections import Connection, Connections, Reason, State, peer_of
from webhook.counted import Counted, read_off
from webhook.intake import GivenWayError, Intake
from webhook.limits import (
    HANDSHAKE_SECONDS,
    HEAD_SECONDS,
    LINGER_SECONDS,
    NORMAL_BODY,
    REQUEST_SECONDS,
    TURN_BYTES,
)
from webhook.live import LOG, running
from webhook.summary import Summary
from webhook.turns import Turns, let_others


class Worker(GeventWorker):
    """A process that serves each connection in a greenlet."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._stopped_at = 0.0
        self._linger = LINGER_SECONDS
        self._untidy = False
        self._greenlets: Group
        self._connections: Connections
        self._intake: Intake[Connection]
        self._turns: Turns
        self._summary: Summary

    # The life of the process

    def load_wsgi(self) -> None:
        """Load the application, and decide whether a connection stays open when its response begins.

        gunicorn decides this when the request begins. A SIGTERM in between would let the response announce an open
        connection that is about to close, and an API server does not retry on a closed connection.
        """
        process.give_back()
        super().load_wsgi()
        application = self.wsgi

        def answer(environ: Any, start_response: Any) -> Any:
            connection = _current()

            def begin(status: str, *arguments: Any) -> Any:
                self._answered(connection, environ["REQUEST_METHOD"], status)
                if not (self.alive and connection.goes_on(environ["REQUEST_METHOD"])):
                    start_response.__self__.force_close()
                return start_response(status, *arguments)

            return application(environ, begin)

        self.wsgi = answer

    def run(self) -> None:
        """Accept connections until shortly after SIGTERM, then finish the requests in progress."""
        self._greenlets = Group()
        self._summary = Summary(running().metrics)
        self._connections = Connections(process.allow_files(self.worker_connections), self._summary.refused)
        self._intake = Intake(time.monotonic, self._end_request)
        self._turns = Turns()
        acceptors = [
            Acceptor(one, partial(self._take, Named(one)), lambda: self._connections.shed("descriptors"))
            for one in self.sockets
        ]
        while self.alive:
            self.notify()
            gevent.sleep(0.25)
        while time.monotonic() - self._stopped_at < self._linger:
            self.notify()
            gevent.sleep(0.1)
        gevent.joinall([gevent.spawn(one.close) for one in acceptors])
        self._finish()

    def _finish(self) -> None:
        """Wait for requests in progress."""
        end = self._stopped_at + self.cfg.graceful_timeout
        while self._greenlets and time.monotonic() < end:
            self.notify()
            self._greenlets.join(timeout=0.1)
        if self._greenlets:
            self.log.warning("Worker graceful timeout (pid:%s)", self.pid)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: become unready, and close each connection with its next response."""
        super().handle_exit(sig, frame)
        self._stopped_at = self._stopped_at or time.monotonic()
        running().draining = True

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C: like SIGTERM, but the port closes immediately."""
        self._linger = 0.0
        self.handle_exit(sig, frame)

    def notify(self) -> None:
        """Log refusals, and close idle connections during a stop. Called at least once a second."""
        super().notify()
        self._summary.look()
        if self._untidy:
            # Failed and large requests leave reference cycles that hold much memory, and collections are rare.
            self._untidy = False
            gc.collect()
        if not self._stopped_at:
            return
        since = time.monotonic() - LINGER_SECONDS
        for connection in self._connections.waiting():
            if connection.since < since and self._stopped_at < since:
                gevent.get_hub().loop.run_callback(self._let_go, connection)

    # One connection

    def _take(self, listener: Any, client: Any, address: Any) -> None:
        """Serve an accepted connection, or close it if there are too many."""
        connection = Connection(peer_of(address[0]), time.monotonic(), client)
        if not self._connections.admit(connection):
            client.close()
            return
        greenlet: Any = gevent.Greenlet(self._serve, listener, client, address, connection)
        greenlet.connection = connection
        connection.greenlet = greenlet
        self._greenlets.start(greenlet)

    def _serve(self, listener: Any, client: Any, address: Any, connection: Connection) -> None:
        try:
            wrapped = self._shake_hands(client, connection)
            if wrapped is not None:
                self._enter(connection, State.SILENT)
                counted: Any = Counted(wrapped, connection, self._arrived)
                self.handle(listener, counted, address)
        finally:
            self._connections.remove(connection)
            self._intake.release(connection)
            connection.greenlet = connection.request = connection.sock = None

    def _shake_hands(self, client: Any, connection: Connection) -> Any:
        """Do the TLS handshake, within a deadline and one at a time.

        Returns:
            The wrapped socket; None if the handshake failed.
        """
        wrapped, reason = client, ""
        try:
            with gevent.Timeout(HANDSHAKE_SECONDS):
                wait_read(client.fileno())
                if not connection.dropped:
                    self._turns.wait(connection.peer)
                if connection.dropped:
                    raise ConnectionAbortedError  # it made room for others while it waited
                wrapped = running().listener.wrap_socket(client, server_side=True)
                connection.sock = wrapped
                wrapped.do_handshake()
                return wrapped
        except gevent.Timeout:
            reason = "the client did not complete it in time"
        except ssl.SSLEOFError:
            pass  # a TCP probe
        except ssl.SSLError as error:
            reason = error.reason or str(error)
        except OSError:
            pass
        util.close(wrapped)
        if reason and not connection.dropped:
            running().metrics.handshake_failed()
            LOG.warning({"message": "TLS handshake failed", "client": connection.peer, "reason": reason})
        return None

    def _enter(self, connection: Connection, state: State) -> None:
        self._connections.enter(connection, state, time.monotonic())

    def _let_go(self, connection: Connection) -> None:
        """Close an idle connection, unless a request has arrived meanwhile."""
        if connection.waits and not connection.dropped and not connection.asks:
            connection.end()

    # One request

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override] # a context manager, whatever the stubs say
        """Limit the wait for the next request; gunicorn enters it before each one."""
        connection = _current()
        self._enter(connection, State.SILENT)
        connection.deadline = gevent.Timeout.start_new(self.cfg.keepalive)
        if connection.ahead():
            self._head_begins(connection)
        try:
            yield
        except gevent.Timeout as timeout:
            if timeout is not connection.deadline:
                raise
            if connection.state is State.HEAD:
                self._too_slow(connection, "slow_head")
        finally:
            connection.deadline.close()

    def _arrived(self, connection: Connection, count: int) -> None:
        """Account for bytes that arrived; the first of a request start the deadline for its head."""
        if connection.state is State.SILENT:
            self._head_begins(connection)
        if connection.arrives:
            self._intake.arrived(connection, count)
            if connection.gives_way:
                connection.gives_way = False
                raise GivenWayError
            before, connection.received = connection.received, connection.received + count
            if before // TURN_BYTES < connection.received // TURN_BYTES:
                let_others()

    def _head_begins(self, connection: Connection) -> None:
        self._enter(connection, State.HEAD)
        connection.received = 0
        connection.deadline.close()
        connection.deadline = gevent.Timeout.start_new(HEAD_SECONDS)

    def _end_request(self, connection: Connection) -> None:
        """Make a request give way: immediately if its greenlet is running, else in the event loop."""
        connection.gives_way = True
        if gevent.getcurrent() is not connection.greenlet:
            gevent.get_hub().loop.run_callback(self._throw, connection)

    def _throw(self, connection: Connection) -> None:
        if connection.gives_way and connection.arrives:
            connection.gives_way = False
            connection.greenlet.throw(GivenWayError())

    def _answered(self, connection: Connection, method: str, status: str) -> None:
        """A response begins, so nothing of the request is held any longer."""
        self._enter(connection, State.ANSWER)
        self._intake.release(connection)
        connection.gives_way = False
        if method == "POST" and status.startswith("200"):
            self._connections.prove(connection)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer one request within a deadline, which includes reading its body."""
        connection = sock.connection
        self._enter(connection, State.BODY)
        connection.request = req
        done = False
        with gevent.Timeout(REQUEST_SECONDS, exception=False):  # type: ignore[arg-type] # the stubs forget this use
            try:
                super().handle_request(listener_name, req, sock, addr)
            except gevent.Timeout:
                req.body.failed = True  # do not read the rest
                raise
            finally:
                read_off(req.body)
                sock.unread = req.body.failed
                self._untidy = self._untidy or req.body.failed or connection.received > NORMAL_BODY
            let_others()
            done = True
        if not done:
            self._too_slow(connection, "slow_request")
            raise StopIteration
        return True

    def _too_slow(self, connection: Connection, reason: Reason) -> None:
        self._summary.refused(connection.peer, reason)
        said = "head of a request" if reason == "slow_head" else "request"
        LOG.warning({"message": f"{said} took too long; connection closed", "client": connection.peer})

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's
        """Answer a request that gunicorn cannot parse, in JSON like all others."""
        if isinstance(exc, ssl.SSLError):
            return  # there is no connection to answer on
        connection = client.connection
        self._answered(connection, "", "")
        status, reason = refusals.of(exc)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling request", exc_info=exc)
        else:
            LOG.warning({"message": "invalid request", "client": connection.peer, "status": status, "reason": reason})
        running().metrics.refused(status)
        client.unread = True
        with suppress(OSError), gevent.Timeout(REQUEST_SECONDS, exception=False):  # type: ignore[arg-type] # the stubs forget this use
            client.sendall(refusals.answer(status, reason))


def _current() -> Connection:
    """The connection of the current greenlet."""
    connection: Connection = gevent.getcurrent().connection  # type: ignore[attr-defined] # set by `_take`
    return connection
