"""A way to a server that can lead elsewhere from now on, take long, or lose answers: what was asked arrives
and is done then, and nobody hears of it.

with detour(port) as way:
    way.to = other_port  # for connections to come; open ones stay where they lead
    way.seconds = 0.5    # each answer takes so much longer
    way.lose = 1         # the next answer, with its connection; `lost` counts them
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Detour:
    """The way, as a virtual address in front of two servers is one."""

    def __init__(self, listener: socket.socket, to: int) -> None:
        self.port: int = listener.getsockname()[1]
        self.to, self.seconds = to, 0.0
        self.lose = self.lost = 0
        self._listener = listener
        self._ends: list[socket.socket] = []

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                try:
                    far = socket.create_connection(("127.0.0.1", self.to))
                except OSError:
                    near.close()
                    continue
                self._ends += [near, far]
                for ends in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers:
                    time.sleep(self.seconds)
                    if self.lose:
                        self.lose -= 1
                        self.lost += 1
                        break
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in self._ends:
            each.close()


@contextmanager
def detour(to: int) -> Iterator[Detour]:
    """A way to a loopback port, from a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = Detour(listener, to)
        thread = threading.Thread(target=way.serve, daemon=True)
        thread.start()
        yield way
        way.close()
        thread.join(10)
