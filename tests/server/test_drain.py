"""SIGTERM: what is under way is finished, nobody is sent here any more, and the process ends."""

import http.client
import json
import signal

from tests.server.conftest import Answered, Serve, Served, review, until

JSON = {"Content-Type": "application/json"}


def kept_alive(served: Served) -> http.client.HTTPSConnection:
    """A connection that has carried a review."""
    connection = served.connect()
    connection.request("POST", "/validate", json.dumps(review("first")), JSON)
    assert Answered(connection.getresponse()).status == 200
    return connection


def readiness(connection: http.client.HTTPSConnection) -> Answered:
    """What /readyz says on a connection that was open before."""
    connection.request("GET", "/readyz")
    return Answered(connection.getresponse())


def test_a_request_in_flight_is_finished(serve: Serve) -> None:
    served = serve()
    body = json.dumps(review("in-flight"))
    flight = served.connect()
    flight.putrequest("POST", "/validate")
    flight.putheader("Content-Type", JSON["Content-Type"])
    flight.putheader("Content-Length", str(len(body)))
    flight.endheaders(body[:10].encode())
    probe = kept_alive(served)
    waiting = kept_alive(served)

    served.process.send_signal(signal.SIGTERM)
    turned = until(lambda: (seen := readiness(probe)).status == 503 and seen, "turning unready")
    assert turned.headers["Connection"] == "close"
    assert turned.headers["Retry-After"] == "1"
    assert turned.json["draining"] is True
    probe.close()

    waiting.request("POST", "/validate", json.dumps(review("late")), JSON)
    late = Answered(waiting.getresponse())
    assert late.json["response"]["uid"] == "late"
    assert late.headers["Connection"] == "close"
    waiting.close()

    flight.send(body[10:].encode())
    finished = Answered(flight.getresponse())
    assert finished.json["response"]["uid"] == "in-flight"
    assert finished.headers["Connection"] == "close"
    flight.close()
    assert served.wait() == 0


def test_an_idle_connection_does_not_hold_up_the_stop(serve: Serve) -> None:
    served = serve()
    idle = [kept_alive(served) for _ in range(3)]
    silent = served.socket()
    assert served.stop() == 0
    assert not [line for line in served.lines if "graceful timeout" in line]
    assert silent.recv(1) == b""
    silent.close()
    for connection in idle:
        connection.close()


def test_interrupting_it_ends_it(serve: Serve) -> None:
    served = serve()
    served.process.send_signal(signal.SIGINT)
    assert served.wait() == 0
