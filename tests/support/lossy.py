"""A way to a server on which answers get lost: what was asked arrives and is done, nobody hears of it.

with lossy(port) as way:
    way.lose = 1  # the next answer
    connect_to(way.port)
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Lossy:
    """The way; `lose` is how many answers to come are lost, each with its connection."""

    def __init__(self, listener: socket.socket, to: int) -> None:
        self.port: int = listener.getsockname()[1]
        self.lose = 0
        self.lost = 0
        self._listener, self._to = listener, to
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for pump in (self._ask, self._answer):
                    threading.Thread(target=pump, args=(near, far), daemon=True).start()

    def close(self) -> None:
        """End every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in self._open:
            each.close()

    @staticmethod
    def _ask(near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if self.lose:
                    self.lose -= 1
                    self.lost += 1
                    near.shutdown(socket.SHUT_RDWR)
                    return
                near.sendall(data)


@contextmanager
def lossy(to: int) -> Iterator[Lossy]:
    """A way to a loopback port, from a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = Lossy(listener, to)
        thread = threading.Thread(target=way.serve, daemon=True)
        thread.start()
        yield way
        way.close()
        thread.join(10)
