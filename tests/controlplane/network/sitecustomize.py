"""The route to the simulated nodes, in this process: 10.95.N.x is the machine's own 127.95.N.x, 10.96.N.x 127.96.N.x.

An EndpointSlice takes no loopback address, and nothing else of this machine can be listened on without further rights.
A Python that finds this file on its path has the route from its start, under the name that the interpreter looks for.
"""

import re
import socket
from typing import Any

_connect = socket.socket.connect


def _routed(self: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and isinstance(address[0], str):
        address = (re.sub(r"^10(?=\.9[56]\.)", "127", address[0]), *address[1:])
    _connect(self, address)


setattr(socket.socket, "connect", _routed)  # noqa: B010 - the type of a C method takes no other function
