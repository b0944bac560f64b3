"""`reviewlens serve`: uvicorn, with limits on all that a client can drag out or pile up."""

from __future__ import annotations

import logging
import resource
import socket
from asyncio import TimerHandle, Transport
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

ARRIVAL_SECONDS = 15.0
"""For a request to arrive, head and body. A slow body is answered with 408 before (app/api/limits.py)."""
UNREAD_SECONDS = 60
"""For a client to take anything of an answer that waits for it."""
GRACE_SECONDS = 27
"""For requests after SIGTERM: a verdict may take 25. The last push comes after them, and takes 5 at most."""
SILENT_SECONDS = 30
"""For a worker to answer its supervisor before it is replaced: a pause of the machine is no death."""
CONNECTIONS = 1_000
"""Of one worker at once; fewer where it may have few files open."""
_FILES = 4_096
_OTHER_FILES = 64  # of a worker: store, worker files, logs, calls of providers

_ARRIVING = (h11.IDLE, h11.SEND_BODY)
_log = logging.getLogger("uvicorn.error")


def run(host: str, port: int, workers: int | None) -> None:
    """Serve the API until SIGTERM or SIGINT."""
    spare = max(_files() - _OTHER_FILES, 4)
    uvicorn.run(
        "app.main:app",
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_config=None,
        http=Protocol,
        ws="none",
        limit_concurrency=min(CONNECTIONS, spare // 2),
        # asyncio accepts so many before it looks at the first, and as many again before it has closed one.
        backlog=min(CONNECTIONS, spare // 4),
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=SILENT_SECONDS,
    )


def _files() -> int:
    """How many files a worker may have open: as many as are allowed, up to 4,096."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return most
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


class Protocol(H11Protocol):
    """A connection with time limits for its requests and its answers, and a limit on their number."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._waits_since = self.loop.time()
        self._arrival: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for a request. At the limit, the connection that has waited longest makes room."""
        super().connection_made(transport)
        _configure(transport.get_extra_info("socket"))
        self._wait_for_arrival()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take in what came; the rest of its request has a time limit."""
        super().data_received(data)
        if self.conn.their_state in _ARRIVING:
            self._wait_for_arrival()
        else:
            self._arrived()

    def _unsupported_upgrade_warning(self) -> None:
        """Websockets are off on purpose: uvicorn would advise to install a library for them."""

    def on_response_complete(self) -> None:
        """Wait for the next request, within uvicorn's own limit until its first byte."""
        self._waits_since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._arrived()
        super().connection_lost(exc)

    def _wait_for_arrival(self) -> None:
        if self._arrival is None:
            self._arrival = self.loop.call_later(ARRIVAL_SECONDS, self.transport.abort)

    def _arrived(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _make_room(self) -> None:
        waiting = [other for other in self.connections if isinstance(other, Protocol) and other._waits()]
        longest = min(waiting, key=lambda other: other._waits_since)
        if longest is not self:
            _log.warning("too many connections: the ones without a complete request are ended")
            longest.transport.abort()

    def _waits(self) -> bool:
        return self.conn.their_state in _ARRIVING and not self.transport.is_closing()


def _configure(connection: socket.socket) -> None:
    """Answer at once, and end a connection whose client takes nothing.

    asyncio turns Nagle's algorithm off only for a socket that names TCP. The socket that uvicorn's workers
    share does not: each answer on a kept connection would wait 40 ms for the client's acknowledgement.
    """
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
