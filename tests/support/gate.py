"""A way to a server that can be cut, or be gone, and be there again under the same port.

with gate(port) as way:
    way.cut = True  # each connection ends before its answer
    way.close()     # nobody listens
    way.open()
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """The way. `met` is how many connections were cut."""

    def __init__(self, to: int, port: int) -> None:
        self.port, self.cut, self.met = port, False, 0
        self._to = to
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []

    def open(self) -> None:
        """Listen."""
        self._listener = listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=[listener], daemon=True).start()

    def close(self) -> None:
        """Listen no more, and end what is open."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._listener = None
        self.hang_up()

    def hang_up(self) -> None:
        """End every connection that is open."""
        while self._ends:
            with suppress(OSError):
                self._ends.pop().shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                threading.Thread(target=self._connected, args=[near], daemon=True).start()

    def _connected(self, near: socket.socket) -> None:
        if self.cut:
            near.recv(1024)
            self.met += 1
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self._to))
        self._ends += [near, far]
        threading.Thread(target=_pump, args=[far, near], daemon=True).start()
        _pump(near, far)


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@contextmanager
def gate(to: int, port: int) -> Iterator[Gate]:
    """A way to a loopback port, open at first."""
    way = Gate(to, port)
    way.open()
    try:
        yield way
    finally:
        way.close()
